"""``xnect-lite take``: who is in a take, finishing one whose program was killed, mending identities."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import numpy as np

from xnect_lite.errors import XnectError, printable
from xnect_lite.record.edit import cut_id, edit_take, merge_ids, swap_ids
from xnect_lite.record.journal import is_being_recorded
from xnect_lite.record.take import TakeSummary, export_take
from xnect_lite.record.take_folder import JOURNAL_FILE, Take, load_take


def run_show(options: argparse.Namespace) -> int:
    take = _loaded(options.take)
    if take.damage:
        print(f"{take.folder}: {take.damage}", file=sys.stderr)
    if take.info.get("state") == "recording":
        print(_unfinished(take), file=sys.stderr)
    files = {person.get("id"): person.get("file") for person in take.info.get("people", [])}
    rows: list[dict[str, Any]] = []
    for identity in take.ids:
        times = np.unique(take.t_s[take.id == identity])
        rows.append({"id": identity, "first_t_s": float(times[0]), "last_t_s": float(times[-1]), "frames": len(times),
                     "file": files.get(identity)})  # fmt: skip
    if options.json:
        print(json.dumps(rows, indent=2))
        return 0
    print(f"{'id':>4}{'from s':>10}{'to s':>10}{'frames':>8}   file")
    for row in rows:
        file = printable(row["file"] or "-")
        print(f"{row['id']:>4}{row['first_t_s']:>10.2f}{row['last_t_s']:>10.2f}{row['frames']:>8}   {file}")
    return 0


def _loaded(folder: str) -> Take:
    """The take, finished or not. Raises XnectError for one that was begun only."""
    take = load_take(folder)
    if not len(take.every_frame_t_s) and take.info.get("state") != "finished":
        if is_being_recorded(take.folder / JOURNAL_FILE):
            raise XnectError(folder, "holds no frames yet", "Look again in a moment")
        raise XnectError(folder, "holds no frames: its program ended before the first one", "Remove the folder")
    return take


def _unfinished(take: Take) -> str:
    if is_being_recorded(take.folder / JOURNAL_FILE):
        return f"{take.folder}: is still being recorded"
    return f"{take.folder}: was cut off while it was recorded. Write its BVH files with xnect-lite take finish {take.folder}"


def run_finish(options: argparse.Namespace) -> int:
    take = _loaded(options.take)
    if take.damage:
        print(f"{take.folder}: {take.damage}; the damaged file is kept", file=sys.stderr)
    _print_written(export_take(options.take), options.json)
    return 0


def run_swap(options: argparse.Namespace) -> int:
    what = f"swapped {options.one} and {options.other} from {options.from_s:g} s on"
    return _edit(options, lambda take: swap_ids(take, options.one, options.other, options.from_s), what)


def run_merge(options: argparse.Namespace) -> int:
    what = f"merged {options.other} into {options.into}"
    return _edit(options, lambda take: merge_ids(take, options.into, options.other), what)


def run_cut(options: argparse.Namespace) -> int:
    what = f"cut {options.person} at {options.at_s:g} s"
    return _edit(options, lambda take: cut_id(take, options.person, options.at_s), what)


def _edit(options: argparse.Namespace, edit, what: str) -> int:
    summary = edit_take(options.take, edit, what, options.output)
    _print_written(summary, options.json, edit=what)
    return 0


def _print_written(summary: TakeSummary, as_json: bool, **more: str) -> None:
    if as_json:
        people = [{"id": p.id, "file": p.file, "frames": p.frames} for p in summary.people]
        print(json.dumps({"folder": str(summary.folder), **more, "people": people}, indent=2))
        return
    print(summary.folder)
    for person in summary.people:
        print(f"  id {person.id}: {person.file or 'no BVH, ' + person.skipped}")
