"""Options of networks with dynamic convolutions, after DynConv (Verelst and Tuytelaars, CVPR 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from xnect_lite.files.values import CountOrAll, Range, Weight

Target = Annotated[float, Range(0, 1, "(]")]
Temperature = Annotated[float, Range(0.01, 100)]


@dataclass(frozen=True)
class DynamicConfig:
    """Where a network may skip work, and how it learns to."""

    enabled: bool = False
    target: Target = 0.25  # share of the conditional multiply-adds that should be executed
    temperature: Temperature = 1.0  # of the sigmoid that gradients pass through
    noise_off_epoch: CountOrAll = 80  # from this epoch on masks are drawn without Gumbel noise
    weight: Weight = 0.01  # of the budget against the task


@dataclass(frozen=True)
class HourglassConfig:
    """The stacked hourglass of inverted residuals that DynConv was published with."""

    stacks: Annotated[int, Range(1, 16)] = 4
    depth: Annotated[int, Range(1, 5)] = 4  # halvings in each hourglass
    blocks: Annotated[int, Range(1, 16)] = 1  # inverted residuals in a row
    features: Annotated[int, Range(8, 1024, multiple=4)] = 96  # channels from stride 4 on
