"""The published networks of Yang et al., as ours, and the fill of seeded numbers that their code was run with.

The fill goes by a tensor's place in the published state dict. It has tensors that are never run, for which a place is kept: a
stem in every part, MobileNetV2's last block.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch

from xnect_lite.models.backbones import TO_STRIDE_32
from xnect_lite.models.fabric.config import CellConfig
from xnect_lite.models.fabric.network import PartFabrics
from xnect_lite.models.fabric.pyramid import Pyramid
from xnect_lite.skeleton import COCO17

_SIDES = tuple(f"{side}_{name}" for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in "lr")
MPII = ("head_top", "upper_neck", "thorax", *_SIDES, "pelvis")
"""In the order of the published code, which is like COCO's."""

UNUSED_STEM, UNUSED_BLOCK = (13, 42_944), (18, 473_920)  # tensors and parameters that are never run


@dataclass(frozen=True)
class Published:
    """One published configuration. size: height, width of the picture."""

    backbone: str
    parts: int
    joints: tuple[str, ...]
    size: tuple[int, int]
    cell: CellConfig


PUBLISHED = {
    "mobilenet x3": Published(
        "mobilenet_v2", 3, COCO17.names, (384, 288), CellConfig(operators=("skip_connect", "Sep_Conv_3x3", "Atr_Conv_3x3"))
    ),
    "hrnet x5 mpii": Published("hrnet_w32", 5, MPII, (256, 256), CellConfig(vector_in_pixel=False)),
    "hrnet x5 coco": Published("hrnet_w32", 5, COCO17.names, (384, 288), CellConfig()),
    "example": Published("resnet50", 3, COCO17.names, (256, 192), CellConfig(depth=7, cut_layers_num=4)),
}


def build(name: str) -> PartFabrics:
    """The network with random weights."""
    published = PUBLISHED[name]
    backbone = TO_STRIDE_32[published.backbone]()
    return PartFabrics(Pyramid(backbone, backbone.channels, 4, 4), published.cell, published.joints, published.parts).eval()


@functools.cache
def seeded(name: str) -> PartFabrics:
    """The network with the seeded numbers; not to be changed."""
    net, values, place = build(name), {}, 0
    in_pyramid, state = True, net.state_dict()
    for key in sorted(state, key=lambda key: ".adapters." in key):  # the published ones come last
        tensor = state[key]
        if in_pyramid and not key.startswith("pyramid."):
            in_pyramid = False
            place += UNUSED_BLOCK[0] if PUBLISHED[name].backbone == "mobilenet_v2" else 0
        if not key.endswith("num_batches_tracked"):
            values[key] = torch.from_numpy(_numbers(key, tuple(tensor.shape), np.random.default_rng([1234, place])))
        place += 1 + UNUSED_STEM[0] * key.endswith("betas")
    net.load_state_dict(values, strict=False)
    return net


def _numbers(key: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if key.endswith(("alphas", "betas")):
        values = rng.normal(size=shape)
    elif key.endswith("running_var"):
        values = rng.uniform(0.5, 1.5, shape)
    elif len(shape) >= 4:
        values = rng.normal(0, math.sqrt(1 / np.prod(shape[1:])), shape)
    elif key.endswith(".weight"):
        values = rng.uniform(0.3, 0.7, shape)
    else:
        values = rng.normal(0, 0.1, shape)
    return values.astype(np.float32)


def seeded_image(name: str) -> torch.Tensor:
    """(1, 3, H, W)."""
    values = np.random.default_rng(99).normal(size=(1, 3, *PUBLISHED[name].size))
    return torch.from_numpy(values.astype(np.float32))


def kill_some(net: PartFabrics) -> None:
    """Give every part seeded alphas and betas of which a third are exact zeros, as the published pruning was run with."""
    with torch.no_grad():
        for place, part in enumerate(net.parts.values()):
            fabric, rng = part.fabric, np.random.default_rng([77, place])
            beta = rng.normal(size=tuple(fabric.betas.shape))
            killed = rng.random(beta.shape) < 0.35
            killed[:, 0] &= ~killed.all(1)
            beta[killed] = -200
            for plan, _ in fabric.cells():
                if plan.scale == 0:  # "finer" reads the parallel cell again: not here, where the published pruning errs
                    beta[plan.row, :2] = max(beta[plan.row, 0], 0), -200
            alpha = rng.normal(size=tuple(fabric.alphas.shape))
            alpha[:, 0] = -200
            fabric.betas.copy_(torch.from_numpy(beta))
            fabric.alphas.copy_(torch.from_numpy(alpha))
