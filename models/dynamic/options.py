"""Options of networks with dynamic convolutions, after DynConv (Verelst and Tuytelaars, CVPR 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from xnect_lite.files.values import CountOrAll, Range, Share, Weight

_Temperature = Annotated[float, Range(0.01, 100)]


@dataclass(frozen=True)
class DynamicConfig:
    """Where a network may skip work, and how it learns to."""

    target: Share = 0.0  # share of the conditional multiply-adds that should be executed; 0 = a dense network
    enabled: bool = True  # false makes a configuration with a target dense
    temperature: _Temperature = 1.0  # of the sigmoid that gradients pass through
    noise_off_epoch: CountOrAll = 80  # from this epoch on masks are drawn without Gumbel noise
    weight: Weight = 0.01  # of the budget against the task
    start_logit: Annotated[float, Range(-10, 10)] = 0.0  # what mask units begin at, all over; high = everything is active
    # in Stage I, from trained weights: masks are fitted to where the network sees people on so many batches first; 0 = not
    people_batches: CountOrAll = 0
    frozen_norms: bool = False  # in Stage I: batch norms of masked blocks keep the statistics that they start with

    @property
    def active(self) -> bool:
        """Whether a network with these options has masks."""
        return self.enabled and self.target > 0


@dataclass(frozen=True)
class HourglassConfig:
    """The stacked hourglass of inverted residuals that DynConv was published with."""

    stacks: Annotated[int, Range(1, 16)] = 4
    depth: Annotated[int, Range(1, 5)] = 4  # halvings in each hourglass
    blocks: Annotated[int, Range(1, 16)] = 1  # inverted residuals in a row
    features: Annotated[int, Range(8, 1024, multiple=4)] = 96  # channels from stride 4 on
