"""The single-person network: a backbone's pyramid, and for every body part adapters, a fabric and an output.

After Yang, Yang and Cui, "Pose Neural Fabrics Search" (2019).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from xnect_lite.models.fabric.config import CellConfig
from xnect_lite.models.fabric.gather import Gather
from xnect_lite.models.fabric.outputs import build_output
from xnect_lite.models.fabric.part import PartFabric, trim_tail
from xnect_lite.models.fabric.parts import parts_of
from xnect_lite.models.fabric.pyramid import Pyramid


class PartFabrics(nn.Module):
    """Normalised image -> a score map per joint, at the stride of the pyramid's finest map.

    joints: their names, in the order of the output; parts: how many groups of them. Joints of several parts: their scores
    are summed, so that they reach 2, as published.
    """

    def __init__(self, pyramid: Pyramid, config: CellConfig, joints: Sequence[str], parts: int) -> None:
        super().__init__()
        self.groups: Mapping[str, tuple[int, ...]] = parts_of(joints, parts)
        self.pyramid = pyramid
        self.parts = nn.ModuleDict({
            name: PartFabric(config, pyramid.channels, build_output(config, len(members)))
            for name, members in self.groups.items()
        })  # fmt: skip
        self.gather = Gather(list(self.groups.values()), len(joints), "sum")

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) normalised image -> (B, joints, H/stride, W/stride)."""
        maps = self.pyramid(image)
        return self.gather([self.parts[name](maps) for name in self.groups])

    def trim(self) -> None:
        """Take out what makes maps that no part reads any more."""
        self.pyramid.coarser = trim_tail(self.pyramid.coarser, self.parts.values(), len(self.pyramid.channels))
