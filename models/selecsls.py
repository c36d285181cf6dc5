"""The SelecSLS family: SelecSLS-42, 42_B, 60, 60_B, 84 and 102.

Architecture by Mehta et al., "XNect: Real-time Multi-Person 3D Motion Capture with a Single RGB Camera" (SIGGRAPH 2020),
published under CC BY 4.0. State-dict keys are those of the published weight files (``stem.*``, ``features.N.convM.*``,
``head.N.*``, ``classifier.0.*``).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


def conv_bn(in_channels: int, out_channels: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution without bias, batch norm, ReLU; padded to keep the size at stride 1."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


class SelecSLSBlock(nn.Module):
    """Three 3x3 stages whose outputs are concatenated, with the level's long-range skip, and fused by a 1x1.

    Takes and returns [features, skip]. The first block of a level makes the skip; the others pass it on unchanged.
    ``groups``: of the first 3x3 layer, and of the other two.
    """

    def __init__(
        self, in_channels: int, skip: int, width: int, out_channels: int, is_first: bool, stride: int,
        groups: tuple[int, int] = (1, 1),
    ) -> None:  # fmt: skip
        super().__init__()
        self.is_first = is_first
        half = width // 2
        self.conv1 = conv_bn(in_channels, width, stride=stride, groups=groups[0])
        self.conv2 = conv_bn(width, width, kernel=1)
        self.conv3 = conv_bn(width, half, groups=groups[1])
        self.conv4 = conv_bn(half, width, kernel=1)
        self.conv5 = conv_bn(width, half, groups=groups[1])
        self.conv6 = conv_bn(2 * width + (0 if is_first else skip), out_channels, kernel=1)

    def forward(self, x: list[Tensor]) -> list[Tensor]:
        d1 = self.conv1(x[0])
        d2 = self.conv3(self.conv2(d1))
        d3 = self.conv5(self.conv4(d2))
        if self.is_first:
            out = self.conv6(torch.cat([d1, d2, d3], 1))
            return [out, out]
        return [self.conv6(torch.cat([d1, d2, d3, x[1]], 1)), x[1]]


@dataclass(frozen=True)
class SelecSLSConfig:
    """One member of the family.

    levels: per level (from stride 4 on) the width of its blocks, how many there are, and the last block's outputs.
    head:   (out channels, kernel, stride) of the four layers after the core.
    """

    levels: tuple[tuple[int, int, int], ...]
    head: tuple[tuple[int, int, int], ...]

    def blocks(self) -> list[tuple[int, int, int, int, bool, int]]:
        """(in, skip, width, out, is_first, stride) of every block."""
        rows, inputs = [], 32
        for width, count, out in self.levels:
            for i in range(count):
                first, last = i == 0, i == count - 1
                rows.append((inputs, 0 if first else width, width, out if last else width, first, 2 if first else 1))
                inputs = rows[-1][3]
        return rows

    def groups(self) -> list[tuple[int, int]]:
        """Groups of every block's 3x3 layers in the sparser form that the released XNect system uses.

        From stride 8 on; the last block of stride 8 and all of stride 16 are divided most.
        """
        rows = []
        for level, (_, count, _) in enumerate(self.levels):
            for i in range(count):
                rows.append((1, 1) if level == 0 else (2, 1) if level == 1 and i < count - 1 else (4, 2))
        return rows


_HEAD_960 = ((960, 3, 2), (1024, 3, 1), (1024, 3, 2), (1280, 1, 1))
_HEAD_960_B = ((960, 3, 2), (1024, 3, 1), (1280, 3, 2), (1024, 1, 1))
_HEAD_756 = ((756, 3, 2), (1024, 3, 1), (1024, 3, 2), (1280, 1, 1))
_HEAD_756_B = ((756, 3, 2), (1024, 3, 1), (1280, 3, 2), (1024, 1, 1))
_LEVELS_42 = ((64, 2, 128), (144, 2, 288), (304, 2, 480))
_LEVELS_60 = ((64, 2, 128), (128, 3, 288), (288, 4, 416))

CONFIGS: dict[str, SelecSLSConfig] = {
    "selecsls42": SelecSLSConfig(_LEVELS_42, _HEAD_960),
    "selecsls42b": SelecSLSConfig(_LEVELS_42, _HEAD_960_B),
    "selecsls60": SelecSLSConfig(_LEVELS_60, _HEAD_756),
    "selecsls60b": SelecSLSConfig(_LEVELS_60, _HEAD_756_B),
    "selecsls84": SelecSLSConfig(((64, 2, 144), (144, 5, 304), (304, 6, 512)), _HEAD_960),
    "selecsls102": SelecSLSConfig(((64, 4, 128), (128, 5, 288), (288, 7, 480)), _HEAD_960),
}


class SelecSLS(nn.Module):
    """The classifier as published: stem, core, head, global mean, linear layer.

    ``taps`` names the core's feature maps by stride: {stride: (index in ``features``, channels)}; index -1 is the stem.
    With ``num_classes=0`` only the core (stem and features) is built, which is what a pose network needs.
    ``grouped`` divides the deeper 3x3 layers (see SelecSLSConfig.groups): a third less work, and no published weights.
    """

    def __init__(self, config: SelecSLSConfig, num_classes: int = 1000, grouped: bool = False) -> None:
        super().__init__()
        rows = config.blocks()
        groups = config.groups() if grouped else [(1, 1)] * len(rows)
        self.stem = conv_bn(3, 32, stride=2)
        self.features = nn.Sequential(*(SelecSLSBlock(*row, g) for row, g in zip(rows, groups, strict=True)))
        self.taps: dict[int, tuple[int, int]] = {2: (-1, 32)}
        stride = 2
        for i, row in enumerate(rows):
            stride *= row[5]
            self.taps[stride] = (i, row[3])
        self.num_classes = num_classes
        if num_classes:
            inputs, layers = rows[-1][3], []
            for out, kernel, step in config.head:
                layers.append(conv_bn(inputs, out, kernel, step))
                inputs = out
            self.head = nn.Sequential(*layers)
            self.num_features = inputs
            self.classifier = nn.Sequential(nn.Linear(inputs, num_classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward_features(self, image: Tensor, strides: tuple[int, ...]) -> list[Tensor]:
        """(B, 3, H, W) normalised image -> the core's maps at these strides, each (B, C, H/stride, W/stride)."""
        wanted = {self.taps[s][0]: s for s in strides}
        found: dict[int, Tensor] = {}
        x = [self.stem(image)]
        if -1 in wanted:
            found[wanted[-1]] = x[0]
        for i, block in enumerate(self.features):
            x = block(x)
            if i in wanted:
                found[wanted[i]] = x[0]
        return [found[s] for s in strides]

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) normalised image -> (B, num_classes) logits."""
        x = self.head(self.features([self.stem(image)])[0])
        return self.classifier(x.mean((2, 3)))


def build_selecsls(name: str, num_classes: int = 1000, grouped: bool = False) -> SelecSLS:
    """Build a member of the family by its key in CONFIGS, randomly initialised."""
    return SelecSLS(CONFIGS[name], num_classes, grouped)
