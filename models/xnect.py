"""Stage I assembled: normalisation, backbone, heads."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xnect_lite.models.backbones import build_backbone
from xnect_lite.models.heads import ENCODING_VERSION, STRIDE, PoseHeads


class XNect(nn.Module):
    """One forward pass from picture to all maps, whatever the number of people.

    ``arch`` describes the network well enough to rebuild it; it travels with every weight file.
    """

    def __init__(self, backbone: str = "selecsls60") -> None:
        super().__init__()
        self.arch = {"backbone": backbone, "stride": STRIDE, "encoding": ENCODING_VERSION}
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1) * 255)
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1) * 255)
        self.backbone = build_backbone(backbone)
        self.heads = PoseHeads(self.backbone.channels[16], self.backbone.channels[8])

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) RGB, 0..255, H and W multiples of 16 -> {output: (B, channels, H/8, W/8)} (see heads.py)."""
        fine, coarse = self.backbone((image - self.mean) / self.deviation, (8, 16))
        return self.heads(coarse, fine)
