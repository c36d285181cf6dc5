"""The two branches of Stage I and the one table of output channels that targets, losses and decoder read.

After XNect (Mehta et al. 2020, section 4): a 2D branch for heatmaps and part affinity fields, and a 3D branch for
location maps that also sees the 2D branch's features. Widths are our own.
"""

from __future__ import annotations

from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional

from xnect_lite.models.selecsls import conv_bn
from xnect_lite.skeleton import NUM_JOINTS, NUM_LIMBS

ENCODING_VERSION = 1
"""Raised whenever the meaning of any output channel changes; weight files carry it."""

OUTPUT_CHANNELS: dict[str, int] = {
    "heatmaps": NUM_JOINTS,
    "centre": 1,
    "pafs": 2 * NUM_LIMBS,
    "locations": 3 * NUM_JOINTS,
    "depth": 1,
}
"""Output name -> channels. Heatmaps and centre are logits; the sigmoid belongs to the reader."""

_ENDS = tuple(accumulate(OUTPUT_CHANNELS.values()))
_CHANNELS = {name: (end - count, end) for (name, count), end in zip(OUTPUT_CHANNELS.items(), _ENDS, strict=True)}
"""Output name -> its first channel and the one after its last: plain numbers, which torch.compile traces without a break."""

STRIDE = 8
"""Network pixels per output cell, unless a network says otherwise."""

STRIDES = (8, 4)
"""The strides there are heads for."""

PRIOR_LOGIT = -4.6  # sigmoid = 0.01: maps are almost empty, so training starts from silence


class Merge(nn.Module):
    """Bring features to twice their size and add a lateral connection from the core's features of that size."""

    def __init__(self, coarse: int, fine: int, out: int) -> None:
        super().__init__()
        self.coarse = nn.Sequential(nn.Conv2d(coarse, out, 1, bias=False), nn.BatchNorm2d(out))
        self.fine = nn.Sequential(nn.Conv2d(fine, out, 1, bias=False), nn.BatchNorm2d(out))

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        up = functional.interpolate(self.coarse(coarse), scale_factor=2.0, mode="bilinear", align_corners=False)
        return functional.relu(up + self.fine(fine), inplace=True)


class PoseHeads(nn.Module):
    """Both branches. ``coarse`` and ``fine`` are the channels of the stride-16 and stride-8 features.

    With ``finest``, the channels of the stride-4 features, each branch makes one more step, to maps of stride 4.
    """

    def __init__(self, coarse: int, fine: int, finest: int = 0) -> None:
        super().__init__()
        width_2d, width_3d = (96, 96) if finest else (128, 144)
        self.merge_2d = Merge(coarse, fine, 160)
        self.trunk_2d = conv_bn(160, 128)
        self.finer_2d = Merge(128, finest, width_2d) if finest else None
        self.tail_2d = conv_bn(width_2d, width_2d)
        self.out_2d = nn.Conv2d(width_2d, sum(OUTPUT_CHANNELS[k] for k in ("heatmaps", "centre", "pafs")), 1)
        self.merge_3d = Merge(coarse, fine, 128)
        self.mix_3d = conv_bn(128 + 128, 128, kernel=1)
        self.finer_3d = Merge(128, finest, width_3d) if finest else None
        self.tail_3d = conv_bn(width_3d if finest else 128, width_3d)
        self.out_3d = nn.Conv2d(width_3d, sum(OUTPUT_CHANNELS[k] for k in ("locations", "depth")), 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        for out in (self.out_2d, self.out_3d):
            assert out.bias is not None
            nn.init.normal_(out.weight, std=0.01)
            nn.init.zeros_(out.bias)
            if out is self.out_2d:
                nn.init.constant_(out.bias[: NUM_JOINTS + 1], PRIOR_LOGIT)

    def forward(self, coarse: Tensor, fine: Tensor, finest: Tensor | None = None) -> dict[str, Tensor]:
        """Features (B, C16, h/2, w/2), (B, C8, h, w) and, for stride 4, (B, C4, 2h, 2w) -> {output: (B, channels, h, w)}, or
        of twice that size at stride 4, in OUTPUT_CHANNELS' order.
        """
        shared = self.trunk_2d(self.merge_2d(coarse, fine))
        mixed = self.mix_3d(torch.cat([self.merge_3d(coarse, fine), shared], 1))
        if self.finer_2d is not None and self.finer_3d is not None and finest is not None:
            shared, mixed = self.finer_2d(shared, finest), self.finer_3d(mixed, finest)
        maps_2d = self.out_2d(self.tail_2d(shared))
        maps_3d = self.out_3d(self.tail_3d(mixed))
        return split_outputs(torch.cat([maps_2d, maps_3d], 1))


def split_outputs(maps: Tensor) -> dict[str, Tensor]:
    """(B, all channels, h, w) -> {output: (B, its channels, h, w)}, in OUTPUT_CHANNELS' order."""
    return {name: maps[:, begin:end] for name, (begin, end) in _CHANNELS.items()}
