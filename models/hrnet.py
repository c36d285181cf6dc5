"""HRNet-W32 from its stem to its third stage: four parallel maps, of stride 4, 8, 16 and 32.

Architecture by Sun et al., "Deep High-Resolution Representation Learning for Human Pose Estimation" (CVPR 2019). Names of the
tensors are the authors', so that files of ImageNet weights fit once the layers of the fourth stage are left out.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (32, 64, 128, 256)
"""Channels of the map at stride 4, 8, 16 and 32."""

_BLOCKS = 4  # per branch of a module, and in the first stage
_MODULES = {2: 1, 3: 4}  # stage -> modules in a row; a stage has as many branches as its number


def _conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


class BottleneckBlock(nn.Module):
    """1x1, 3x3, 1x1 beside a shortcut; ``width`` channels inside, four times as many out."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.conv1, self.bn1 = _conv(inputs, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _conv(width, width), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = _conv(width, outputs, 1), nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential(_conv(inputs, outputs, 1), nn.BatchNorm2d(outputs)) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class BasicBlock(nn.Module):
    """Two 3x3 layers beside a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(width, width), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _conv(width, width), nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(x + self.bn2(self.conv2(y)))


def _coarser(widths: list[int], relu_at_end: bool) -> nn.Sequential:
    """A stride-2 layer per step from one width to the next."""
    steps = []
    for k, (inputs, outputs) in enumerate(pairwise(widths)):
        layers: list[nn.Module] = [_conv(inputs, outputs, stride=2), nn.BatchNorm2d(outputs)]
        if relu_at_end or k < len(widths) - 2:
            layers.append(nn.ReLU())
        steps.append(nn.Sequential(*layers))
    return nn.Sequential(*steps)


def _exchange(target: int, source: int) -> nn.Module:
    """What brings the branch ``source`` to the width of the branch ``target``, and to its size where that is smaller."""
    if source > target:
        return nn.Sequential(_conv(WIDTHS[source], WIDTHS[target], 1), nn.BatchNorm2d(WIDTHS[target]))
    return _coarser([WIDTHS[source]] * (target - source) + [WIDTHS[target]], relu_at_end=False)


class ExchangeModule(nn.Module):
    """Blocks on every branch, then every branch becomes the sum of all."""

    def __init__(self, branches: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(BasicBlock(w) for _ in range(_BLOCKS))) for w in WIDTHS[:branches])
        self.fuse_layers = nn.ModuleList(
            nn.ModuleDict({str(source): _exchange(target, source) for source in range(branches) if source != target})
            for target in range(branches)
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        maps = [branch(x) for branch, x in zip(self.branches, maps, strict=True)]
        return [functional.relu(self._sum(target, maps)) for target in range(len(maps))]

    def _sum(self, target: int, maps: list[Tensor]) -> Tensor:
        total, layers = None, self.fuse_layers[target]
        assert isinstance(layers, nn.ModuleDict)
        for source, x in enumerate(maps):
            term = x if source == target else layers[str(source)](x)
            if source > target:
                term = functional.interpolate(term, size=maps[target].shape[-2:], mode="nearest")
            total = term if total is None else total + term
        assert total is not None
        return total


class HRNet(nn.Module):
    """(B, 3, H, W) normalised image -> maps of stride 4, 8 and 16, and with ``coarsest`` 32 the last one halved."""

    def __init__(self, coarsest: int = 32) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(3, 64, stride=2), nn.BatchNorm2d(64)
        self.conv2, self.bn2 = _conv(64, 64, stride=2), nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(*(BottleneckBlock(64 if k == 0 else 256, 64) for k in range(_BLOCKS)))
        finest = nn.Sequential(_conv(256, WIDTHS[0]), nn.BatchNorm2d(WIDTHS[0]), nn.ReLU())
        self.transition1 = nn.ModuleList([finest, _coarser([256, WIDTHS[1]], relu_at_end=True)])
        self.stage2 = nn.Sequential(*(ExchangeModule(2) for _ in range(_MODULES[2])))
        self.transition2 = nn.ModuleDict({"2": _coarser([*WIDTHS[1:3]], relu_at_end=True)})
        self.stage3 = nn.Sequential(*(ExchangeModule(3) for _ in range(_MODULES[3])))
        if coarsest == 32:
            self.transition3 = nn.ModuleDict({"3": _coarser([*WIDTHS[2:4]], relu_at_end=True)})
        self.coarsest = coarsest

    def forward(self, image: Tensor) -> list[Tensor]:
        x = functional.relu(self.bn1(self.conv1(image)))
        x = self.layer1(functional.relu(self.bn2(self.conv2(x))))
        maps = self.stage2([layer(x) for layer in self.transition1])
        maps = self.stage3([*maps, self.transition2["2"](maps[-1])])
        return [*maps, self.transition3["3"](maps[-1])] if self.coarsest == 32 else maps
