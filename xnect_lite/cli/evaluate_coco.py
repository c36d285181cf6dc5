"""``xnect-lite eval coco``: COCO keypoint AP."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xnect_lite.cli.evaluate_benchmarks import Wanted, add_common, check_common, file_itself, find_or_read, name_of, report


def add(kinds: argparse._SubParsersAction) -> None:
    """Register the data set."""
    parser = kinds.add_parser("coco", help="COCO keypoints val2017: AP and AR by pycocotools")
    add_common(parser)
    parser.add_argument(
        "--results", metavar="FILE", help="keep what was found in COCO's own format; --predictions takes it, too"
    )
    parser.add_argument("--flip-test", action="store_true", help="average the answers to each picture and its mirror image")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="about N, evenly spread; what is printed says so")
    parser.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    check_common(options)
    from xnect_lite.evaluate.coco import DATA_SET, CocoSet, write_results
    from xnect_lite.evaluate.finding import StillFinder
    from xnect_lite.evaluate.joint_lists import COCO
    from xnect_lite.evaluate.results import result

    data = CocoSet(Path(options.root), options.limit)
    made_by: Mapping[str, Any]
    speed: Mapping[str, float] = {}
    if options.predictions and Path(options.predictions).suffix == ".json":
        path = Path(options.predictions)
        records = data.read_results(path)
        made_by = file_itself(path)
    else:
        wanted = Wanted(
            DATA_SET, COCO, data.records(), data.everything, data.clips,
            lambda system: StillFinder(system.config, system.predictor, options.flip_test),
            settings={"flip_test": options.flip_test},
        )  # fmt: skip
        answers = find_or_read(options, wanted)
        if answers is None:
            return 1
        records, made_by, speed = data.results(answers.found), answers.made_by, answers.speed
    if options.results:
        write_results(Path(options.results), records)
    figures = data.score(records)
    title = "Keypoint AP and AR"
    table = {name_of(made_by): {name: figures[name] for name in ("ap", "ap_50", "ap_75", "ap_medium", "ap_large", "ar")}}
    return report(options, result(title, data.data, data.part, {**figures, **speed}, {title: table}, made_by))
