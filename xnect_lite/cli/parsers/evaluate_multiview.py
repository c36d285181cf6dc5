"""``xnect-lite eval multiview``: each of several calibrated cameras alone, against where people were in the room."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.later import Later
from xnect_lite.cli.parsers.pipeline_options import add_network_options


def add(kinds: argparse._SubParsersAction) -> None:
    """Register the data set."""
    parser = kinds.add_parser("multiview", help="a clip from several calibrated cameras with a 3D reference: each camera alone")
    parser.add_argument(
        "--videos", required=True, nargs="+", metavar="VIDEO", help="one per camera, named as it: cam01.mp4 is of cam01"
    )
    parser.add_argument("--reference", required=True, metavar="FILE", help=".npz with joints and xyz_mm; see docs/pipeline.md")
    parser.add_argument(
        "--calibration",
        default="",
        metavar="FILE",
        help="Qualisys, Pose2Sim TOML, a folder of OpenCV's files, or our own; without it, the cameras the reference holds",
    )
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="only the first N frames of each video")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, of all cameras and of each")
    add_network_options(parser)
    parser.set_defaults(run=Later("evaluate_multiview.run_evaluate"))
