"""The stacked hourglass of inverted residuals that DynConv was published with, dense or with a mask unit per block.

After Newell et al. (ECCV 2016), Sandler et al. (MobileNetV2, CVPR 2018) and Verelst and Tuytelaars (CVPR 2020). State-dict
keys are those of the published checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from xnect_lite.models.dynamic.ledger import Ledger, Spent
from xnect_lite.models.dynamic.masks import MaskUnit, dilated
from xnect_lite.models.dynamic.options import DynamicConfig, HourglassConfig
from xnect_lite.models.dynamic.training import MaskTraining
from xnect_lite.models.single import SingleNetwork
from xnect_lite.skeleton import JOINT_MAPS

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


class DynamicResidual(InvertedResidual):
    """An inverted residual that counts where its mask unit says so: x + mask · F(x).

    All of F is computed here, and in training batch norms see every position; `sparse_hourglass` makes what skips. Depthwise
    and last layer run on the mask, the first on the mask dilated. Writes what it did to ``ledger``, as ``name``.
    """

    conditional = ("conv.0", "conv.3", "conv.6")

    def __init__(self, channels: int, dynamic: DynamicConfig, ledger: Ledger) -> None:
        super().__init__(channels, channels)
        self.masker = MaskUnit(channels, dynamic.temperature, dynamic.start_logit)
        self.ledger, self.name = ledger, ""
        self.layers = conditional_layers(channels)

    def forward(self, x: Tensor) -> Tensor:
        mask = self.masker(x)
        self.ledger.add(Spent(self.name, mask, dilated(mask), self.layers))
        return x + mask * self.conv(x)


def conditional_layers(channels: int) -> tuple[tuple[str, int, bool], ...]:
    """(name, multiply-adds per position, on the dilated mask) of a `DynamicResidual`."""
    wide = _EXPANSION * channels
    return ("conv.0", channels * wide, True), ("conv.3", 9 * wide, False), ("conv.6", wide * channels, False)


class Hourglass(nn.Module):
    """Down by halves to ``depth``, and up again, with a row of blocks beside each level. row: makes one."""

    def __init__(self, depth: int, row: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.depth = depth
        self.hg = nn.ModuleList(nn.ModuleList(row() for _ in range(4 if level == 0 else 3)) for level in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        return self._level(self.depth - 1, x)

    def _level(self, level: int, x: Tensor) -> Tensor:
        rows = self.hg[level]
        assert isinstance(rows, nn.ModuleList)
        beside = rows[0](x)
        low = rows[1](functional.max_pool2d(x, 2))
        low = self._level(level - 1, low) if level > 0 else rows[3](low)
        return beside + functional.interpolate(rows[2](low), scale_factor=2.0)


class StackedHourglass(SingleNetwork):
    """Stem to stride 4, then hourglasses; each stack says where the joints are, and the next one hears it.

    With an active ``dynamic`` every block with an identity has a mask unit, and ``ledger`` holds what the last pass executed.
    """

    def __init__(self, config: HourglassConfig, dynamic: DynamicConfig | None = None, joints: int = 16) -> None:
        super().__init__()
        self.dynamic = dynamic if dynamic is not None and dynamic.active else None
        self.ledger = Ledger()
        self.masks = MaskTraining(self.dynamic, self.ledger) if self.dynamic is not None else None
        features, stem = config.features, config.features // 4
        self.conv1 = nn.Conv2d(3, stem, 7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(stem)
        self.layer1 = nn.Sequential(InvertedResidual(stem, 2 * stem))
        self.layer2 = nn.Sequential(InvertedResidual(2 * stem, features))
        self.layer3 = nn.Sequential(self._block(features))
        stacks = range(config.stacks)

        def row() -> nn.Sequential:
            return nn.Sequential(*(self._block(features) for _ in range(config.blocks)))

        self.hg = nn.ModuleList(Hourglass(config.depth, row) for _ in stacks)
        self.res = nn.ModuleList(row() for _ in stacks)
        self.fc = nn.ModuleList(
            nn.Sequential(nn.Conv2d(features, features, 1), nn.BatchNorm2d(features), nn.ReLU()) for _ in stacks
        )
        self.score = nn.ModuleList(nn.Conv2d(features, joints, 1) for _ in stacks)
        self.fc_ = nn.ModuleList(nn.Conv2d(features, features, 1) for _ in stacks[1:])
        self.score_ = nn.ModuleList(nn.Conv2d(joints, features, 1) for _ in stacks[1:])

        for name, module in self.named_modules():
            if isinstance(module, DynamicResidual):
                module.name = name

    def _block(self, channels: int) -> InvertedResidual:
        if self.dynamic is None:
            return InvertedResidual(channels, channels)
        return DynamicResidual(channels, self.dynamic, self.ledger)

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """Noise and budget follow the epochs."""
        if self.masks is not None:
            self.masks.begin_epoch(self, epoch, epochs)

    def extra_loss(self) -> dict[str, Tensor]:
        """What the masks of the last pass cost against the budget."""
        return self.masks.loss_terms() if self.masks is not None else {}

    def forward(self, image: Tensor) -> list[Tensor]:
        """See `SingleNetwork.forward`; sides multiples of 4 · 2^depth."""
        self.ledger.begin()
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
    """The network that ``arch`` describes, randomly initialised: 'joints', and sections 'hourglass' and 'dynamic'."""
    net = StackedHourglass(
        HourglassConfig(**arch["hourglass"]), DynamicConfig(**arch.get("dynamic", {})), len(JOINT_MAPS[arch["joints"]].names)
    )
    net.arch = dict(arch)
    return net
