"""``xnect-lite eval 3dhp``: the test set of MPI-INF-3DHP."""

from __future__ import annotations

import argparse
from pathlib import Path

from xnect_lite.cli.evaluate_benchmarks import Wanted, add_common, check_common, find_or_read, report
from xnect_lite.errors import XnectError


def add(kinds: argparse._SubParsersAction) -> None:
    """Register the data set."""
    parser = kinds.add_parser("3dhp", help="MPI-INF-3DHP's test set: 3DPCK, AUC and MPJPE, root-relative")
    add_common(parser)
    parser.add_argument("--sequences", default="", metavar="TS1,TS2", help="only these; what is printed says so")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only 1 frame in N; what is printed says so")
    parser.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    check_common(options)
    if options.every < 1:
        raise XnectError(f"--every {options.every}", "is less than 1", "Give 1 or more")
    from xnect_lite.evaluate.finding import StillFinder
    from xnect_lite.evaluate.joint_lists import MUPOTS
    from xnect_lite.evaluate.mpi_inf_3dhp import DATA_SET, Mpi3dhpSet
    from xnect_lite.evaluate.results import result

    chosen = [name.strip() for name in options.sequences.split(",") if name.strip()]
    data = Mpi3dhpSet(Path(options.root), chosen, options.every)
    wanted = Wanted(
        DATA_SET, MUPOTS, data.records(), data.other_records(), data.clips,
        lambda system: StillFinder(system.config, system.predictor), with_3d=True,
        settings={"camera": "focal length fitted to the labels"},
    )  # fmt: skip
    answers = find_or_read(options, wanted)
    if answers is None:
        return 1
    figures, tables = data.score(answers.found)
    title = "MPI-INF-3DHP protocol, root-relative"
    return report(options, result(title, data.data, data.part, {**figures, **answers.speed}, tables, answers.made_by))
