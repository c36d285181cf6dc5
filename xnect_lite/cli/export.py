"""``xnect-lite export``: Stage I pruned, or as a file for OpenVINO, ONNX Runtime or TorchScript, compared with torch."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xnect_lite.export.write import ExportReport
    from xnect_lite.models.xnect import XNect

_FORMATS = ("safetensors", "onnx", "openvino", "openvino-int8", "torchscript")
_COMPARED = 8  # photographs, where maps are only compared


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb."""
    verb = verbs.add_parser("export", help="the network pruned, or as ONNX, OpenVINO (fp32 or int8) or TorchScript")
    verb.add_argument("--format", required=True, choices=_FORMATS)
    verb.add_argument("-o", "--output", required=True, metavar="FILE", help=".safetensors, .onnx, .xml (with a .bin) or .ts")
    verb.add_argument("--backbone", default="selecsls60", help="default: selecsls60")
    verb.add_argument("--weights", default="", metavar="FILE", help="safetensors (default: the shipped ones)")
    verb.add_argument(
        "--prune", type=float, metavar="GAMMA",
        help="fuse the batch norms and drop channels whose |gamma| is at most GAMMA (published: 0.001); -1 only fuses",
    )  # fmt: skip
    verb.add_argument("--multiple", type=_count, default=1, metavar="N", help="--prune: widths in multiples of N (default 1)")
    verb.add_argument(
        "--calibration", type=Path, metavar="DIR",
        help="photo kit or folder of photographs: needed for int8, for the others it makes the comparison a better one",
    )  # fmt: skip
    verb.add_argument("--calibration-images", type=_count, default=300, metavar="N", help="at most so many (default 300)")
    verb.add_argument("--check-images", type=_count, default=300, metavar="N", help="at most so many score int8 (default 300)")
    verb.add_argument("--max-drop", type=float, default=1.0, metavar="POINTS", help="accuracy that int8 may lose (default 1.0)")
    verb.add_argument("--json", action="store_true", help="print the report as JSON")
    verb.set_defaults(run=_export)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1 up")
    return int(text)


def _export(options: argparse.Namespace) -> int:
    from xnect_lite.config import NetworkConfig
    from xnect_lite.errors import XnectError
    from xnect_lite.export.calibration import read_photographs
    from xnect_lite.export.write import check_target, export
    from xnect_lite.inference.names import EXPORTED
    from xnect_lite.inference.weights import find_weights, load_network

    check_target(options.format, Path(options.output))
    config = NetworkConfig(options.backbone, options.weights)
    path = find_weights(config.backbone, config.weights)
    if path.suffix.lower() in EXPORTED:
        raise XnectError(str(path), "is an exported network already", "Give .safetensors weights")
    net = load_network(path, config.backbone)
    if options.prune is not None:
        net = _prune(net, options)
    photographs = None
    if options.calibration:
        is_int8 = options.format == "openvino-int8"
        counts = (options.calibration_images, options.check_images) if is_int8 else (_COMPARED, _COMPARED)
        photographs = read_photographs(options.calibration, config, *counts)
    report = export(net, options.format, Path(options.output), config, photographs, options.max_drop)
    if options.json:
        print(json.dumps(report.as_dict(), indent=2))
    else:
        _print_report(report)
    return 0


def _prune(net: XNect, options: argparse.Namespace) -> XNect:
    import torch

    from xnect_lite.errors import XnectError
    from xnect_lite.models.compress import prune

    if net.arch.get("form") == "fused":
        raise XnectError("--prune", "these weights have no batch norms left to prune by", "Give them as they were trained")
    net, report = prune(net, torch.zeros(1, 3, 320, 512), options.prune, options.multiple)
    print(report, file=sys.stderr)
    return net


def _print_report(report: ExportReport) -> None:
    for file in report.files:
        print(file)
    print(f"{report.bytes / 1e6:.1f} MB, {report.format}; differences from torch fp32 on the CPU:")
    print(f"{'output':<12}{'pictures':<14}{'largest':>10}{'of range':>10}")
    for row in report.errors:
        print(f"{row.output:<12}{row.pictures:<14}{row.worst:>10.1e}{row.share:>10.1e}")
    if report.accuracy:
        accuracy = report.accuracy
        print(f"{accuracy.measure}: {accuracy.before:.1f} in fp32, {accuracy.after:.1f} in int8 ({-accuracy.drop:+.2f} points)")
