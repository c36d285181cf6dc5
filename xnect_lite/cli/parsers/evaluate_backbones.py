"""``xnect-lite eval backbones``: SelecSLS-60, pruned, in int8, and ResNet-50, side by side."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers.later import Later
from xnect_lite.cli.parsers.words import add_photos, add_result, understood


def add(kinds: argparse._SubParsersAction) -> None:
    """Register it."""
    parser = kinds.add_parser(
        "backbones", help="SelecSLS-60, pruned, int8, and ResNet-50: accuracy, latency, memory, parameters, GMACs"
    )
    photos = add_photos(parser, "photo kit or its pack, for accuracy (left out: none is measured)", dest="data")
    understood(parser, photos, "--data")
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
    add_result(parser)
    parser.set_defaults(run=Later("evaluate_backbones.run_evaluate"))
