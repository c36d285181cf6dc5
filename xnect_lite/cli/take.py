"""``xnect-lite take``: who is in a take, finishing one whose program was killed, mending identities, how good it is."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from xnect_lite.cli import take_edit, take_export
from xnect_lite.cli.figures import print_figures, without_nan
from xnect_lite.cli.take_edit import print_written
from xnect_lite.errors import XnectError, printable

if TYPE_CHECKING:
    from xnect_lite.record.take_folder import Take

_LEAST_FRAMES = 30  # of a person whose steadiness is worth a row


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb."""
    take = verbs.add_parser(
        "take", help="who is in a take; finish one that was cut off; mend identities; export to other programs; score takes"
    )
    actions = take.add_subparsers(dest="action", required=True, metavar="ACTION")

    show = actions.add_parser("show", help="who is in it, when, and which frames were seen")
    finish = actions.add_parser("finish", help="complete a take whose program was killed: BVH files, videos")
    score = actions.add_parser("score", help="identities against the truth of a clip of 'synth demo'")
    steady = actions.add_parser("steadiness", help="how much people tremble, slide and change their size; needs no truth")
    steady.add_argument("takes", nargs="+", metavar="take", help="take folder")
    for action in (show, finish, score):
        action.add_argument("take", help="take folder")
    score.add_argument("--truth", required=True, metavar="FILE", help="demo-truth.npz of the clip that was processed whole")
    for action in (show, finish, score, steady):
        action.add_argument("--json", action="store_true", help="print as JSON")
    take_edit.add(actions)
    take_export.add(actions)

    show.set_defaults(run=_show)
    finish.set_defaults(run=_finish)
    score.set_defaults(run=_score)
    steady.set_defaults(run=_steadiness)


def _show(options: argparse.Namespace) -> int:
    from xnect_lite.record.people import summarise
    from xnect_lite.record.presence import presence_of

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
    from xnect_lite.record.take import dropped_words, lost_words

    said = [words for words in (dropped_words(info), lost_words(info)) if words]
    steps = info.get("steps", [])
    return said + ([f"{len(steps)} edits in place; xnect-lite take undo takes back the last"] if steps else [])


def _loaded(folder: str) -> Take:
    """The take, finished or not. Raises XnectError for one that was begun only."""
    from xnect_lite.record.journal import is_being_recorded
    from xnect_lite.record.take_folder import JOURNAL_FILE, load_take

    take = load_take(folder)
    if not len(take.every_frame_t_s) and take.info.get("state") != "finished":
        if is_being_recorded(take.folder / JOURNAL_FILE):
            raise XnectError(folder, "holds no frames yet", "Look again in a moment")
        raise XnectError(folder, "holds no frames: its program ended before the first one", "Remove the folder")
    return take


def _unfinished(take: Take) -> str:
    from xnect_lite.record.journal import is_being_recorded
    from xnect_lite.record.take_folder import JOURNAL_FILE

    if is_being_recorded(take.folder / JOURNAL_FILE):
        return f"{take.folder}: is still being recorded"
    return f"{take.folder}: was cut off while it was recorded. Write its BVH files with xnect-lite take finish {take.folder}"


def _finish(options: argparse.Namespace) -> int:
    from xnect_lite.record.take import export_take

    take = _loaded(options.take)
    if take.damage:
        print(f"{take.folder}: {take.damage}; the damaged file is kept", file=sys.stderr)
    print_written(export_take(options.take), options.json)
    return 0


def _score(options: argparse.Namespace) -> int:
    from xnect_lite.evaluate.identity import score_take
    from xnect_lite.record.take_folder import load_take
    from xnect_lite.synth.truth import load_truths

    figures = score_take(load_take(options.take), [truth for _, truth in load_truths(options.truth)])
    print_figures(figures, options.json, digits=3)
    return 0


def _steadiness(options: argparse.Namespace) -> int:
    from xnect_lite.evaluate.steadiness import steadiness
    from xnect_lite.record.take_folder import load_take

    takes = [load_take(folder) for folder in options.takes]
    found = [(take.folder.name, asdict(steadiness(take, identity))) for take in takes for identity in take.ids]
    rows = [{"take": name, "id": row.pop("identity"), **row} for name, row in found if row["frames"] >= _LEAST_FRAMES]
    if options.json:
        print(json.dumps(without_nan(rows), indent=2))
        return 0
    titles = (("root jitter", "mm/s2"), ("joint jitter", "mm/s2"), ("bone spread", "mm"), ("foot slide", "mm/s"))
    print(f"{'take':<40}{'id':>4}{'frames':>8}" + "".join(f"{title:>14}" for title, _ in titles))
    print(" " * 52 + "".join(f"{unit:>14}" for _, unit in titles))
    for row in rows:
        root, joint, bone, foot = list(row.values())[-4:]
        name = f"{row['take'][-39:]:<40}{row['id']:>4}{row['frames']:>8}"
        print(f"{name}{root:>14.0f}{joint:>14.0f}{bone:>14.2f}{foot:>14.0f}")
    return 0
