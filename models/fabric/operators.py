"""The operators that an edge of a cell mixes: (B, C, h, w) in, the same shape out.

After Yang et al., "Pose Neural Fabrics Search". Norms inside separable and atrous operators and after pools have no scale and
shift of their own, as what mixes them scales them; those of the basic and the bottleneck operator do.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from xnect_lite.errors import XnectError


class Zero(nn.Module):
    """Nothing: an edge that is not there."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


def _depthwise(channels: int, kernel: int, dilation: int = 1) -> list[nn.Module]:
    """A kernel per channel, then a 1x1 over channels, a norm and ReLU."""
    return [
        nn.Conv2d(channels, channels, kernel, padding=dilation * (kernel // 2), dilation=dilation, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels, affine=False),
        nn.ReLU(inplace=True),
    ]


def separable(channels: int, kernel: int) -> nn.Sequential:
    """A depthwise separable convolution, twice."""
    return nn.Sequential(*_depthwise(channels, kernel), *_depthwise(channels, kernel))


def atrous(channels: int, kernel: int) -> nn.Sequential:
    """A depthwise separable convolution that reads every second cell."""
    return nn.Sequential(*_depthwise(channels, kernel, dilation=2))


def _pooled(pool: nn.Module, channels: int) -> nn.Sequential:
    return nn.Sequential(pool, nn.BatchNorm2d(channels, affine=False))


def average_pool(channels: int) -> nn.Sequential:
    """Mean over 3x3, cells beyond the border not counted."""
    return _pooled(nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False), channels)


def maximum_pool(channels: int) -> nn.Sequential:
    """Maximum over 3x3."""
    return _pooled(nn.MaxPool2d(3, stride=1, padding=1), channels)


def basic(channels: int) -> nn.Sequential:
    """Two 3x3 convolutions with norms, as in a residual block; no ReLU at the end."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True),
        nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels),
    )  # fmt: skip


def bottle(channels: int) -> nn.Sequential:
    """Three 3x3 convolutions with norms, and ReLU only at the end, as published."""
    layers: list[nn.Module] = []
    for _ in range(3):
        layers += [nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)]
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


OPERATORS: dict[str, Callable[[int], nn.Module]] = {
    "Zero": lambda channels: Zero(),
    "skip_connect": lambda channels: nn.Identity(),
    "Sep_Conv_3x3": lambda channels: separable(channels, 3),
    "Sep_Conv_5x5": lambda channels: separable(channels, 5),
    "Atr_Conv_3x3": lambda channels: atrous(channels, 3),
    "Atr_Conv_5x5": lambda channels: atrous(channels, 5),
    "avg_pool_3x3": average_pool,
    "max_pool_3x3": maximum_pool,
    "conv_3x3": lambda channels: nn.Conv2d(channels, channels, 3, padding=1),
    "Basic_Conv_3x3": basic,
    "Bottle_Conv_3x3": bottle,
}
"""Name in a configuration -> constructor, given the channels. `register_operator` adds to it."""


def register_operator(name: str, build: Callable[[int], nn.Module]) -> None:
    """Let configurations name an operator of one's own; ``build(channels)`` keeps the shape of its input.

    Raises XnectError if the name is taken.
    """
    if name in OPERATORS:
        raise XnectError(f"operator '{name}'", "is registered already", "Choose another name")
    OPERATORS[name] = build


def build_operator(name: str, channels: int) -> nn.Module:
    """An operator by its name. Raises XnectError, naming the known ones, if there is none of that name."""
    if name not in OPERATORS:
        raise XnectError(f"operator '{name}'", "is unknown", f"Known: {', '.join(OPERATORS)}")
    return OPERATORS[name](channels)
