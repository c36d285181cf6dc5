"""``xnect-lite take export``: a take, or a part of it, into the files of other programs."""

from __future__ import annotations

import argparse
import json
import sys

from xnect_lite.cli.parsers.take_export import FLOORS
from xnect_lite.errors import XnectError
from xnect_lite.record.export import ExportOptions, export_files, planned_files, prepare
from xnect_lite.record.people import parse_people


def run_export(options: argparse.Namespace) -> int:
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
        changes["floor"], changes["own_floor"] = FLOORS[options.floor]
    return {name: value for name, value in changes.items() if value is not None}
