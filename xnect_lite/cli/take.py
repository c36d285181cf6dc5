"""``xnect-lite take show | finish``: who is in a take, and completing one whose program was killed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from xnect_lite.cli.take_edit import print_written
from xnect_lite.errors import XnectError, printable
from xnect_lite.record.finish import dropped_words, export_take, lost_words
from xnect_lite.record.journal import is_being_recorded
from xnect_lite.record.people import summarise
from xnect_lite.record.presence import presence_of
from xnect_lite.record.take_folder import JOURNAL_FILE, Take, load_take


def run_show(options: argparse.Namespace) -> int:
    take = _loaded(options.take)
    if take.damage:
        print(f"{take.folder}: {take.damage}", file=sys.stderr)
    if take.info.get("state") == "recording":
        print(_unfinished(take), file=sys.stderr)
    files = {person.get("id"): person.get("file") for person in take.info.get("people", [])}
    people = summarise(take, 0.0, presence_of(take))
    if options.json:
        print(json.dumps([asdict(person) | {"file": files.get(person.id)} for person in people], indent=2))
        return 0
    titles = ("measured", "bridged", "held", "absent")
    print(
        f"{'id':>4} {'name':<12}{'from s':>10}{'to s':>10}{'frames':>8}"
        + "".join(f"{title:>10}" for title in titles)
        + "   file"
    )
    for person in people:
        counted = "".join(f"{getattr(person, title):>10}" for title in titles)
        when = f"{person.first_t_s:>10.2f}{person.last_t_s:>10.2f}{person.frames:>8}"
        print(f"{person.id:>4} {printable(person.name, 12):<12}{when}{counted}   {printable(files.get(person.id) or '-')}")
    for line in remarks(take.info):
        print(line)
    return 0


def remarks(info: Mapping[str, Any]) -> list[str]:
    """What a user should know of a take besides its people: frames that were dropped, and what to do about it."""
    said = [words for words in (dropped_words(info), lost_words(info)) if words]
    steps = info.get("steps", [])
    return said + ([f"{len(steps)} edits in place; xnect-lite take undo takes back the last"] if steps else [])


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
    print_written(export_take(options.take), options.json)
    return 0
