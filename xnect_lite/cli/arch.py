"""``xnect-lite arch``: what a search found, and pruning by it."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from xnect_lite.errors import XnectError
from xnect_lite.inference.single import load_single, weights_of_run
from xnect_lite.inference.weights import load_network, read_weights, save_weights
from xnect_lite.models.fabric.describe import architecture_lines, chosen_lines, cost_lines, weights_in
from xnect_lite.models.fabric.prune import prune_fabrics
from xnect_lite.train.search.picture import draw

_STAGE1_SIZE = (512, 320)  # width, height that costs are stated for


def run_show(options: argparse.Namespace) -> int:
    """Print costs, weights and the graph of the strongest, and draw all of it."""
    path, net, example = _opened(options.source)
    print(path, *cost_lines(net, example), *architecture_lines(net), "the strongest:", *chosen_lines(net), sep="\n")
    beside = Path(options.source) / "architecture.png" if Path(options.source).is_dir() else path.with_suffix(".png")
    out = Path(options.output) if options.output else beside
    _save(out, draw(weights_in(net)))
    print(f"drawn: {out}")
    return 0


def _save(path: Path, picture: np.ndarray) -> None:
    try:
        written = cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    except cv2.error:  # of a name without a picture's ending
        written = False
    if not written:
        raise XnectError(str(path), "cannot be written", "Choose a folder you may write to and a name that ends in .png")


def run_prune(options: argparse.Namespace) -> int:
    """Write the pruned weights, and say what went and what it saves."""
    path, net, example = _opened(options.source)
    out = Path(options.output) if options.output else path.with_name("pruned.safetensors")
    if out.suffix != ".safetensors":
        raise XnectError(str(out), "expected a name that ends in .safetensors", "Change --output")
    small, report = prune_fabrics(net, example, options.threshold)
    arch = small.arch
    assert isinstance(arch, dict)
    save_weights(out, small.state_dict(), arch)
    print(*report.dropped, report, out, sep="\n")
    verb = f"single --set network={arch['network']}" if "network" in arch else "stage1"
    print(f"to tune it: xnect-lite train {verb} --weights {out} ..., with the configuration it was trained with")
    return 0


def _opened(source: str) -> tuple[Path, nn.Module, Tensor]:
    """The weight file, its network and a picture of the size it is for. Raises XnectError for what has no fabrics."""
    path = weights_of_run(source)
    arch = read_weights(path)[1]
    if "network" in arch:
        net: nn.Module = load_single(path)
        width, height = arch["size"]
    elif "backbone" in arch:
        net = load_network(path, arch["backbone"])
        width, height = _STAGE1_SIZE
    else:
        raise XnectError(str(path), "does not say which network it holds", "Give weights that a training run wrote")
    if not weights_in(net):
        raise XnectError(
            str(path), "has no fabric: its architecture was not searched", "Give weights of a network with fabrics"
        )
    return path, net.eval(), torch.zeros(1, 3, height, width)
