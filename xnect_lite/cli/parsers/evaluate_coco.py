"""``xnect-lite eval coco``: COCO keypoint AP."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.evaluate_benchmarks import add_common
from xnect_lite.cli.parsers.later import Later


def add(kinds: argparse._SubParsersAction) -> None:
    """Register the data set."""
    parser = kinds.add_parser("coco", help="COCO keypoints val2017: AP and AR by pycocotools")
    add_common(parser)
    parser.add_argument(
        "--results", metavar="FILE", help="keep what was found in COCO's own format; --predictions takes it, too"
    )
    parser.add_argument("--flip-test", action="store_true", help="average the answers to each picture and its mirror image")
    single = parser.add_argument_group("a network of one person's crop, in boxes that are given")
    single.add_argument("--model-file", metavar="FILE", help="a run of xnect-lite train single, or its weights")
    single.add_argument("--boxes", metavar="FILE", help="a detector's, in COCO's result format (default: the annotated ones)")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="about N, evenly spread; what is printed says so")
    parser.set_defaults(run=Later("evaluate_coco.run_evaluate"))
