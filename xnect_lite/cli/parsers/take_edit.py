"""Arguments of ``xnect-lite take swap | merge | cut | rename | delete | trim | undo | redo``."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.later import Later
from xnect_lite.cli.parsers.words import add_output


def add(actions: argparse._SubParsersAction) -> None:
    """Register the actions. ``step`` is what `record.edit` calls the edit."""
    swap = _action(actions, "swap", "two people change places from a time on", "one", "other")
    swap.add_argument("--from", dest="from_s", type=float, default=0.0, metavar="S", help="from second S on (default: all)")
    _action(actions, "merge", "two ids are one person", "into", "other")
    cut = _action(actions, "cut", "from a time on, an id is somebody else", "person")
    cut.add_argument("--at", dest="at_s", type=float, required=True, metavar="S", help="second of the cut")
    rename = _action(actions, "rename", "give a person a name; the take itself is changed", "person", new_take=False)
    rename.add_argument("name", help="the name; '' takes it away")
    _action(actions, "delete", "leave a person out", "person")
    trim = _action(actions, "trim", "keep a part of the take")
    trim.add_argument("--in", dest="in_s", type=float, metavar="S", help="first second that is kept (default: the start)")
    trim.add_argument("--out", dest="out_s", type=float, metavar="S", help="last second that is kept (default: the end)")
    for name, what, back in (("undo", "take back the last edit made in place", True), ("redo", "do it again", False)):
        action = actions.add_parser(name, help=what)
        action.add_argument("take", help="take folder")
        action.add_argument("--json", action="store_true", help="print what was written as JSON")
        action.set_defaults(run=Later("take_edit.run_move"), back=back)


def _action(
    actions: argparse._SubParsersAction, name: str, what: str, *people: str, new_take: bool = True
) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=what)
    action.add_argument("take", help="take folder")
    for person in people:
        action.add_argument(person, type=int, help="id of a person, as 'take show' lists them")
    if new_take:
        where = action.add_mutually_exclusive_group()
        add_output(where, "folder of the new take (default: one beside the old)", "DIR")
        where.add_argument("--in-place", action="store_true", help="change the take itself; 'take undo' takes it back")
    action.add_argument("--json", action="store_true", help="print what was written as JSON")
    action.set_defaults(run=Later("take_edit.run_edit"), step=name, **({} if new_take else {"output": None, "in_place": True}))
    return action
