"""VoVNet-39: one-shot aggregation blocks, the third backbone of the published comparison.

Architecture by Lee et al., "An Energy and GPU-Computation Efficient Backbone Network for Real-Time Object Detection"
(CVPR workshops 2019).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xnect_lite.models.selecsls import conv_bn

STEM = (64, 64, 128)
STAGES = ((128, 1, 256), (160, 1, 512), (192, 2, 768), (224, 2, 1024))
"""(width of the 3x3 layers, number of blocks, output channels) at stride 4, 8, 16 and 32."""

_LAYERS = 5


class OsaBlock(nn.Module):
    """Five 3x3 layers in a row; the input and all five outputs are concatenated once and fused by a 1x1."""

    def __init__(self, in_channels: int, width: int, out_channels: int) -> None:
        super().__init__()
        inputs = [in_channels] + [width] * (_LAYERS - 1)
        self.layers = nn.ModuleList([conv_bn(channels, width) for channels in inputs])
        self.fuse = conv_bn(in_channels + _LAYERS * width, out_channels, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        outputs = [x]
        for layer in self.layers:
            outputs.append(layer(outputs[-1]))
        return self.fuse(torch.cat(outputs, 1))


class VoVNet39(nn.Module):
    """The classifier; with ``num_classes=0`` only stem and stages, of which ``stages`` = 3 reach stride 16.

    ``channels`` names the feature maps by stride: {stride: channels}.
    """

    def __init__(self, num_classes: int = 1000, stages: int = len(STAGES)) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv_bn(3, STEM[0], stride=2), conv_bn(STEM[0], STEM[1]), conv_bn(STEM[1], STEM[2], stride=2))
        self.stages = nn.ModuleList()
        self.channels: dict[int, int] = {}
        inputs = STEM[-1]
        for i, (width, blocks, outputs) in enumerate(STAGES[:stages]):
            layers: list[nn.Module] = [nn.MaxPool2d(3, stride=2, ceil_mode=True)] if i else []
            for _ in range(blocks):
                layers.append(OsaBlock(inputs, width, outputs))
                inputs = outputs
            self.stages.append(nn.Sequential(*layers))
            self.channels[4 << i] = outputs
        self.num_classes = num_classes
        if num_classes:
            self.classifier = nn.Linear(inputs, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward_features(self, image: Tensor, strides: tuple[int, ...]) -> list[Tensor]:
        """(B, 3, H, W) normalised image -> maps at these strides, each (B, C, H/stride, W/stride)."""
        found, x = {}, self.stem(image)
        for i, stage in enumerate(self.stages):
            x = stage(x)
            found[4 << i] = x
        return [found[s] for s in strides]

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) normalised image -> (B, num_classes) logits."""
        (x,) = self.forward_features(image, (4 << (len(self.stages) - 1),))
        return self.classifier(x.mean((2, 3)))


def build_vovnet39(num_classes: int = 1000) -> VoVNet39:
    """The classifier, randomly initialised."""
    return VoVNet39(num_classes)
