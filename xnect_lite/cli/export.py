"""``xnect-lite export``: Stage I pruned, or as a file for OpenVINO, ONNX Runtime or TorchScript, compared with torch."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import torch

from xnect_lite.config import NetworkConfig
from xnect_lite.errors import XnectError
from xnect_lite.export.calibration import blots, read_photographs
from xnect_lite.export.write import ExportReport, MapError, check_target, compare, export
from xnect_lite.inference.names import EXPORTED
from xnect_lite.inference.torch_eager import TorchBackend
from xnect_lite.inference.weights import find_weights, load_network
from xnect_lite.models.compress import prune
from xnect_lite.models.xnect import XNect

_COMPARED = 8  # photographs, where maps are only compared


def run_export(options: argparse.Namespace) -> int:
    check_target(options.format, Path(options.output))
    config = NetworkConfig(options.backbone, options.weights)
    path = find_weights(config.backbone, config.weights)
    if path.suffix.lower() in EXPORTED:
        raise XnectError(str(path), "is an exported network already", "Give .safetensors weights")
    net = load_network(path, config.backbone)
    photographs = None
    if options.photos:
        is_int8 = options.format == "openvino-int8"
        counts = (options.calibration_images, options.check_images) if is_int8 else (_COMPARED, _COMPARED)
        photographs = read_photographs(options.photos, config, *counts)
    changed: list[MapError] = []
    if options.prune is not None:
        whole, net = net, _prune(net, options)
        pictures = ("photographs", photographs.check[:_COMPARED]) if photographs else ("blots", blots(config))
        changed = compare(TorchBackend(whole, "cpu", "fp32"), TorchBackend(net, "cpu", "fp32"), *pictures)
    report = export(net, options.format, Path(options.output), config, photographs, options.max_drop)
    if options.json:
        cut = {"against_unpruned": [asdict(row) for row in changed]} if changed else {}
        print(json.dumps({**report.as_dict(), **cut}, indent=2))
        return 0
    _print_report(report)
    if changed:  # whether the network is still what it was, which the file's own differences do not say
        worst = max(changed, key=lambda row: row.share)
        print(f"against the unpruned network: {worst.output} by up to {worst.share:.1e} of its range on {worst.pictures}")
    return 0


def _prune(net: XNect, options: argparse.Namespace) -> XNect:
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
