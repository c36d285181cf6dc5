"""``xnect-lite eval report``: one page of all results."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.later import Later
from xnect_lite.cli.parsers.words import add_output, understood


def add(kinds: argparse._SubParsersAction) -> None:
    """Register it."""
    parser = kinds.add_parser("report", help="one page of results kept with -o, beside what others published")
    parser.add_argument("results", nargs="*", metavar="RESULT", help="files kept with -o")
    understood(parser, add_output(parser, "the page to write (default: standard output)"), "--page")
    parser.set_defaults(run=Later("evaluate_report.run_report"))
