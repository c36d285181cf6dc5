"""The options that the verbs of published benchmarks share."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.pipeline_options import add_network_options
from xnect_lite.cli.parsers.words import add_result


def add_common(parser: argparse.ArgumentParser) -> None:
    """The options of every such verb."""
    parser.add_argument("--data", "--root", dest="root", required=True, metavar="DIR", help="folder of the data set")
    parser.add_argument(
        "--save", metavar="FILE", help="keep what is found in FILE (.jsonl); the same command goes on where it was interrupted"
    )
    parser.add_argument("--predictions", metavar="FILE", help="score this file, of any system, instead of running the pipeline")
    add_result(parser)
    add_network_options(parser)
