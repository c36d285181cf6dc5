"""``xnect-lite eval lsp``: Leeds Sports Poses and its extended set."""

from __future__ import annotations

import argparse
from pathlib import Path

from xnect_lite.cli.evaluate_benchmarks import Wanted, check_common, find_or_read, name_of, report
from xnect_lite.evaluate.finding import StillFinder
from xnect_lite.evaluate.joint_lists import LSP
from xnect_lite.evaluate.lsp import LspSet
from xnect_lite.evaluate.results import result


def run_evaluate(options: argparse.Namespace) -> int:
    check_common(options)
    data = LspSet(Path(options.root), options.extended, options.limit)
    everything = LspSet(Path(options.root), options.extended).records() if options.limit else ()
    wanted = Wanted(
        data.data_set, LSP, data.records(), everything, data.clips,
        lambda system: StillFinder(system.config, system.predictor, options.flip_test),
        settings={"flip_test": options.flip_test},
    )  # fmt: skip
    answers = find_or_read(options, wanted)
    figures = data.score(answers.found)
    title = "PCK@0.2 of the torso"
    table = {name_of(answers.made_by): {name: value for name, value in figures.items() if name != "people"}}
    return report(options, result(title, data.data, data.part, {**figures, **answers.speed}, {title: table}, answers.made_by))
