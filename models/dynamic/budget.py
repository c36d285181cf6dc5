"""The budget that masks are trained against.

After DynConv (CVPR 2020): the network as a whole meets the target, and while training begins every block is held near it, by
bounds that open along a cosine, so that none dies and none is always on before the task has spoken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from xnect_lite.models.dynamic.ledger import Spent

_OPENING_SHARE = 0.33  # of the epochs, after which blocks are free


def bounds(target: float, epoch: float, epochs: float) -> tuple[float, float]:
    """(lower, upper) share of a block that costs nothing. At epoch 0 both are the target; later 0 and 1."""
    along = min(max(epoch / (_OPENING_SHARE * epochs), 0.0), 1.0)
    held = math.cos(0.5 * math.pi * along) ** 2
    return held * target, 1 - held * (1 - target)


def budget_terms(spent: Sequence[Spent], target: float, epoch: float, epochs: float) -> tuple[Tensor, Tensor]:
    """(network term, block term), unweighted; both over the whole batch.

    Network: square of executed over conditional multiply-adds less the target. Block: mean over blocks of the squares beyond
    the bounds. Raises ValueError where no block has a mask.
    """
    if not spent:
        raise ValueError("no block has a mask")
    cost = [one.executed() for one in spent]
    total = [one.conditional() for one in spent]
    lower, upper = bounds(target, epoch, epochs)
    share = torch.stack([c / t for c, t in zip(cost, total, strict=True)])
    network = (torch.stack(cost).sum() / sum(total) - target) ** 2
    block = ((share - upper).clamp_min(0) ** 2 + (lower - share).clamp_min(0) ** 2).mean()
    return network, block
