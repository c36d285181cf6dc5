"""Backbones behind one table of feature taps, so that swapping one is a single word of configuration.

Every backbone is an ``nn.Module`` with ``channels: {stride: channels}`` and
``forward(image, strides) -> [maps at these strides]`` for strides among 4, 8 and 16, and ``layers_to(stride) -> [modules]``
that make the map of a stride.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from xnect_lite.errors import XnectError
from xnect_lite.models.names import BACKBONE_NAMES, SELECSLS
from xnect_lite.models.selecsls import CONFIGS, build_selecsls
from xnect_lite.models.torchvision_compat import import_torchvision
from xnect_lite.models.vovnet import VoVNet39


class Backbone(nn.Module):
    """What every backbone has. channels: of the map at each stride."""

    channels: dict[int, int]

    def layers_to(self, stride: int) -> list[nn.Module]:
        """What makes the map of this stride, from the picture on."""
        raise NotImplementedError


class SelecSLSBackbone(Backbone):
    """A SelecSLS core: stem and features to stride 16."""

    def __init__(self, name: str, grouped: bool = False) -> None:
        super().__init__()
        self.core = build_selecsls(name, num_classes=0, grouped=grouped)
        self.channels = {stride: self.core.taps[stride][1] for stride in (4, 8, 16)}

    def forward(self, image: Tensor, strides: tuple[int, ...]) -> list[Tensor]:
        """(B, 3, H, W) normalised image -> maps at these strides."""
        return self.core.forward_features(image, strides)

    def layers_to(self, stride: int) -> list[nn.Module]:
        """Stem and blocks up to the map of this stride."""
        return [self.core.stem, *self.core.features.children()][: self.core.taps[stride][0] + 2]


class ResNet50Backbone(Backbone):
    """torchvision's ResNet-50 up to layer3 (stride 16), randomly initialised."""

    channels = {4: 256, 8: 512, 16: 1024}  # noqa: RUF012 - a constant table

    def __init__(self) -> None:
        super().__init__()

        net = import_torchvision().models.resnet50(weights=None)
        self.stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
        self.layer1, self.layer2, self.layer3 = net.layer1, net.layer2, net.layer3

    def forward(self, image: Tensor, strides: tuple[int, ...]) -> list[Tensor]:
        """(B, 3, H, W) normalised image -> maps at these strides."""
        found, x = {}, self.stem(image)
        for stride, layer in ((4, self.layer1), (8, self.layer2), (16, self.layer3)):
            x = layer(x)
            found[stride] = x
        return [found[s] for s in strides]

    def layers_to(self, stride: int) -> list[nn.Module]:
        """Stem and layers up to the map of this stride."""
        return [self.stem, *(layer for s, layer in ((4, self.layer1), (8, self.layer2), (16, self.layer3)) if s <= stride)]


class VoVNet39Backbone(Backbone):
    """VoVNet-39 up to stride 16, randomly initialised."""

    def __init__(self) -> None:
        super().__init__()
        self.core = VoVNet39(num_classes=0, stages=3)
        self.channels = self.core.channels

    def forward(self, image: Tensor, strides: tuple[int, ...]) -> list[Tensor]:
        """(B, 3, H, W) normalised image -> maps at these strides."""
        return self.core.forward_features(image, strides)

    def layers_to(self, stride: int) -> list[nn.Module]:
        """Stem and stages up to the map of this stride."""
        return [self.core.stem, *(stage for i, stage in enumerate(self.core.stages) if 4 << i <= stride)]


_OTHERS: dict[str, Callable[[], Backbone]] = {"resnet50": ResNet50Backbone, "vovnet39": VoVNet39Backbone}
BACKBONES: dict[str, Callable[[], Backbone]] = {
    name: partial(SelecSLSBackbone, name) if name in SELECSLS else _OTHERS[name] for name in BACKBONE_NAMES
}
"""Backbone name -> constructor."""


def build_backbone(name: str, grouped: bool = False) -> Backbone:
    """Build a backbone by name, a SelecSLS with grouped deeper layers if asked.

    Raises XnectError for an unknown name, naming the known ones, and for groups where there are none.
    """
    if name not in BACKBONES:
        raise XnectError(f"backbone '{name}'", "is unknown", f"Known: {', '.join(BACKBONES)}")
    if grouped and name not in CONFIGS:
        raise XnectError(f"backbone '{name}'", "has no grouped form", f"Set grouped to false, or choose: {', '.join(CONFIGS)}")
    if grouped:
        return SelecSLSBackbone(name, grouped)
    return BACKBONES[name]()
