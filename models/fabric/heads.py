"""Stage I's heads as fabrics, one for each group of body parts, in the place of the hand-made branches.

A joint's heat map and location map belong to the parts that have the joint, a part affinity field to those of its limb's child
joint; centre and depth to the pelvis's. Heat maps of several parts are summed, vectors averaged.
"""

from __future__ import annotations

from itertools import accumulate

import torch
from torch import Tensor, nn

from xnect_lite.models.fabric.config import FabricHeadsConfig
from xnect_lite.models.fabric.gather import Gather
from xnect_lite.models.fabric.outputs import MapOutput
from xnect_lite.models.fabric.part import PartFabric, trim_tail
from xnect_lite.models.fabric.parts import parts_of
from xnect_lite.models.fabric.pyramid import Halved, extended
from xnect_lite.models.heads import OUTPUT_CHANNELS, PRIOR_LOGIT, split_outputs
from xnect_lite.skeleton import JOINTS, LIMBS, NUM_JOINTS, ROOT

_ENDS = dict(zip(OUTPUT_CHANNELS, accumulate(OUTPUT_CHANNELS.values()), strict=True))
_BEGIN = {name: end - OUTPUT_CHANNELS[name] for name, end in _ENDS.items()}
_SUMMED = _ENDS["centre"]  # channels before this one are scores, those after it vectors and depths


def channels_of(joints: tuple[int, ...]) -> list[int]:
    """Output channels, in the order of OUTPUT_CHANNELS, that a part with these joints makes."""
    members = set(joints)
    channels = [_BEGIN["heatmaps"] + j for j in joints]
    channels += [_BEGIN["centre"]] * (ROOT in members)
    channels += [_BEGIN["pafs"] + 2 * k + axis for k, (_, child) in enumerate(LIMBS) if child in members for axis in (0, 1)]
    channels += [_BEGIN["locations"] + axis * NUM_JOINTS + j for axis in range(3) for j in joints]
    return channels + [_BEGIN["depth"]] * (ROOT in members)


class FabricHeads(nn.Module):
    """All parts. ``coarse`` and ``fine`` are the channels of the stride-16 and stride-8 features.

    With ``finest``, the channels of the stride-4 features, maps are of stride 4; without, a map of stride 32 is made for the
    coarsest scale.
    """

    def __init__(self, coarse: int, fine: int, config: FabricHeadsConfig, finest: int = 0) -> None:
        super().__init__()
        cell = config.cell()
        self.groups = parts_of(JOINTS, config.parts)
        found = (finest, fine, coarse) if finest else (fine, coarse, coarse)
        self.coarser = nn.ModuleList([] if finest else [Halved(coarse)])
        owners = [channels_of(joints) for joints in self.groups.values()]
        self.parts = nn.ModuleDict(
            {
                name: PartFabric(cell, found, MapOutput(cell.channels[0], len(made)))
                for name, made in zip(self.groups, owners, strict=True)
            }
        )
        total = sum(OUTPUT_CHANNELS.values())
        self.gather = Gather(owners, total, ["sum" if channel < _SUMMED else "mean" for channel in range(total)])
        self._begin_silent(owners)

    def _begin_silent(self, owners: list[list[int]]) -> None:
        """Maps are almost empty, so training starts from silence; where parts are summed, each brings its share."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        every = [channel for channels in owners for channel in channels]
        for part, channels in zip(self.parts.values(), owners, strict=True):
            assert isinstance(part, PartFabric)
            assert isinstance(part.output, MapOutput)
            out = part.output[1]
            assert isinstance(out, nn.Conv2d) and out.bias is not None
            nn.init.normal_(out.weight, std=0.01)
            prior = [PRIOR_LOGIT / every.count(channel) if channel < _SUMMED else 0.0 for channel in channels]
            with torch.no_grad():
                out.bias.copy_(torch.tensor(prior))

    def forward(self, coarse: Tensor, fine: Tensor, finest: Tensor | None = None) -> dict[str, Tensor]:
        """Features (B, C16, h/2, w/2), (B, C8, h, w) and, for stride 4, (B, C4, 2h, 2w) -> as `PoseHeads`."""
        maps = [fine, coarse] if finest is None else [finest, fine, coarse]
        maps = extended(maps, self.coarser)
        return split_outputs(self.gather([self.parts[name](maps) for name in self.groups]))

    def trim(self) -> None:
        """Take out what makes maps that no part reads any more."""
        self.coarser = trim_tail(self.coarser, self.parts.values(), 3)
