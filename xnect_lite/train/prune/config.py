"""Configuration of pruning: that of a Stage I run, whose data, canvases and losses it shares, and a few values more."""

from __future__ import annotations

from dataclasses import dataclass

from xnect_lite.errors import XnectError
from xnect_lite.train.stage1.config import Stage1Config


@dataclass(frozen=True)
class PruneConfig(Stage1Config):
    """``init`` is the network to prune ('' = the shipped one); ``minutes`` or ``steps`` are the budget of both phases together.

    ``learning_rate`` and ``optimizer`` are not read: each phase has its own.
    """

    out: str = "runs/prune"
    minutes: float = 30.0
    sparse_share: float = 0.65  # of the budget goes to making channels vanish, the rest to tuning what is left
    sparse_rate: float = 3.0e-3  # learning rate of Adam while channels vanish; summed over its steps it must exceed 1 by far
    sparse_l2: float = 5.0e-4  # L2 on everything, the norms' scales included
    threshold: float = 1.0e-3  # channels of at most this |gamma| are dropped
    multiple: int = 8  # layer widths are rounded up to multiples of this
    tune_rate: float = 3.0e-4  # learning rate of the pruned network, which has no norms left to hold it
    latency_passes: int = 30  # timed per network


def check_prune(config: PruneConfig) -> None:
    """Raise XnectError for values that would only fail, or be misread, later."""
    for key, value, low, high in (
        ("sparse_share", config.sparse_share, 0.0, 1.0),
        ("threshold", config.threshold, 0.0, 1e6),
        ("multiple", config.multiple, 1, 4096),
        ("latency_passes", config.latency_passes, 1, 10_000),
    ):
        if not low <= value <= high:
            raise XnectError(f"configuration key '{key}'", f"is {value}, not within {low:g} to {high:g}", "Mend the value")
