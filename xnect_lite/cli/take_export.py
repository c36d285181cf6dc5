"""``xnect-lite take export``: a take, or a part of it, into the files of other programs."""

from __future__ import annotations

import argparse
import json
import sys

from xnect_lite.errors import XnectError

_FLOORS = {"one": (True, False), "each": (True, True), "none": (False, False)}


def add(actions: argparse._SubParsersAction) -> None:
    """Register the action."""
    export = actions.add_parser(
        "export", help="files for other programs: BVH, GLB, CSV, JSON, NPZ, TRC, C3D, COCO keypoints, a video of the 3D view"
    )
    export.add_argument("take", help="take folder")
    export.add_argument("-o", "--output", metavar="DIR", help="folder of the files (default: TAKE/export)")
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
        "--floor", choices=tuple(_FLOORS), default=None, help="one for all people (default), each their own, or none"
    )
    export.add_argument(
        "--t-pose", action=argparse.BooleanOptionalAction, default=None, help="begin with a frame in the T-pose"
    )
    export.add_argument("--recentre", action="store_true", help="the first person starts at the origin")
    export.add_argument("--euler", metavar="ORDER", help="rotation channels of BVH: ZXY, ZYX, XYZ, XZY, YXZ or YZX")
    export.add_argument("--min-seen", type=float, metavar="S", help="leave out who is seen for less (default 0.5)")
    export.add_argument("--list", action="store_true", help="only say which files would be written")
    export.add_argument("--json", action="store_true", help="print what was written as JSON")
    export.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> int:
    from xnect_lite.record.export import ExportOptions, export_files, planned_files, prepare
    from xnect_lite.record.people import parse_people

    formats = [name.strip().lower() for given in options.format for name in given.split(",")] or ["bvh"]
    for name, value in (("--in", options.in_s), ("--out", options.out_s), ("--min-seen", options.min_seen)):
        if value is not None and not abs(value) < 1e12:
            raise XnectError(f"{name} {value}", "is no time", "Give seconds")
    wanted = ExportOptions(
        formats=formats, people=parse_people(options.people), fps=options.fps, in_s=options.in_s, out_s=options.out_s,
        preset=options.preset and options.preset.lower(), changes=_changes(options), min_person_s=options.min_seen,
    )  # fmt: skip
    if options.list:
        print("\n".join(planned_files(prepare(options.take, wanted), wanted.formats)))
        return 0
    done = export_files(options.take, options.output, wanted, progress=lambda name: print(f"{name}…", file=sys.stderr))
    if options.json:
        files = [path.name for path in done.files]
        print(json.dumps({"folder": str(done.folder), "files": files, "notes": done.notes}, indent=2))
        return 0
    print(done.folder)
    for path in done.files:
        print(f"  {path.name}")
    for note in done.notes:
        print(note, file=sys.stderr)
    return 0


def _changes(options: argparse.Namespace) -> dict[str, object]:
    """What the options say of `BvhOptions`."""
    changes: dict[str, object] = {
        "gaps": options.gaps, "max_gap_s": options.max_gap, "t_pose_first": options.t_pose,
        "recentre": options.recentre or None, "euler": options.euler and options.euler.upper(),
    }  # fmt: skip
    if options.floor is not None:
        changes["floor"], changes["own_floor"] = _FLOORS[options.floor]
    return {name: value for name, value in changes.items() if value is not None}
