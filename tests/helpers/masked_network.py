"""A Stage I with masks, small enough for tests, whose masks follow the picture: bright is computed, dark is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from xnect_lite.models import backbones
from xnect_lite.models.dynamic.options import DynamicConfig
from xnect_lite.models.selecsls import CONFIGS, SelecSLSConfig
from xnect_lite.models.xnect import XNect

NAME = "selecsls_masked"
TARGET = 0.25


def register_masked(patch: pytest.MonkeyPatch) -> None:
    """Let XNect and load_network build it by its name."""
    patch.setitem(CONFIGS, NAME, SelecSLSConfig(((16, 2, 16), (16, 2, 24), (32, 2, 32)), ()))
    patch.setitem(backbones.BACKBONES, NAME, lambda: backbones.SelecSLSBackbone(NAME))


def masked_network(**changes) -> XNect:
    """Of averaging layers, masks where their mean is above one half. Needs `register_masked`."""
    torch.manual_seed(0)
    net = XNect(NAME, dynamic=replace(DynamicConfig(target=TARGET), **changes)).eval()
    with torch.no_grad():
        for module in net.backbone.core.modules():
            if isinstance(module, torch.nn.Conv2d):  # everything averages, so that bright stays bright
                module.weight.uniform_(0.5, 1.5).div_(module.weight[0].numel())
        for unit in net.backbone.core.masks.values():
            unit.maskconv.weight.fill_(1 / unit.maskconv.in_channels)
            unit.maskconv.bias.fill_(-0.5)
    for out in (net.heads.out_2d, net.heads.out_3d):
        torch.nn.init.normal_(out.weight, std=0.1)
    return net
