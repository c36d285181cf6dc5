"""``xnect-lite arch``: what a search found, and pruning by it."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.later import Later
from xnect_lite.cli.parsers.words import add_output

_RUN = "a run's folder, or a weight file"


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb."""
    arch = verbs.add_parser("arch", help="searched architectures: show alpha, beta and the graph; prune by them")
    actions = arch.add_subparsers(dest="action", required=True, metavar="ACTION")
    show = actions.add_parser("show", help="costs, alpha and beta of every cell, and the graph of the strongest")
    show.add_argument("source", metavar="RUN", help=_RUN)
    add_output(show, "picture of the fabrics (default: RUN/architecture.png; beside a weight file, of its name)", metavar="PNG")
    show.set_defaults(run=Later("arch.run_show"))
    prune = actions.add_parser(
        "prune", help="take out cells, inputs and operators of little weight; train on from the result to tune it"
    )
    prune.add_argument("source", metavar="RUN", help=_RUN)
    prune.add_argument(
        "--threshold", type=float, default=0.0, metavar="WEIGHT",
        help="what weighs this or less goes, 0 to 1 (default: 0, exact zeros, which changes nothing)",
    )  # fmt: skip
    add_output(prune, "the pruned weights (default: pruned.safetensors beside those read)", metavar="FILE")
    prune.set_defaults(run=Later("arch.run_prune"))
