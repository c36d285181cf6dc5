"""Masks of a chosen share, for measuring: how time falls with the share of active pixels, whatever a picture shows."""

from __future__ import annotations

import copy
import math
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from xnect_lite.models.dynamic.ledger import Ledger
from xnect_lite.models.dynamic.masks import MaskUnit

Network = TypeVar("Network", bound=nn.Module)


class FixedMask(nn.Module):
    """Says that a rectangle in the middle is active, of about this share of the map and of its shape."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        batch, _, height, width = x.shape
        mask = x.new_zeros(batch, 1, height, width)
        if self.share > 0:
            tall = max(1, round(height * math.sqrt(self.share)))
            wide = min(width, max(1, round(width * height * self.share / tall)))
            top, left = (height - tall) // 2, (width - wide) // 2
            mask[:, :, top : top + tall, left : left + wide] = 1
        return mask


def with_share(net: Network, share: float) -> Network:
    """A copy of a network whose masks all have this share, 0 to 1."""
    net = copy.deepcopy(net)
    for name, module in list(net.named_modules()):
        if isinstance(module, MaskUnit):
            net.set_submodule(name, FixedMask(share))
    return net.requires_grad_(False)


@torch.inference_mode()
def measured_share(net: nn.Module, image: Tensor) -> float:
    """Executed over conditional multiply-adds of one pass of a network that keeps a ledger."""
    net(image)
    spent = cast(Ledger, net.ledger).spent
    return float(sum(one.executed() for one in spent) / sum(one.conditional() for one in spent))
