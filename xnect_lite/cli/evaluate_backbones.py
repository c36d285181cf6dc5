"""``xnect-lite eval backbones``: SelecSLS-60, pruned, in int8, and ResNet-50, side by side."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from tqdm import tqdm

from xnect_lite.benchmark.backbones import compare, rows_of
from xnect_lite.benchmark.measure import Plan, steps
from xnect_lite.cli.evaluate import held_out
from xnect_lite.cli.evaluate_benchmarks import report
from xnect_lite.config import GroupingConfig
from xnect_lite.data.sample import evenly
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.results import result
from xnect_lite.inference.devices import check_precision, choose_device
from xnect_lite.inference.weights import find_weights, sha256


def run_evaluate(options: argparse.Namespace) -> int:
    if options.num_iter < 1:
        raise XnectError(f"--num-iter {options.num_iter}", "is too small", "Give 1 or more")
    size, given = _size(options.input_size), _given(options.weights)

    check_precision(options.precision)
    device = choose_device(options.device)
    engine = _engine(options.backend, device.type)
    weights = {name: given.get(name) or _shipped(name) for name in ("selecsls60", "resnet50")}
    samples = held_out(Path(options.data), synthetic=False) if options.data else []
    if options.data and not samples:
        raise XnectError(options.data, "holds no validation pictures", "Give the photo kit, or what data pack made of it")
    chosen = evenly(samples, options.limit) if options.limit else samples
    rows = rows_of(weights, engine, options.precision, size, options.gamma_thresh)
    plan = Plan(options.num_iter, memory=True)
    with tqdm(total=steps(len(rows), plan), unit="turn", desc="timing", disable=None) as bar:
        table = compare(rows, device, plan, chosen, GroupingConfig(), bar.update, progress=True)
    made_by = {
        "weights": {Path(f).name: sha256(Path(f))[:12] for f in weights.values() if f}, "backend": engine,
        "device": str(device), "precision": options.precision, "input": options.input_size, "refined": "no",
    }  # fmt: skip
    data = f"photo kit, {len(chosen)} validation pictures" if chosen else "no accuracy measured"
    part = f"{len(chosen)} of {len(samples)} pictures" if len(chosen) < len(samples) else ""
    figures = {"pictures": len(chosen)}
    return report(options, result("Backbones side by side", data, part, figures, {"Stage I": table}, made_by))


def _size(text: str) -> tuple[int, int]:
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdigit() and int(side) > 0 and int(side) % 16 == 0 for side in sides):
        raise XnectError(f"--input-size {text}", "is no width and height in multiples of 16", "Such as 512x320")
    return int(sides[0]), int(sides[1])


def _given(items: list[str]) -> dict[str, str]:
    out = {}
    for item in items:
        name, _, path = item.partition("=")
        if name not in ("selecsls60", "resnet50") or not path:
            raise XnectError(f"--weights {item}", "is not NAME=FILE", "Such as resnet50=FILE; names: selecsls60, resnet50")
        if not Path(path).is_file():
            raise XnectError(path, "no such weight file", "Check the path given to --weights")
        out[name] = path
    return out


def _shipped(name: str) -> str:
    try:
        return str(find_weights(name))
    except XnectError:
        return ""


def _engine(asked: str, device_type: str) -> str:
    if asked != "auto":
        return asked
    return "openvino" if device_type == "cpu" and importlib.util.find_spec("openvino") else "torch"
