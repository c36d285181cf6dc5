"""``xnect-lite eval mpii``: PCKh of people one at a time, or average precision of groups."""

from __future__ import annotations

import argparse
from pathlib import Path

from xnect_lite.commands.evaluate_benchmarks import (
    OurSystem,
    add_common,
    check_common,
    made_by_file,
    report,
    run_and_save,
    speed,
)
from xnect_lite.errors import XnectError


def add(kinds: argparse._SubParsersAction) -> None:
    """Register the data set."""
    mpii = kinds.add_parser("mpii", help="MPII Human Pose: PCKh one by one, or average precision of groups")
    add_common(mpii)
    mpii.add_argument("--split", choices=("val", "train"), default="val", help="default val: the list of annot/valid.json")
    mpii.add_argument("--groups", action="store_true", help="score groups of people by evalMPII's rules; needs groups_v12.mat")
    mpii.add_argument("--flip-test", action="store_true", help="average the answers to each picture and its mirror image")
    mpii.add_argument("--limit", type=int, default=0, metavar="N", help="about N, evenly spread; what is printed says so")
    mpii.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    check_common(options)
    if options.groups and options.split == "train":
        raise XnectError("--groups --split train", "is not offered", "Groups are scored on the validation pictures")
    from xnect_lite.evaluate import mpii
    from xnect_lite.evaluate.costs import costs
    from xnect_lite.evaluate.finding import StillFinder
    from xnect_lite.evaluate.joint_lists import MPII
    from xnect_lite.evaluate.mpii_people import groups_of, people_of
    from xnect_lite.evaluate.predictions import read_predictions
    from xnect_lite.evaluate.results import result

    folder = Path(options.root)
    everybody, split = groups_of(folder) if options.groups else people_of(folder, options.split)
    if not everybody:
        raise XnectError(options.root, "holds nobody to be found", "docs/datasets.md shows the folders expected")
    chosen, part = mpii.part_of(everybody, options.limit)
    data_set = mpii.GROUPS if options.groups else mpii.ONE
    run, price = None, {}
    if options.predictions:
        records = [one.record for one in chosen]
        others = [one.record for one in everybody]
        found = read_predictions(Path(options.predictions), data_set, MPII.names, records, optional=others)
        made_by = made_by_file(options.predictions)
    else:
        windows = (mpii.windows_of_groups if options.groups else mpii.windows_of_people)(chosen, folder)
        system = OurSystem(options, flip_test=options.flip_test)
        price = costs(system.config.network, (1, 1), passes=1 + options.flip_test)
        finder = StillFinder(system.config, system.predictor, options.flip_test)
        run = run_and_save(options, system, finder, [windows], data_set, MPII, with_3d=False)
        if run is None:
            return 1
        found, made_by = run.found, system.made_by
    if options.groups:
        figures = mpii.score_groups(chosen, found)
        title, what, columns = "AP of groups, evalMPII rules", "groups", ["map"]
        head = list(mpii.mpii_groups.COLUMNS)
    else:
        figures = mpii.score_people(chosen, found)
        title, what, columns = "PCKh, official rule (at most)", "people", ["mean", "mean_at_0.1", "mean_at_0.11"]
        head = list(mpii.pckh.COLUMNS)
    row = {name: figures[name] for name in [*head, *columns]}
    name = str(made_by.get("backbone") or made_by.get("system") or made_by.get("predictions"))
    data = f"MPII Human Pose, {split}: {len(chosen):,} {what}"
    measured = result(title, data, part, figures | price | speed(run), {title: {name: row}}, made_by)
    return report(options, measured)
