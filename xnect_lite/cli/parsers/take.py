"""``xnect-lite take``: who is in a take, finishing one whose program was killed, mending identities, how good it is."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.later import Later
from xnect_lite.cli.parsers.words import add_output


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
        add_output(action, "folder of the new take (default: one beside the old)", "DIR")
        action.add_argument("--json", action="store_true", help="print what was written as JSON")
    swap.add_argument("--from", dest="from_s", type=float, default=0.0, metavar="S", help="from second S on (default: all)")
    cut.add_argument("--at", dest="at_s", type=float, required=True, metavar="S", help="second of the cut")
    score.add_argument("--truth", required=True, metavar="FILE", help="demo-truth.npz of the clip that was processed whole")
    for action in (show, finish, score, steady):
        action.add_argument("--json", action="store_true", help="print as JSON")

    show.set_defaults(run=Later("take.run_show"))
    finish.set_defaults(run=Later("take.run_finish"))
    swap.set_defaults(run=Later("take.run_swap"))
    merge.set_defaults(run=Later("take.run_merge"))
    cut.set_defaults(run=Later("take.run_cut"))
    score.set_defaults(run=Later("take_score.run_score"))
    steady.set_defaults(run=Later("take_score.run_steadiness"))
