"""``xnect-lite eval mpii``: PCKh of people one at a time, or average precision of groups."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.evaluate_benchmarks import add_common
from xnect_lite.cli.parsers.later import Later


def add(kinds: argparse._SubParsersAction) -> None:
    """Register the data set."""
    mpii = kinds.add_parser("mpii", help="MPII Human Pose: PCKh one by one, or average precision of groups")
    add_common(mpii)
    mpii.add_argument("--split", choices=("val", "train"), default="val", help="default val: the list of annot/valid.json")
    mpii.add_argument("--groups", action="store_true", help="score groups of people by evalMPII's rules; needs groups_v12.mat")
    mpii.add_argument("--flip-test", action="store_true", help="average the answers to each picture and its mirror image")
    mpii.add_argument("--limit", type=int, default=0, metavar="N", help="about N, evenly spread; what is printed says so")
    mpii.set_defaults(run=Later("evaluate_mpii.run_evaluate"))
