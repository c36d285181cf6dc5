"""What a network with fabrics costs, counted rightly and as the published figures were."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from xnect_lite.models.compress import Cost, count
from xnect_lite.models.fabric.cell import Cell
from xnect_lite.models.fabric.fabric import architecture_parameters


@dataclass(frozen=True)
class PublishedCount:
    """parameters: separable and atrous operators counted twice; gflops: multiply-accumulates divided by 1024^3."""

    parameters: int
    gflops: float


def cost(net: nn.Module, example: Tensor) -> Cost:
    """Parameters that act on an input, alpha and beta left out, and multiply-accumulates for an input like ``example``."""
    whole = count(net, example)
    return Cost(whole.parameters - sum(p.numel() for p in architecture_parameters(net)), whole.macs)


def published_count(net: nn.Module, example: Tensor) -> PublishedCount:
    """As the authors' summary counts: a separable or atrous operator once as a layer, then again by the layers within."""
    right = cost(net, example)
    twice = 0
    for cell in net.modules():
        if isinstance(cell, Cell):
            twice += sum(
                p.numel() for name, op in cell.operators() if name.startswith(("Sep_", "Atr_")) for p in op.parameters()
            )
    return PublishedCount(right.parameters + twice, right.macs / 1024**3)
