"""``xnect-lite eval backbones``: SelecSLS-60, pruned, in int8, and ResNet-50, side by side."""

from __future__ import annotations

import argparse
from pathlib import Path

from xnect_lite.cli.evaluate_benchmarks import report
from xnect_lite.errors import XnectError


def add(kinds: argparse._SubParsersAction) -> None:
    """Register it."""
    parser = kinds.add_parser(
        "backbones", help="SelecSLS-60, pruned, int8, and ResNet-50: accuracy, latency, memory, parameters, GMACs"
    )
    parser.add_argument("--data", metavar="DIR", help="photo kit or its pack, for accuracy (left out: none is measured)")
    parser.add_argument("--limit", type=int, default=0, help="use only every n-th picture so that about LIMIT remain")
    parser.add_argument(
        "--weights", action="append", default=[], metavar="NAME=FILE",
        help="weights of a backbone (default: those that are found); may be repeated. Without any it is timed untrained",
    )  # fmt: skip
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda or cuda:N")
    parser.add_argument("--backend", default="auto", help="what runs all of them (default: openvino on a CPU, torch on a GPU)")
    parser.add_argument("--precision", default="fp32", help="fp32 (default), fp16 or bf16, of all but int8")
    parser.add_argument("--input-size", default="512x320", metavar="WxH", help="network pixels (default 512x320)")
    parser.add_argument("--gamma-thresh", type=float, default=1e-3, help="channels weaker than this are pruned (default 0.001)")
    parser.add_argument("--num-iter", type=int, default=30, metavar="N", help="timed passes (default 30)")
    parser.add_argument("--out", metavar="FILE", help="keep the result as JSON, for xnect-lite eval report")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    if options.num_iter < 1:
        raise XnectError(f"--num-iter {options.num_iter}", "is too small", "Give 1 or more")
    size, given = _size(options.input_size), _given(options.weights)
    from tqdm import tqdm

    from xnect_lite.benchmark.backbones import compare, rows_of
    from xnect_lite.benchmark.measure import Plan, steps
    from xnect_lite.cli.evaluate import held_out
    from xnect_lite.config import GroupingConfig
    from xnect_lite.data.sample import evenly
    from xnect_lite.evaluate.results import result
    from xnect_lite.inference.devices import check_precision, choose_device
    from xnect_lite.inference.weights import sha256

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
    from xnect_lite.inference.weights import find_weights

    try:
        return str(find_weights(name))
    except XnectError:
        return ""


def _engine(asked: str, device_type: str) -> str:
    import importlib.util

    if asked != "auto":
        return asked
    return "openvino" if device_type == "cpu" and importlib.util.find_spec("openvino") else "torch"
