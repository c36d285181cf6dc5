"""``xnect-lite data``: training data."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.later import Later
from xnect_lite.cli.parsers.pipeline_options import add_network_options
from xnect_lite.cli.parsers.words import add_output, add_photos

DATA_SETS = ("mpii", "coco", "lsp", "lspet", "muco", "mpi-inf-3dhp", "mupots", "photos", "synthetic")
"""Names of `data.readers.catalogue.READERS`, which is imported only when a verb runs."""


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb."""
    data = verbs.add_parser("data", help="training data")
    actions = data.add_subparsers(dest="action", required=True, metavar="ACTION")

    packing = actions.add_parser("pack", help="put pictures and labels into one file or several, to train on another machine")
    add_photos(packing)
    packing.add_argument("--renders", action="append", default=[], metavar="DIR", help="from synth render; may be repeated")
    packing.add_argument("--backgrounds", metavar="DIR", help="folder of pictures without people")
    packing.add_argument("--votes", metavar="FILE", help="from data vote: labels of training photographs heed it")
    packing.add_argument(
        "--val-pictures", type=int, metavar="N", help="leave only about N validation pictures in, evenly spread"
    )
    packing.add_argument("--file-mib", type=float, metavar="MIB", help="make a folder of archives of at most so many MiB each")
    add_output(packing, "the archive (.npz) or folder to write", "PATH", required=True)
    packing.set_defaults(run=Later("data.run_pack"))

    voting = actions.add_parser("vote", help="what the network itself finds on photographs, kept if it makes labels better")
    add_photos(voting, required=True)
    add_output(voting, "the votes to write (.npz), for data pack --votes; left out: only compare")
    add_network_options(voting)
    voting.set_defaults(run=Later("data.run_vote"))

    trusting = actions.add_parser("trust", help="how far each teacher is to be believed, by the joints that humans marked")
    add_photos(trusting, "folder of the photo kit's sets, labelled twice", required=True)
    add_output(trusting, "where to write it (.json); left out: only compare labels")
    trusting.set_defaults(run=Later("data.run_trust"))

    showing = actions.add_parser("show", help="a contact sheet of labelled pictures of a data set, for a person to look at")
    _add_data_set(showing)
    add_output(showing, "the sheet to write (.jpg or .png)", required=True)
    showing.add_argument("--count", type=int, default=24, help="pictures on the sheet (default 24)")
    showing.add_argument("--seed", type=int, default=0, help="which pictures are drawn (default 0)")
    showing.set_defaults(run=Later("data.run_show"))

    checking = actions.add_parser("check", help="read a data set through; count what it holds and what cannot be used")
    _add_data_set(checking)
    checking.add_argument("--decode", action="store_true", help="also decode every picture")
    checking.add_argument("--json", action="store_true", help="print the figures as JSON")
    checking.set_defaults(run=Later("data.run_check"))


def _add_data_set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", required=True, choices=DATA_SETS, help="which data set; see docs/datasets.md")
    parser.add_argument("--data", required=True, metavar="DIR", help="folder of the data set")
    parser.add_argument("--split", choices=("train", "val"), help="default: train, or val for a data set without it")
