"""``xnect-lite eval clips``: what each stage of the pipeline brings, on clips with truth."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.later import Later
from xnect_lite.cli.parsers.pipeline_options import add_network_options


def add(kinds: argparse._SubParsersAction) -> None:
    """Register the data set."""
    clips = kinds.add_parser("clips", help="clips of 'synth demo', or sequences in MuPoTS-3D's format: what each stage brings")
    clips.add_argument(
        "--data",
        required=True,
        nargs="+",
        metavar="DIR",
        help="folders of 'synth demo' or of 'synth mupots-like'; scored together",
    )
    clips.add_argument("--json", action="store_true", help="print the figures as JSON")
    add_network_options(clips)
    clips.set_defaults(run=Later("evaluate_clips.run_evaluate"))
