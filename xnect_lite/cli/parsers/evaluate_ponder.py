"""``xnect-lite eval ponder``: where a Stage I with masks computes, on a picture, a clip or labelled pictures; and its times."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.later import Later
from xnect_lite.cli.parsers.pipeline_options import add_network_options
from xnect_lite.cli.parsers.words import add_output, add_photos


def add(kinds: argparse._SubParsersAction) -> None:
    """Register the kind."""
    ponder = kinds.add_parser("ponder", help="where a Stage I with masks (dynamic.target) computes, and what it saves")
    ponder.add_argument("source", nargs="?", metavar="CLIP|IMAGE", help="what to paint; left out with --photos or --curve")
    add_output(ponder, "what is painted; default: beside the source, NAME_ponder.png or .mp4")
    add_photos(ponder, "photo kit, or what data pack made of it: realised budget, ponder cost inside silhouettes and outside")
    ponder.add_argument("--limit", type=int, default=0, metavar="N", help="about N pictures of --photos, evenly spread")
    ponder.add_argument("--curve", action="store_true", help="time against the share of active pixels, with the dense form's")
    ponder.add_argument("--repeats", type=int, default=10, metavar="N", help="passes of each for --curve; the best counts")
    ponder.add_argument("--json", action="store_true", help="print the figures as JSON")
    add_network_options(ponder)
    ponder.set_defaults(run=Later("evaluate_ponder.run_evaluate"))
