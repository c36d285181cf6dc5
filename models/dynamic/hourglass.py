"""The stacked hourglass of inverted residuals that DynConv was published with, dense or with a mask unit per block.

After Newell et al. (ECCV 2016), Sandler et al. (MobileNetV2, CVPR 2018) and Verelst and Tuytelaars (CVPR 2020). State-dict
keys are those of the published checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from xnect_lite.models.dynamic.options import HourglassConfig
from xnect_lite.models.single import SingleNetwork

_EXPANSION = 6


class InvertedResidual(nn.Module):
    """1x1 to six times the channels, depthwise 3x3, 1x1 back; added to the input where channels allow."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        hidden = _EXPANSION * inputs
        self.identity = inputs == outputs
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6(inplace=True),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6(inplace=True),
            nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.identity else self.conv(x)


class Hourglass(nn.Module):
    """Down by halves to ``depth``, and up again, with a block beside each level."""

    def __init__(self, features: int, depth: int, blocks: int) -> None:
        super().__init__()
        self.depth = depth
        self.hg = nn.ModuleList(
            nn.ModuleList(_row(features, blocks) for _ in range(4 if level == 0 else 3)) for level in range(depth)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self._level(self.depth - 1, x)

    def _level(self, level: int, x: Tensor) -> Tensor:
        rows = self.hg[level]
        beside = rows[0](x)
        low = rows[1](functional.max_pool2d(x, 2))
        low = self._level(level - 1, low) if level > 0 else rows[3](low)
        return beside + functional.interpolate(rows[2](low), scale_factor=2.0)


def _row(features: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(*(InvertedResidual(features, features) for _ in range(blocks)))


class StackedHourglass(SingleNetwork):
    """Stem to stride 4, then hourglasses; each stack says where the joints are, and the next one hears it."""

    def __init__(self, config: HourglassConfig, joints: int = 16) -> None:
        super().__init__()
        features, stem = config.features, config.features // 4
        self.conv1 = nn.Conv2d(3, stem, 7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(stem)
        self.layer1 = nn.Sequential(InvertedResidual(stem, 2 * stem))
        self.layer2 = nn.Sequential(InvertedResidual(2 * stem, features))
        self.layer3 = nn.Sequential(InvertedResidual(features, features))
        stacks = range(config.stacks)
        self.hg = nn.ModuleList(Hourglass(features, config.depth, config.blocks) for _ in stacks)
        self.res = nn.ModuleList(_row(features, config.blocks) for _ in stacks)
        self.fc = nn.ModuleList(
            nn.Sequential(nn.Conv2d(features, features, 1), nn.BatchNorm2d(features), nn.ReLU()) for _ in stacks
        )
        self.score = nn.ModuleList(nn.Conv2d(features, joints, 1) for _ in stacks)
        self.fc_ = nn.ModuleList(nn.Conv2d(features, features, 1) for _ in stacks[1:])
        self.score_ = nn.ModuleList(nn.Conv2d(joints, features, 1) for _ in stacks[1:])

    def forward(self, image: Tensor) -> list[Tensor]:
        """See `SingleNetwork.forward`; sides multiples of 4 · 2^depth."""
        x = functional.relu(self.bn1(self.conv1(image)))
        x = functional.max_pool2d(self.layer1(x), 2)
        x = self.layer3(self.layer2(x))
        outputs = []
        for i, hourglass in enumerate(self.hg):
            y = self.fc[i](self.res[i](hourglass(x)))
            outputs.append(self.score[i](y))
            if i + 1 < len(self.hg):
                x = x + self.fc_[i](y) + self.score_[i](outputs[-1])
        return outputs


def build_hourglass(arch: Mapping[str, Any]) -> SingleNetwork:
    """The network that ``arch`` describes (see `train.single.config.arch_of`), randomly initialised."""
    known = {f.name for f in fields(HourglassConfig)}
    config = HourglassConfig(**{k: v for k, v in arch["hourglass"].items() if k in known})
    net = StackedHourglass(config)
    net.arch = dict(arch)
    return net
