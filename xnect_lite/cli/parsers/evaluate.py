"""``xnect-lite eval``: accuracy on labelled data."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers import (
    evaluate_3dhp,
    evaluate_backbones,
    evaluate_clips,
    evaluate_coco,
    evaluate_imagenet,
    evaluate_lsp,
    evaluate_mpii,
    evaluate_multiview,
    evaluate_mupots,
    evaluate_peers,
    evaluate_ponder,
    evaluate_report,
)
from xnect_lite.cli.parsers.later import Later
from xnect_lite.cli.parsers.pipeline_options import add_network_options
from xnect_lite.cli.parsers.words import add_photos, understood

_KINDS = (
    evaluate_clips, evaluate_multiview, evaluate_mpii, evaluate_mupots, evaluate_3dhp, evaluate_coco, evaluate_lsp,
    evaluate_backbones, evaluate_peers, evaluate_ponder, evaluate_report,
)  # fmt: skip


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb, and the name that the published script had before it was one of its data sets."""
    evaluate = verbs.add_parser("eval", help="accuracy on labelled data")
    kinds = evaluate.add_subparsers(dest="dataset", required=True, metavar="DATA_SET")
    photos = kinds.add_parser("photos", help="the photo kit's validation split")
    folder = add_photos(photos, "folder of the photo kit's sets, or what data pack made of it", dest="data", required=True)
    understood(photos, folder, "--data")
    photos.add_argument("--no-grey", action="store_true", help="leave out the second pass, over pictures in greys")
    synthetic = kinds.add_parser("synthetic", help="renders of 'synth render --split val'")
    renders = synthetic.add_argument("--renders", dest="data", required=True, metavar="DIR", help="their folder")
    understood(synthetic, renders, "--data")
    for pictures in (photos, synthetic):
        pictures.add_argument("--limit", type=int, default=0, help="use only every n-th picture so that about LIMIT remain")
        pictures.add_argument("--json", action="store_true", help="print the figures as JSON")
        add_network_options(pictures)
        pictures.set_defaults(run=Later("evaluate.run_evaluate"))
    for kind in _KINDS:
        kind.add(kinds)
    evaluate_imagenet.add(kinds, help="top-1 and top-5 error of a classifier on ImageNet, or a folder laid out like it")
    evaluate_imagenet.add(verbs)  # without help it is understood, but not listed
