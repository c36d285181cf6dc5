"""What a search begins with: values of alpha and beta, who optimises them, and the data of each side."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from xnect_lite.errors import XnectError
from xnect_lite.models.fabric.fabric import architecture_parameters, searched_parameters
from xnect_lite.train.search.config import SearchConfig


def begin(net: nn.Module, config: SearchConfig, draw: bool = True) -> None:
    """Set alpha and beta for the strategy, and whether they may change.

    Values are drawn for random alone, and with ``draw``; otherwise they stay: at zero in a new network, as they were in one
    that goes on or is tuned.
    """
    searched = {id(p) for p in searched_parameters(net)}
    generator = torch.Generator().manual_seed(config.random_seed)
    for parameter in architecture_parameters(net):
        if draw and config.arch_search_strategy == "random":
            with torch.no_grad():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
        fixed = config.arch_search_strategy in ("None", "random")
        parameter.requires_grad_(not fixed and id(parameter) in searched)


def weights_of(net: nn.Module, config: SearchConfig) -> list[nn.Parameter]:
    """What the weights' optimiser is to learn: all that can learn, without alpha and beta unless the strategy is sync."""
    apart = set() if config.arch_search_strategy == "sync" else {id(p) for p in architecture_parameters(net)}
    return [p for p in net.parameters() if p.requires_grad and id(p) not in apart]


def split(count: int, config: SearchConfig, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Indices of 0 .. ``count`` - 1 for the weights and for the architecture, shuffled once and then fixed.

    Raises XnectError if there are too few for both.
    """
    order = np.random.default_rng(seed).permutation(count)
    whole = config.split_for_train + config.split_for_archvalid
    first = round(count * config.split_for_train / whole)
    if not 0 < first < count:
        cause = f"cannot be split {config.split_for_train}:{config.split_for_archvalid}"
        raise XnectError(f"{count} training samples", cause, "Give more data, or search by sync")
    return np.sort(order[:first]), np.sort(order[first:])
