"""``xnect-lite eval coco``: COCO keypoint AP."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xnect_lite.cli import evaluate_coco_single
from xnect_lite.cli.evaluate_benchmarks import Wanted, check_common, file_itself, find_or_read, name_of, report
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.coco import DATA_SET, CocoSet, write_results
from xnect_lite.evaluate.finding import StillFinder
from xnect_lite.evaluate.joint_lists import COCO
from xnect_lite.evaluate.results import result


def run_evaluate(options: argparse.Namespace) -> int:
    if options.model_file:
        return evaluate_coco_single.run_evaluate(options)
    if options.boxes:
        raise XnectError("--boxes", "are for a network of one person's crop", "Give --model-file FILE")
    check_common(options)
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
        records, made_by, speed = data.results(answers.found), answers.made_by, answers.speed
    if options.results:
        write_results(Path(options.results), records)
    figures = data.score(records)
    title = "Keypoint AP and AR"
    table = {name_of(made_by): {name: figures[name] for name in ("ap", "ap_50", "ap_75", "ap_medium", "ap_large", "ar")}}
    return report(options, result(title, data.data, data.part, {**figures, **speed}, {title: table}, made_by))
