"""The maps that a fabric grows out of: a backbone's, made coarser where it does not go far enough, in the fabric's channels."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from xnect_lite.models.fabric.config import CellConfig
from xnect_lite.models.fabric.fabric import Fabric, sizes_of


class Halved(nn.Sequential):
    """A coarser map than the backbone has: a depthwise 3x3 of stride 2 with a norm."""

    def __init__(self, channels: int) -> None:
        conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1, groups=channels, bias=False)
        super().__init__(conv, nn.BatchNorm2d(channels))


class FabricBackbone(nn.Module):
    """The first layers of a fabric on a stem, as a backbone of its own: normalised image -> its last layer's maps.

    reserve: layers kept of the configured depth.
    """

    def __init__(self, config: CellConfig, reserve: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(  # the first norm has no ReLU, as published
            nn.Conv2d(3, 64, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(64),
            nn.Conv2d(64, 64, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True),
            nn.Conv2d(64, config.channels[0], 1, bias=False),
        )  # fmt: skip
        self.fabric = Fabric(config, 0, reserve, before=1)
        self.channels = {4 << i: width for i, width in enumerate(config.channels[: len(self.fabric.plan[-1])])}

    def forward(self, image: Tensor, strides: Sequence[int]) -> list[Tensor]:
        """(B, 3, H, W) normalised image -> maps at these strides."""
        maps = [self.stem(image)]
        maps = self.fabric(maps, sizes_of(maps, len(self.fabric.config.size_types)))
        return [maps[stride.bit_length() - 3] for stride in strides]


class Pyramid(nn.Module):
    """A backbone's maps from stride ``finest`` on, ``count`` of them, each half the one before.

    ``channels``: of each map. Strides beyond the backbone's are made from its coarsest map.
    """

    def __init__(self, backbone: nn.Module, channels: dict[int, int], finest: int, count: int) -> None:
        super().__init__()
        strides = [finest << i for i in range(count)]
        self.strides = tuple(s for s in strides if s in channels)
        self.backbone = backbone
        coarsest = channels[self.strides[-1]]
        self.coarser = nn.ModuleList(Halved(coarsest) for s in strides if s not in channels)
        self.channels = tuple(channels.get(s, coarsest) for s in strides)

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, 3, H, W) normalised image -> ``count`` maps, finest first."""
        return extended(self.backbone(image, self.strides), self.coarser)


def extended(maps: Sequence[Tensor], coarser: Sequence[nn.Module] | nn.ModuleList) -> list[Tensor]:
    """``maps``, and what each of ``coarser`` makes of the one before."""
    maps = list(maps)
    for halve in coarser:
        maps.append(halve(maps[-1]))
    return maps
