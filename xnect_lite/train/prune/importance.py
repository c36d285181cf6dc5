"""Which channels a network can do without, by what the loss would feel: for when there is no time to make channels vanish.

A channel's importance is the squared change of the loss, to first order, if its norm's scale and shift went to zero: the gates
of Molchanov, Mallya, Tyree, Frosio and Kautz, "Importance Estimation for Neural Network Pruning", CVPR 2019.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from xnect_lite.data.targets import Targets
from xnect_lite.models.compress import PruneReport, count, fuse, macs_per_channel, prune, scaled_norms, settle
from xnect_lite.train.stage1.losses import LossConfig, stage1_losses

Network = TypeVar("Network", bound=nn.Module)


def importance(net: nn.Module, batches: Iterable[tuple[Tensor, Targets]], loss: LossConfig) -> dict[str, np.ndarray]:
    """Convolution with a norm -> (channels,) mean squared change of the loss without each. The network is left as it is."""
    gates = {conv: _gate(net.get_submodule(norm)) for conv, norm in scaled_norms(net).items()}
    sums = {conv: torch.zeros_like(scale) for conv, (scale, _) in gates.items()}
    net.eval()  # statistics as in use
    number = 0
    for image, targets in batches:
        net.zero_grad(set_to_none=True)
        torch.stack(list(stage1_losses(net(image), targets, loss).values())).sum().backward()
        for conv, (scale, shift) in gates.items():
            if scale.grad is not None and shift.grad is not None:
                sums[conv] += (scale.grad * scale + shift.grad * shift).detach() ** 2
        number += 1
    net.zero_grad(set_to_none=True)
    return {conv: (total / max(number, 1)).cpu().numpy() for conv, total in sums.items()}


def _gate(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Scale and shift of a norm: of a channel's, both at zero, nothing comes through."""
    assert isinstance(norm, nn.BatchNorm2d)
    return norm.weight, norm.bias


def without_least(
    net: Network, scores: Mapping[str, np.ndarray], example: Tensor, share: float, multiple: int
) -> tuple[Network, PruneReport]:
    """A fused copy without the least important channels, each of which leaves its mean: ``share`` of the arithmetic, or a
    little more.

    What counts is importance for each multiply-accumulate that a channel costs. Widths are rounded up to multiples of
    ``multiple``, the most important of those that would go staying.
    """
    cost = macs_per_channel(net, example)
    worth = {conv: score / np.maximum(cost[conv], 1) for conv, score in scores.items()}
    order = np.sort(np.concatenate(list(worth.values())))
    wanted = share * count(fuse(net), example).macs
    low, high = 0, len(order)  # what goes is worth less than order[low]: too little goes; than order[high]: too much
    best = prune(net, example, 0.0)
    while high - low > 1:
        middle = (low + high) // 2
        candidate = _cut(net, worth, order[middle], example, multiple)
        if candidate[1].after.macs >= wanted:
            low, best = middle, candidate
        else:
            high = middle
    return best


def _cut(
    net: Network, worth: Mapping[str, np.ndarray], least: float, example: Tensor, multiple: int
) -> tuple[Network, PruneReport]:
    """Without the channels worth less than ``least``, but for the best of them that fill up the width of a layer."""
    gone = {conv: _gone(w, int((w >= least).sum()), multiple) for conv, w in worth.items()}
    small, report = prune(settle(net, gone), example, 0.0)
    # Where padded layers read, one settled channel stays for all that go: it takes the place of a living one.
    odd = [conv for conv, kept, total in report.layers if kept < total and kept % multiple]
    if not odd:
        return small, report
    gone |= {conv: _gone(worth[conv], int((~gone[conv]).sum()), multiple, short=1) for conv in odd}
    return prune(settle(net, gone), example, 0.0)


def _gone(worth: np.ndarray, wanted: int, multiple: int, short: int = 0) -> np.ndarray:
    """(channels,) bool, all but ``wanted`` of them rounded up to a multiple and ``short`` of it by so many."""
    stay = min(len(worth), max(multiple, -(-wanted // multiple) * multiple) - short)
    gone = np.ones(len(worth), bool)
    gone[np.argsort(-worth)[:stay]] = False
    return gone
