"""``xnect-lite eval lsp``: Leeds Sports Poses and its extended set."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.evaluate_benchmarks import add_common
from xnect_lite.cli.parsers.later import Later


def add(kinds: argparse._SubParsersAction) -> None:
    """Register the data set."""
    parser = kinds.add_parser("lsp", help="Leeds Sports Poses: PCK@0.2 of the torso")
    add_common(parser)
    parser.add_argument("--extended", action="store_true", help="LSPET's held-back pictures instead of LSP's test pictures")
    parser.add_argument("--flip-test", action="store_true", help="average the answers to each picture and its mirror image")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="about N, evenly spread; what is printed says so")
    parser.set_defaults(run=Later("evaluate_lsp.run_evaluate"))
