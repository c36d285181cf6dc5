"""``xnect-lite weights``: list or verify the weight files."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.later import Later


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb."""
    weights = verbs.add_parser("weights", help="list or verify the weight files")
    weights.add_argument("action", choices=["list", "verify"])
    weights.set_defaults(run=Later("weights.run_weights"))
