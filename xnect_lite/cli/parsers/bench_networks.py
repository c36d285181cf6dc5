"""``xnect-lite bench networks``: how long the networks take, side by side; the published evaluate_timing.py."""

from __future__ import annotations

import argparse
from typing import Any

from xnect_lite.cli.parsers.classifier_options import add_classifier_options, add_switch
from xnect_lite.cli.parsers.later import Later


def add(actions: argparse._SubParsersAction, name: str, **more: Any) -> None:
    """Register it under ``name``."""
    timing = actions.add_parser(
        name, **more,
        description="Times forward passes of all networks side by side: first on the GPU if there is one (batch 1 and 16), "
        "then on the CPU (batch 1). Takes minutes; --backbone and --input-size narrow it.",
    )  # fmt: skip
    add_classifier_options(timing, gamma_threshold=1e-3)
    group = timing.add_argument_group("measuring")
    group.add_argument(
        "--input-size", "--input_size", metavar="S[,S]", help="512,400,224 (default), or WxH; with --pose 512x320"
    )
    group.add_argument("--batch", metavar="N[,N]", help="pictures per pass (default: 1,16 on a GPU, 1 on the CPU)")
    group.add_argument("--num-iter", "--num_iter", type=int, default=50, metavar="N", help="timed passes (default 50)")
    group.add_argument("--warm-up", "--warm_up", type=int, default=10, metavar="N", help="passes before (default 10)")
    group.add_argument("--precision", default="fp32", help="fp32 (default), fp16 or bf16")
    group.add_argument("--forms", metavar="F[,F]", help="plain, fused, pruned (default: plain,fused)")
    group.add_argument(
        "--engines", metavar="E[,E]", help="eager, torchscript, compiled (default: all); with --pose the names of back ends"
    )
    add_switch(group, "--pose", "whole Stage I with these backbones instead of whole classifiers")
    group.add_argument(
        "--stride", default="8", metavar="N[,N]", help="--pose: network pixels per output cell, 8 (default) or 4"
    )
    add_switch(group, "--grouped", "--pose: every SelecSLS with its deeper layers in groups, too")
    add_switch(group, "--train", "forward and backward, and the memory it takes")
    add_switch(group, "--memory", "peak memory on the CPU too; starts a process for each candidate")
    add_switch(group, "--largest-batch", "look for the largest batch that fits the GPU's memory")
    add_switch(group, "--contiguous", "tensors channels-first as in the published script, not channels-last")
    timing.add_argument("--json", action="store_true", help="print the figures as JSON")
    timing.set_defaults(run=Later("bench_networks.run_networks"))
