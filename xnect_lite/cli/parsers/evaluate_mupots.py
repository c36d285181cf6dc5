"""``xnect-lite eval mupots``: MuPoTS-3D's official score."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.evaluate_benchmarks import add_common
from xnect_lite.cli.parsers.later import Later

STAGES = ("lifting", "fitting")


def add(kinds: argparse._SubParsersAction) -> None:
    """Register the data set."""
    mupots = kinds.add_parser(
        "mupots", help="MuPoTS-3D: 3DPCK and AUC by the official rules, or of renders of 'synth mupots-like'"
    )
    add_common(mupots)
    mupots.add_argument(
        "--stage", choices=STAGES, default=STAGES[0],
        help="score what is found in each frame by itself (lifting, default), or the whole live pipeline (fitting)",
    )  # fmt: skip
    mupots.add_argument(
        "--predictions-3d", metavar="FILE", help="with a .mat of pixels as --predictions: the .mat of millimetres"
    )
    mupots.add_argument("--sequences", default="", metavar="TS1,TS2", help="only these; what is printed says so")
    mupots.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th frame; what is printed says so")
    mupots.set_defaults(run=Later("evaluate_mupots.run_evaluate"))
