"""Configuration of pruning: that of a Stage I run, whose data, canvases and losses it shares, and a few values more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from xnect_lite.files.values import Count, Minutes, Range, Rate
from xnect_lite.train.stage1.config import Stage1Config


@dataclass(frozen=True)
class PruneConfig(Stage1Config):
    """``init`` is the network to prune ('' = the shipped one); ``minutes`` or ``steps`` are the budget of both phases together.

    ``learning_rate`` and ``optimizer`` are not read: each phase has its own.
    """

    out: str = "runs/prune"
    minutes: Minutes = 30.0
    # sparsity: channels are made to vanish by L2 first, which takes thousands of steps; importance: those that the loss would
    # miss least are cut out of the network as it is, and the whole budget goes to tuning
    criterion: Literal["sparsity", "importance"] = "sparsity"
    keep_macs: Annotated[float, Range(0, 1, "()")] = 0.7  # share of the arithmetic left by importance
    ranking_steps: Count = 100  # batches that importance is measured on
    # the rest is about sparsity, but for multiple, tune_rate and latency_passes.
    # of the budget goes to making channels vanish, the rest to tuning what is left
    sparse_share: Annotated[float, Range(0, 1, "()")] = 0.65
    sparse_rate: Rate = 3.0e-3  # learning rate of Adam while channels vanish; summed over its steps it must exceed 1 by far
    sparse_l2: Annotated[float, Range(0, 10)] = 5.0e-4  # L2 on everything, the norms' scales included
    threshold: Annotated[float, Range(0, 10**6)] = 1.0e-3  # channels of at most this |gamma| are dropped
    multiple: Annotated[int, Range(1, 4096)] = 8  # layer widths are rounded up to multiples of this
    tune_rate: Rate = 3.0e-4  # learning rate of the pruned network, which has no norms left to hold it
    latency_passes: Annotated[int, Range(1, 10_000)] = 30  # timed per network
