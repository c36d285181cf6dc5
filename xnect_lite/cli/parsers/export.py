"""``xnect-lite export``: Stage I pruned, or as a file for OpenVINO, ONNX Runtime or TorchScript."""

from __future__ import annotations

import argparse
from pathlib import Path

from xnect_lite.cli.parsers.later import Later
from xnect_lite.cli.parsers.words import add_output, add_photos, understood

_FORMATS = ("safetensors", "onnx", "openvino", "openvino-int8", "torchscript")


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb."""
    verb = verbs.add_parser("export", help="the network pruned, or as ONNX, OpenVINO (fp32 or int8) or TorchScript")
    verb.add_argument("--format", required=True, choices=_FORMATS)
    add_output(verb, ".safetensors, .onnx, .xml (with a .bin) or .ts", required=True)
    verb.add_argument("--backbone", default="selecsls60", help="default: selecsls60")
    verb.add_argument("--weights", default="", metavar="FILE", help="safetensors (default: the shipped ones)")
    verb.add_argument(
        "--prune", type=float, metavar="GAMMA",
        help="fuse the batch norms and drop channels whose |gamma| is at most GAMMA (published: 0.001); -1 only fuses",
    )  # fmt: skip
    verb.add_argument("--multiple", type=_count, default=1, metavar="N", help="--prune: widths in multiples of N (default 1)")
    photos = add_photos(
        verb,
        "photo kit or folder of photographs: needed for int8, a better comparison for the others",
        type=Path,
    )
    understood(verb, photos, "--calibration")
    verb.add_argument("--calibration-images", type=_count, default=300, metavar="N", help="at most so many (default 300)")
    verb.add_argument("--check-images", type=_count, default=300, metavar="N", help="at most so many score int8 (default 300)")
    verb.add_argument("--max-drop", type=float, default=1.0, metavar="POINTS", help="accuracy that int8 may lose (default 1.0)")
    verb.add_argument("--json", action="store_true", help="print the report as JSON")
    verb.set_defaults(run=Later("export.run_export"))


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1 up")
    return int(text)
