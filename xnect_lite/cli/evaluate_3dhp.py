"""``xnect-lite eval 3dhp``: the test set of MPI-INF-3DHP."""

from __future__ import annotations

import argparse
from pathlib import Path

from xnect_lite.cli.evaluate_benchmarks import Wanted, check_common, find_or_read, report
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.finding import StillFinder
from xnect_lite.evaluate.joint_lists import MUPOTS
from xnect_lite.evaluate.mpi_inf_3dhp import DATA_SET, Mpi3dhpSet
from xnect_lite.evaluate.results import result


def run_evaluate(options: argparse.Namespace) -> int:
    check_common(options)
    if options.every < 1:
        raise XnectError(f"--every {options.every}", "is less than 1", "Give 1 or more")

    chosen = [name.strip() for name in options.sequences.split(",") if name.strip()]
    data = Mpi3dhpSet(Path(options.root), chosen, options.every)
    wanted = Wanted(
        DATA_SET, MUPOTS, data.records(), data.other_records(), data.clips,
        lambda system: StillFinder(system.config, system.predictor), with_3d=True,
        settings={"camera": "focal length fitted to the labels"},
    )  # fmt: skip
    answers = find_or_read(options, wanted)
    figures, tables = data.score(answers.found)
    title = "MPI-INF-3DHP protocol, root-relative"
    return report(options, result(title, data.data, data.part, {**figures, **answers.speed}, tables, answers.made_by))
