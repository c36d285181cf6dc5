"""``xnect-lite run``: live results on the console, or the app."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.later import Later
from xnect_lite.cli.parsers.pipeline_options import add_pipeline_options


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb."""
    run = verbs.add_parser("run", help="live: print everybody's positions, one JSON line per frame, or show the app")
    run.add_argument("source", help="camera number or name, stream URL, video file, image folder, 'synthetic'")
    run.add_argument("--json", action="store_true", help="one JSON line per frame")
    run.add_argument("--show", dest="run", action="store_const", const=Later("app.run_show"), help="show the app instead")
    run.add_argument("--every-frame", action="store_true", help="a file: no frame is dropped, however long it takes")
    run.add_argument("--start", type=float, metavar="S", help="a file: skip the first S seconds")
    run.add_argument(
        "--osc", metavar="[HOST:]PORT", help="also send everybody as OSC (VMC protocol), id 1 to PORT, id 2 to the next (39539)"
    )
    run.add_argument("--end", type=float, metavar="S", help="stop at second S")
    add_pipeline_options(run)
    run.set_defaults(run=Later("run.run_live"))
