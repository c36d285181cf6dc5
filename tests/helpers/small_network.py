"""A Stage I network small enough to convert and compile in seconds, and pictures for it."""

from __future__ import annotations

import copy
import functools

import cv2
import numpy as np
import pytest
import torch

from xnect_lite.models import backbones
from xnect_lite.models.selecsls import CONFIGS, SelecSLSConfig
from xnect_lite.models.xnect import XNect

NAME = "selecsls_small"


def small_network(seed: int = 0) -> XNect:
    """The real heads on a narrow core of one block per level. Its norms have seen pictures, its maps are far from flat."""
    return copy.deepcopy(_made(seed))


@functools.cache
def _made(seed: int) -> XNect:
    torch.manual_seed(seed)
    with pytest.MonkeyPatch.context() as patch:
        register(patch)
        net = XNect(NAME)
    for out in (net.heads.out_2d, net.heads.out_3d):
        torch.nn.init.normal_(out.weight, std=0.1)
    with torch.no_grad():
        for _ in range(20):
            net.train()(pictures(4, 64, 96).permute(0, 3, 1, 2).float())
    return net.eval()


def register(patch: pytest.MonkeyPatch) -> None:
    """Let XNect and load_network build the small network by its name."""
    patch.setitem(CONFIGS, NAME, SelecSLSConfig(((16, 1, 16), (16, 1, 24), (32, 1, 32)), ()))
    patch.setitem(backbones.BACKBONES, NAME, lambda: backbones.SelecSLSBackbone(NAME))


def pictures(count: int, height: int, width: int, smooth: bool = True, seed: int = 0) -> torch.Tensor:
    """(count, height, width, 3) uint8: noise, or blots of all sizes as in photographs."""
    rng = np.random.default_rng(seed)
    if not smooth:
        return torch.from_numpy(rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8))
    rows = []
    for _ in range(count):
        picture = np.zeros((height, width, 3), np.float32)
        for cells in (2, 4, 8, 16, 32):
            picture += cv2.resize(rng.standard_normal((cells, cells, 3)).astype(np.float32), (width, height)) / np.sqrt(cells)
        rows.append(np.clip(128 + 60 * picture, 0, 255).astype(np.uint8))
    return torch.from_numpy(np.stack(rows))
