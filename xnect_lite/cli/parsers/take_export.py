"""Arguments of ``xnect-lite take export``."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.later import Later
from xnect_lite.cli.parsers.words import add_output

FLOORS = {"one": (True, False), "each": (True, True), "none": (False, False)}
"""Word of ``--floor`` -> whether there is one, and whether each person has their own."""


def add(actions: argparse._SubParsersAction) -> None:
    """Register the action."""
    export = actions.add_parser(
        "export", help="files for other programs: BVH, GLB, CSV, JSON, NPZ, TRC, C3D, COCO keypoints, a video of the 3D view"
    )
    export.add_argument("take", help="take folder")
    add_output(export, "folder of the files (default: TAKE/export)", "DIR")
    export.add_argument(
        "--format", action="append", default=[], metavar="NAME",
        help="bvh (default), glb, csv, json, npz, trc, c3d, coco or video; several with commas, or repeated",
    )  # fmt: skip
    export.add_argument(
        "--preset", metavar="TOOL", help="what a tool expects: blender, motionbuilder, unreal, unity, rokoko or mixamo"
    )
    export.add_argument(
        "--people", default="all", metavar="WHO", help="all (default), main (who is there most), or ids such as 1,3"
    )
    export.add_argument("--fps", type=float, metavar="N", help="frames per second (default: the take's)")
    export.add_argument("--in", dest="in_s", type=float, metavar="S", help="first second, by the take's clock")
    export.add_argument("--out", dest="out_s", type=float, metavar="S", help="last second")
    export.add_argument(
        "--gaps", metavar="RULE", help="what stands in long absences: ease (default), hold, cut (into files) or hide"
    )
    export.add_argument("--max-gap", type=float, metavar="S", help="absences up to S seconds are bridged (default 0.5)")
    export.add_argument(
        "--floor", choices=tuple(FLOORS), default=None, help="one for all people (default), each their own, or none"
    )
    export.add_argument(
        "--t-pose", action=argparse.BooleanOptionalAction, default=None, help="begin with a frame in the T-pose"
    )
    export.add_argument("--recentre", action="store_true", help="the first person starts at the origin")
    export.add_argument("--euler", metavar="ORDER", help="rotation channels of BVH: ZXY, ZYX, XYZ, XZY, YXZ or YZX")
    export.add_argument("--min-seen", type=float, metavar="S", help="leave out who is seen for less (default 0.5)")
    export.add_argument("--list", action="store_true", help="only say which files would be written")
    export.add_argument("--json", action="store_true", help="print what was written as JSON")
    export.set_defaults(run=Later("take_export.run_export"))
