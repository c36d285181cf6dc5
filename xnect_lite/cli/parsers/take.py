"""``xnect-lite take``: who is in a take, finishing one whose program was killed, mending identities, how good it is."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers import take_edit, take_export
from xnect_lite.cli.parsers.later import Later


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
    truths = "docs/demo-joints.npz, or demo-truth.npz of a clip that was processed whole"
    score.add_argument("--truth", required=True, metavar="FILE", help=truths)
    for action in (show, finish, score, steady):
        action.add_argument("--json", action="store_true", help="print as JSON")
    take_edit.add(actions)
    take_export.add(actions)

    show.set_defaults(run=Later("take.run_show"))
    finish.set_defaults(run=Later("take.run_finish"))
    score.set_defaults(run=Later("take_score.run_score"))
    steady.set_defaults(run=Later("take_score.run_steadiness"))
