"""``xnect-lite take swap | merge | cut | rename | delete | trim | undo | redo``: mending a take after the fact."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from typing import Any

from xnect_lite.record.edit import apply_step, edit_in_place, edit_take, free_id, redo_edit, step_words, undo_edit
from xnect_lite.record.finish import TakeSummary, export_take
from xnect_lite.record.take_folder import Take, load_take


def _swap(options: argparse.Namespace, take: Take) -> Mapping[str, Any]:
    return {"op": "swap", "one": options.one, "other": options.other, "from_s": options.from_s}


def _merge(options: argparse.Namespace, take: Take) -> Mapping[str, Any]:
    return {"op": "merge", "into": options.into, "other": options.other}


def _cut(options: argparse.Namespace, take: Take) -> Mapping[str, Any]:
    return {"op": "cut", "person": options.person, "at_s": options.at_s, "new": free_id(take)}


def _rename(options: argparse.Namespace, take: Take) -> Mapping[str, Any]:
    return {"op": "rename", "person": options.person, "name": options.name}


def _delete(options: argparse.Namespace, take: Take) -> Mapping[str, Any]:
    return {"op": "delete", "person": options.person}


def _trim(options: argparse.Namespace, take: Take) -> Mapping[str, Any]:
    first_s, last_s = (float(f(take.every_frame_t_s)) if len(take.every_frame_t_s) else 0.0 for f in (min, max))
    given = options.in_s is not None, options.out_s is not None
    return {"op": "trim", "from_s": options.in_s if given[0] else first_s, "to_s": options.out_s if given[1] else last_s}


_STEPS: dict[str, Callable[[argparse.Namespace, Take], Mapping[str, Any]]] = {
    "swap": _swap, "merge": _merge, "cut": _cut, "rename": _rename, "delete": _delete, "trim": _trim,
}  # fmt: skip


def run_edit(options: argparse.Namespace) -> int:
    take = load_take(options.take)
    step = _STEPS[options.step](options, take)
    if options.in_place:
        edit_in_place(take, step)
        summary = export_take(options.take)
    else:
        summary = edit_take(options.take, lambda take: apply_step(take, step), step_words(step), options.output)
    print_written(summary, options.json, edit=step_words(step))
    return 0


def print_written(summary: TakeSummary, as_json: bool, **more: str) -> None:
    """The files of a take that was just written."""
    if as_json:
        people = [{"id": p.id, "name": p.name, "file": p.file, "frames": p.frames} for p in summary.people]
        print(json.dumps({"folder": str(summary.folder), **more, "people": people}, indent=2))
        return
    print(summary.folder)
    for person in summary.people:
        print(f"  id {person.id}{person.name and f' ({person.name})'}: {person.file or 'no BVH, ' + person.skipped}")


def run_move(options: argparse.Namespace) -> int:
    (undo_edit if options.back else redo_edit)(options.take)
    print_written(export_take(options.take), options.json)
    return 0
