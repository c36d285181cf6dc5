"""``xnect-lite eval mupots``: MuPoTS-3D's official score."""

from __future__ import annotations

import argparse
from pathlib import Path

from xnect_lite.cli.evaluate_benchmarks import Wanted, check_common, find_or_read, report
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.finding import ClipFinder, StillFinder
from xnect_lite.evaluate.joint_lists import MUPOTS
from xnect_lite.evaluate.mupots import DATA_SET, MupotsSet
from xnect_lite.evaluate.mupots_mat import read_two
from xnect_lite.evaluate.results import result


def run_evaluate(options: argparse.Namespace) -> int:
    check_common(options)
    if options.every < 1 or (options.every > 1 and options.stage == "fitting"):
        raise XnectError(f"--every {options.every}", "is not possible here", "Give 1 or more; tracking needs every frame")
    two_files = bool(options.predictions) and Path(options.predictions).suffix == ".mat"
    if two_files != bool(options.predictions_3d):
        raise XnectError("--predictions-3d", "belongs to --predictions of a .mat file", "Give both .mat files, or one .jsonl")

    chosen = [name.strip() for name in options.sequences.split(",") if name.strip()]
    data = MupotsSet(Path(options.root), chosen, options.every)
    live = options.stage == "fitting"
    finder = ClipFinder if live else StillFinder
    wanted = Wanted(
        DATA_SET, MUPOTS, data.records(), data.other_records(), lambda: data.clips(whole=live),
        lambda system: finder(system.config, system.predictor), with_3d=True,
        settings={"stage": options.stage, "camera": "focal length fitted to the labels"},
        read=(lambda path: read_two(path, Path(options.predictions_3d), data.records())) if two_files else None,
    )  # fmt: skip
    answers = find_or_read(options, wanted)
    figures, tables = data.score(answers.found)
    figures |= answers.speed
    return report(options, result("MuPoTS-3D protocol", data.data, data.part, figures, tables, answers.made_by))
