"""``xnect-lite eval lsp``: Leeds Sports Poses and its extended set."""

from __future__ import annotations

import argparse
from pathlib import Path

from xnect_lite.cli.evaluate_benchmarks import Wanted, add_common, check_common, find_or_read, name_of, report


def add(kinds: argparse._SubParsersAction) -> None:
    """Register the data set."""
    parser = kinds.add_parser("lsp", help="Leeds Sports Poses: PCK@0.2 of the torso")
    add_common(parser)
    parser.add_argument("--extended", action="store_true", help="LSPET's held-back pictures instead of LSP's test pictures")
    parser.add_argument("--flip-test", action="store_true", help="average the answers to each picture and its mirror image")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="about N, evenly spread; what is printed says so")
    parser.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    check_common(options)
    from xnect_lite.evaluate.finding import StillFinder
    from xnect_lite.evaluate.joint_lists import LSP
    from xnect_lite.evaluate.lsp import LspSet
    from xnect_lite.evaluate.results import result

    data = LspSet(Path(options.root), options.extended, options.limit)
    everything = LspSet(Path(options.root), options.extended).records() if options.limit else ()
    wanted = Wanted(
        data.data_set, LSP, data.records(), everything, data.clips,
        lambda system: StillFinder(system.config, system.predictor, options.flip_test),
        settings={"flip_test": options.flip_test},
    )  # fmt: skip
    answers = find_or_read(options, wanted)
    if answers is None:
        return 1
    figures = data.score(answers.found)
    title = "PCK@0.2 of the torso"
    table = {name_of(answers.made_by): {name: value for name, value in figures.items() if name != "people"}}
    return report(options, result(title, data.data, data.part, {**figures, **answers.speed}, {title: table}, answers.made_by))
