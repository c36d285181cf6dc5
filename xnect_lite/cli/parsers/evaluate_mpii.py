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
    single = mpii.add_argument_group("single-person networks")
    single.add_argument("--single", action="store_true", help="a single-person network, in the published boxes")
    single.add_argument(
        "--model-file", metavar="FILE", help="of train single; or a published model_best.pth, or none, with --config"
    )
    single.add_argument("--batch", type=int, default=32, metavar="N", help="people at once (default 32)")
    single.add_argument("--masked", action="store_true", help="compute all and multiply by masks, do not skip")
    single.add_argument("--speed", action="store_true", help="no scores: half of the batches warm up, the rest is timed")
    single.add_argument("--loader", choices=("in", "out"), default="in", help="reading pictures is timed too (default), or not")
    mpii.set_defaults(run=Later("evaluate_mpii.run_evaluate"))
