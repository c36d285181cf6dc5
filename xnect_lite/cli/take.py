"""``xnect-lite take``: who is in a take, finishing one whose program was killed, mending identities, how good it is."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from xnect_lite.cli.figures import print_figures, without_nan
from xnect_lite.errors import XnectError, printable

if TYPE_CHECKING:
    from xnect_lite.record.take import TakeSummary
    from xnect_lite.record.take_folder import Take

_LEAST_FRAMES = 30  # of a person whose steadiness is worth a row


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb."""
    take = verbs.add_parser(
        "take", help="list the people of a take; finish one that was cut off; swap, merge or cut them; score takes"
    )
    actions = take.add_subparsers(dest="action", required=True, metavar="ACTION")

    show = actions.add_parser("show", help="who is in it, when")
    finish = actions.add_parser("finish", help="write the BVH files of a take whose program was killed")
    swap = actions.add_parser("swap", help="two people change places from a time on")
    merge = actions.add_parser("merge", help="two ids are one person")
    cut = actions.add_parser("cut", help="from a time on, an id is somebody else")
    score = actions.add_parser("score", help="identities against the truth of a clip of 'synth demo'")
    steady = actions.add_parser("steadiness", help="how much people tremble, slide and change their size; needs no truth")
    steady.add_argument("takes", nargs="+", metavar="take", help="take folder")
    for action in (show, finish, swap, merge, cut, score):
        action.add_argument("take", help="take folder")
    for action, names in ((swap, ("one", "other")), (merge, ("into", "other")), (cut, ("person",))):
        for name in names:
            action.add_argument(name, type=int, help="id of a person, as 'take show' lists them")
        action.add_argument("-o", "--output", metavar="DIR", help="folder of the new take (default: one beside the old)")
        action.add_argument("--json", action="store_true", help="print what was written as JSON")
    swap.add_argument("--from", dest="from_s", type=float, default=0.0, metavar="S", help="from second S on (default: all)")
    cut.add_argument("--at", dest="at_s", type=float, required=True, metavar="S", help="second of the cut")
    score.add_argument("--truth", required=True, metavar="FILE", help="demo-truth.npz of the clip that was processed whole")
    for action in (show, finish, score, steady):
        action.add_argument("--json", action="store_true", help="print as JSON")

    show.set_defaults(run=_show)
    finish.set_defaults(run=_finish)
    swap.set_defaults(run=_swap)
    merge.set_defaults(run=_merge)
    cut.set_defaults(run=_cut)
    score.set_defaults(run=_score)
    steady.set_defaults(run=_steadiness)


def _show(options: argparse.Namespace) -> int:
    import numpy as np

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
    _print_written(export_take(options.take), options.json)
    return 0


def _swap(options: argparse.Namespace) -> int:
    from xnect_lite.record.edit import swap_ids

    what = f"swapped {options.one} and {options.other} from {options.from_s:g} s on"
    return _edit(options, lambda take: swap_ids(take, options.one, options.other, options.from_s), what)


def _merge(options: argparse.Namespace) -> int:
    from xnect_lite.record.edit import merge_ids

    what = f"merged {options.other} into {options.into}"
    return _edit(options, lambda take: merge_ids(take, options.into, options.other), what)


def _cut(options: argparse.Namespace) -> int:
    from xnect_lite.record.edit import cut_id

    what = f"cut {options.person} at {options.at_s:g} s"
    return _edit(options, lambda take: cut_id(take, options.person, options.at_s), what)


def _edit(options: argparse.Namespace, edit, what: str) -> int:
    from xnect_lite.record.edit import edit_take

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


def _score(options: argparse.Namespace) -> int:
    from xnect_lite.evaluate.identity import score_take
    from xnect_lite.record.take_folder import load_take
    from xnect_lite.synth.truth import load_truths

    figures = score_take(load_take(options.take), [truth for _, truth in load_truths(options.truth)])
    print_figures(figures, options.json, digits=3)
    return 0


def _steadiness(options: argparse.Namespace) -> int:
    from dataclasses import asdict

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
