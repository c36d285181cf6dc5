"""``xnect-lite eval mpii``: PCKh of people one at a time, or average precision of groups."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xnect_lite.cli.evaluate_benchmarks import Wanted, check_common, find_or_read, name_of, report
from xnect_lite.cli.evaluate_single import evaluate_single
from xnect_lite.errors import XnectError
from xnect_lite.evaluate import mpii
from xnect_lite.evaluate.costs import costs
from xnect_lite.evaluate.finding import StillFinder
from xnect_lite.evaluate.joint_lists import MPII
from xnect_lite.evaluate.mpii_people import groups_of, people_of
from xnect_lite.evaluate.results import result


def run_evaluate(options: argparse.Namespace) -> int:
    check_common(options)
    if options.single or options.model_file:
        return evaluate_single(options)
    if options.groups and options.split == "train":
        raise XnectError("--groups --split train", "is not offered", "Groups are scored on the validation pictures")

    folder, groups = Path(options.root), options.groups
    asked: tuple[Sequence[Any], str] = groups_of(folder) if groups else people_of(folder, options.split)
    everybody, split = asked
    if not everybody:
        raise XnectError(options.root, "holds nobody to be found", "docs/datasets.md shows the folders expected")
    chosen, part = mpii.part_of(everybody, options.limit)
    windows = mpii.windows_of_groups if groups else mpii.windows_of_people
    wanted = Wanted(
        mpii.GROUPS if groups else mpii.ONE, MPII, [one.record for one in chosen], [one.record for one in everybody],
        lambda: [windows(chosen, folder)],
        lambda system: StillFinder(system.config, system.predictor, options.flip_test),
        settings={"flip_test": options.flip_test},
    )  # fmt: skip
    answers = find_or_read(options, wanted)
    if groups:
        title, figures = "AP of groups, evalMPII rules", mpii.score_groups(chosen, answers.found)
        columns = [*mpii.mpii_groups.COLUMNS, "map"]
    else:
        title, figures = "PCKh, official rule (at most)", mpii.score_people(chosen, answers.found)
        columns = [*mpii.pckh.COLUMNS, "mean", "mean_at_0.1", "mean_at_0.11"]
    table = {name_of(answers.made_by): {name: figures[name] for name in columns}}
    if answers.system:
        figures |= costs(answers.system.config.network, (1, 1), passes=1 + options.flip_test)
    data = f"MPII Human Pose, {split}: {len(chosen):,} {'groups' if groups else 'people'}"
    return report(options, result(title, data, part, {**figures, **answers.speed}, {title: table}, answers.made_by))
