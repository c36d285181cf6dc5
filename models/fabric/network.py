"""The single-person network: a backbone's pyramid, and for every body part adapters, a fabric and an output.

After Yang, Yang and Cui, "Pose Neural Fabrics Search" (2019).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from xnect_lite.models.fabric.config import CellConfig
from xnect_lite.models.fabric.fabric import Fabric
from xnect_lite.models.fabric.gather import Gather
from xnect_lite.models.fabric.outputs import build_output
from xnect_lite.models.fabric.parts import parts_of
from xnect_lite.models.fabric.pyramid import Adapters, Pyramid


class PartFabric(nn.Module):
    """One part's fabric with its output: the pyramid in the fabric's channels -> (B, joints, h, w)."""

    def __init__(self, config: CellConfig, maps: int, joints: int) -> None:
        super().__init__()
        self.fabric = Fabric(config, config.cut_layers_num, config.depth, maps)
        self.output = build_output(config, joints)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        return self.output(self.fabric(maps)[0])


class PartFabrics(nn.Module):
    """Normalised image -> a score map per joint, at the stride of the pyramid's finest map.

    joints: their names, in the order of the output; parts: how many groups of them. Joints of several parts: their scores
    are summed, so that they reach 2, as published.
    """

    def __init__(self, pyramid: Pyramid, config: CellConfig, joints: Sequence[str], parts: int) -> None:
        super().__init__()
        self.groups: Mapping[str, tuple[int, ...]] = parts_of(joints, parts)
        self.pyramid = pyramid
        maps = len(pyramid.channels)
        self.parts = nn.ModuleDict({name: PartFabric(config, maps, len(members)) for name, members in self.groups.items()})
        self.adapters = nn.ModuleDict({name: Adapters(pyramid.channels, config.channels) for name in self.groups})
        self.gather = Gather(list(self.groups.values()), len(joints), "sum")

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) normalised image -> (B, joints, H/stride, W/stride)."""
        maps = self.pyramid(image)
        return self.gather([self.parts[name](self.adapters[name](maps)) for name in self.groups])
