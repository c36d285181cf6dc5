"""The refiner: the maps around one person in, where that person's joints are out. Batched over people.

Grouping takes the best peaks, and a peak is a local affair: the other leg's knee, a neighbour's hand. A small network that sees
all maps of one person at once, always at the same size, learns what bodies look like in them. Its form is that of an hourglass
(Newell et al. 2016); that a second look at one's own answer mends it is their idea and PoseFix's (Moon et al. 2019).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from xnect_lite.models.heads import ENCODING_VERSION, OUTPUT_CHANNELS
from xnect_lite.models.selecsls import conv_bn
from xnect_lite.skeleton import NUM_JOINTS

GRID = 32
"""Cells of a crop's sides."""

MAP_CHANNELS = sum(OUTPUT_CHANNELS[name] for name in ("heatmaps", "pafs", "locations"))
"""The maps that it looks at, in this order."""

CROP_CHANNELS = MAP_CHANNELS + NUM_JOINTS
"""Those, and where this person's joints were found."""

WIDTHS = (48, 72, 96)
_LEAST_HEAT = 0.03  # its logarithm stands for "nothing here"


class Refiner(nn.Module):
    """The network. ``widths`` are the channels at 32, 16 and, below that, at 8 and 4 cells."""

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.widths = widths
        self.arch: dict[str, Any] = {"refiner": list(widths), "encoding": ENCODING_VERSION}
        fine, middle, coarse = widths
        self.enter = conv_bn(CROP_CHANNELS, fine, kernel=1)
        self.fine = conv_bn(fine, fine)
        self.middle = nn.Sequential(conv_bn(fine, middle, stride=2), conv_bn(middle, middle))
        self.coarse = nn.Sequential(conv_bn(middle, coarse, stride=2), conv_bn(coarse, coarse), conv_bn(coarse, coarse))
        self.whole = nn.Sequential(conv_bn(coarse, coarse, stride=2), conv_bn(coarse, coarse), conv_bn(coarse, coarse))
        self.up_coarse = conv_bn(coarse, coarse, kernel=1)
        self.up_middle, self.join_middle = conv_bn(coarse, middle, kernel=1), conv_bn(middle, middle)
        self.up_fine, self.join_fine = conv_bn(middle, fine, kernel=1), conv_bn(fine, fine)
        self.out = nn.Conv2d(fine, NUM_JOINTS, 1)
        self.gain = nn.Parameter(torch.full((NUM_JOINTS, 1, 1), 4.0))  # of the heatmaps' own logarithm in the answer
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        assert self.out.bias is not None
        nn.init.zeros_(self.out.weight)  # learning starts from what the heatmaps say
        nn.init.zeros_(self.out.bias)

    def forward(self, crops: Tensor) -> Tensor:
        """(P, CROP_CHANNELS, 32, 32), the square roots of heatmaps first -> (P, 24, 32, 32) logits.

        A joint is in one cell of its crop: the softmax over all cells of a map is the probability of each.
        """
        fine = self.fine(self.enter(crops))
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        coarse = coarse + self.up_coarse(_twice(self.whole(coarse)))
        middle = self.join_middle(middle + self.up_middle(_twice(coarse)))
        fine = self.join_fine(fine + self.up_fine(_twice(middle)))
        return self.out(fine) + self.gain * crops[:, :NUM_JOINTS].clamp_min(_LEAST_HEAT).log()


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
