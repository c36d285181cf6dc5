"""``xnect-lite take``: who is in a take, mending identities afterwards, and how good they are."""

from __future__ import annotations

import argparse
import json


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb."""
    take = verbs.add_parser("take", help="list the people of a take; swap, merge or cut them into a new take; score them")
    actions = take.add_subparsers(dest="action", required=True, metavar="ACTION")

    show = actions.add_parser("show", help="who is in it, when")
    swap = actions.add_parser("swap", help="two people change places from a time on")
    merge = actions.add_parser("merge", help="two ids are one person")
    cut = actions.add_parser("cut", help="from a time on, an id is somebody else")
    score = actions.add_parser("score", help="identities against the truth of a clip of 'synth demo'")
    for action in (show, swap, merge, cut, score):
        action.add_argument("take", help="take folder")
    for action, names in ((swap, ("one", "other")), (merge, ("into", "other")), (cut, ("person",))):
        for name in names:
            action.add_argument(name, type=int, help="id of a person, as 'take show' lists them")
        action.add_argument("-o", "--output", metavar="DIR", help="folder of the new take (default: one beside the old)")
        action.add_argument("--json", action="store_true", help="print what was written as JSON")
    swap.add_argument("--from", dest="from_s", type=float, default=0.0, metavar="S", help="from second S on (default: all)")
    cut.add_argument("--at", dest="at_s", type=float, required=True, metavar="S", help="second of the cut")
    score.add_argument("--truth", required=True, metavar="FILE", help="demo-truth.npz of the clip that was processed whole")
    for action in (show, score):
        action.add_argument("--json", action="store_true", help="print as JSON")

    show.set_defaults(run=_show)
    swap.set_defaults(run=_swap)
    merge.set_defaults(run=_merge)
    cut.set_defaults(run=_cut)
    score.set_defaults(run=_score)


def _show(options: argparse.Namespace) -> int:
    import numpy as np

    from xnect_lite.record.take_folder import load_take

    take = load_take(options.take)
    files = {person.get("id"): person.get("file") for person in take.info.get("people", [])}
    rows = []
    for identity in take.ids:
        times = np.unique(take.t_s[take.id == identity])
        rows.append({"id": identity, "first_t_s": float(times[0]), "last_t_s": float(times[-1]), "frames": len(times),
                     "file": files.get(identity)})  # fmt: skip
    if options.json:
        print(json.dumps(rows, indent=2))
        return 0
    print(f"{'id':>4}{'from s':>10}{'to s':>10}{'frames':>8}   file")
    for row in rows:
        print(f"{row['id']:>4}{row['first_t_s']:>10.2f}{row['last_t_s']:>10.2f}{row['frames']:>8}   {row['file'] or '-'}")
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
    if options.json:
        people = [{"id": p.id, "file": p.file, "frames": p.frames} for p in summary.people]
        print(json.dumps({"folder": str(summary.folder), "edit": what, "people": people}, indent=2))
    else:
        print(summary.folder)
        for person in summary.people:
            print(f"  id {person.id}: {person.file or 'no BVH, ' + person.skipped}")
    return 0


def _score(options: argparse.Namespace) -> int:
    from xnect_lite.evaluate.identity import score_take
    from xnect_lite.record.take_folder import load_take
    from xnect_lite.synth.truth import load_truths

    figures = score_take(load_take(options.take), [truth for _, truth in load_truths(options.truth)])
    if options.json:
        print(json.dumps(figures, indent=2))
        return 0
    for name, value in figures.items():
        print(f"{name:<8} {round(value, 3) if isinstance(value, float) else value}")
    return 0
