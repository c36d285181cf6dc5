"""``xnect-lite take swap | merge | cut | rename | delete | trim | undo | redo``: mending a take after the fact."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xnect_lite.record.take import TakeSummary
    from xnect_lite.record.take_folder import Take

_MakeStep = Callable[[argparse.Namespace, "Take"], Mapping[str, Any]]


def add(actions: argparse._SubParsersAction) -> None:
    """Register the actions."""
    swap = _action(actions, "swap", "two people change places from a time on", _swap, "one", "other")
    swap.add_argument("--from", dest="from_s", type=float, default=0.0, metavar="S", help="from second S on (default: all)")
    _action(actions, "merge", "two ids are one person", _merge, "into", "other")
    cut = _action(actions, "cut", "from a time on, an id is somebody else", _cut, "person")
    cut.add_argument("--at", dest="at_s", type=float, required=True, metavar="S", help="second of the cut")
    rename = _action(actions, "rename", "give a person a name; the take itself is changed", _rename, "person", new_take=False)
    rename.add_argument("name", help="the name; '' takes it away")
    _action(actions, "delete", "leave a person out", _delete, "person")
    trim = _action(actions, "trim", "keep a part of the take", _trim)
    trim.add_argument("--in", dest="in_s", type=float, metavar="S", help="first second that is kept (default: the start)")
    trim.add_argument("--out", dest="out_s", type=float, metavar="S", help="last second that is kept (default: the end)")
    for name, what, back in (("undo", "take back the last edit made in place", True), ("redo", "do it again", False)):
        action = actions.add_parser(name, help=what)
        action.add_argument("take", help="take folder")
        action.add_argument("--json", action="store_true", help="print what was written as JSON")
        action.set_defaults(run=_move, back=back)


def _action(
    actions: argparse._SubParsersAction, name: str, what: str, make: _MakeStep, *people: str, new_take: bool = True
) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=what)
    action.add_argument("take", help="take folder")
    for person in people:
        action.add_argument(person, type=int, help="id of a person, as 'take show' lists them")
    if new_take:
        where = action.add_mutually_exclusive_group()
        where.add_argument("-o", "--output", metavar="DIR", help="folder of the new take (default: one beside the old)")
        where.add_argument("--in-place", action="store_true", help="change the take itself; 'take undo' takes it back")
    action.add_argument("--json", action="store_true", help="print what was written as JSON")
    action.set_defaults(run=_edit, make_step=make, **({} if new_take else {"output": None, "in_place": True}))
    return action


def _swap(options: argparse.Namespace, take: Take) -> Mapping[str, Any]:
    return {"op": "swap", "one": options.one, "other": options.other, "from_s": options.from_s}


def _merge(options: argparse.Namespace, take: Take) -> Mapping[str, Any]:
    return {"op": "merge", "into": options.into, "other": options.other}


def _cut(options: argparse.Namespace, take: Take) -> Mapping[str, Any]:
    from xnect_lite.record.edit import free_id

    return {"op": "cut", "person": options.person, "at_s": options.at_s, "new": free_id(take)}


def _rename(options: argparse.Namespace, take: Take) -> Mapping[str, Any]:
    return {"op": "rename", "person": options.person, "name": options.name}


def _delete(options: argparse.Namespace, take: Take) -> Mapping[str, Any]:
    return {"op": "delete", "person": options.person}


def _trim(options: argparse.Namespace, take: Take) -> Mapping[str, Any]:
    first_s, last_s = (float(f(take.every_frame_t_s)) if len(take.every_frame_t_s) else 0.0 for f in (min, max))
    given = options.in_s is not None, options.out_s is not None
    return {"op": "trim", "from_s": options.in_s if given[0] else first_s, "to_s": options.out_s if given[1] else last_s}


def _edit(options: argparse.Namespace) -> int:
    from xnect_lite.record.edit import apply_step, edit_in_place, edit_take, step_words
    from xnect_lite.record.take import export_take, load_take

    take = load_take(options.take)
    step = options.make_step(options, take)
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


def _move(options: argparse.Namespace) -> int:
    from xnect_lite.record.edit import redo_edit, undo_edit
    from xnect_lite.record.take import export_take

    (undo_edit if options.back else redo_edit)(options.take)
    print_written(export_take(options.take), options.json)
    return 0
