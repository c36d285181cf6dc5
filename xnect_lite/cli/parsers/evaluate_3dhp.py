"""``xnect-lite eval 3dhp``: the test set of MPI-INF-3DHP."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.evaluate_benchmarks import add_common
from xnect_lite.cli.parsers.later import Later


def add(kinds: argparse._SubParsersAction) -> None:
    """Register the data set."""
    parser = kinds.add_parser("3dhp", help="MPI-INF-3DHP's test set: 3DPCK, AUC and MPJPE, root-relative")
    add_common(parser)
    parser.add_argument("--sequences", default="", metavar="TS1,TS2", help="only these; what is printed says so")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only 1 frame in N; what is printed says so")
    parser.set_defaults(run=Later("evaluate_3dhp.run_evaluate"))
