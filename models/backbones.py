"""Backbones behind one table of feature taps, so that swapping one is a single word of configuration.

Every backbone is an ``nn.Module`` with ``channels: {stride: channels}`` and
``forward(image, strides) -> [maps at these strides]`` for strides among 4, 8 and 16 (some: 32), and
``layers_to(stride) -> [modules]`` that make the map of a stride.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from xnect_lite.errors import XnectError
from xnect_lite.models.dynamic.core import DynamicSelecSLS
from xnect_lite.models.dynamic.options import DynamicConfig
from xnect_lite.models.hrnet import WIDTHS, HRNet
from xnect_lite.models.names import BACKBONE_NAMES, SELECSLS
from xnect_lite.models.selecsls import CONFIGS, SelecSLS, build_selecsls
from xnect_lite.models.torchvision_compat import import_torchvision
from xnect_lite.models.vovnet import VoVNet39


class Backbone(nn.Module):
    """What every backbone has. channels: of the map at each stride."""

    channels: dict[int, int]

    def layers_to(self, stride: int) -> list[nn.Module]:
        """What makes the map of this stride, from the picture on."""
        raise NotImplementedError


class SelecSLSBackbone(Backbone):
    """A SelecSLS core: stem and features to stride 16; with an active ``dynamic``, one that skips."""

    def __init__(self, name: str, grouped: bool = False, dynamic: DynamicConfig | None = None) -> None:
        super().__init__()
        if dynamic is not None and dynamic.active:
            self.core: SelecSLS = DynamicSelecSLS(CONFIGS[name], dynamic)
        else:
            self.core = build_selecsls(name, num_classes=0, grouped=grouped)
        self.channels = {stride: self.core.taps[stride][1] for stride in (4, 8, 16)}

    def forward(self, image: Tensor, strides: tuple[int, ...]) -> list[Tensor]:
        """(B, 3, H, W) normalised image -> maps at these strides."""
        return self.core.forward_features(image, strides)

    def layers_to(self, stride: int) -> list[nn.Module]:
        """Stem and blocks up to the map of this stride."""
        return [self.core.stem, *self.core.features.children()][: self.core.taps[stride][0] + 2]


class ResNetBackbone(Backbone):
    """torchvision's ResNet of so many ``layers``, randomly initialised, up to layer3 (stride 16) or layer4 (32)."""

    def __init__(self, layers: int = 50, deepest: int = 16) -> None:
        super().__init__()

        net = getattr(import_torchvision().models, f"resnet{layers}")(weights=None)
        self.stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
        self.layer1, self.layer2, self.layer3 = net.layer1, net.layer2, net.layer3
        if deepest == 32:
            self.layer4 = net.layer4
        widest = 64 if layers < 50 else 256
        self.channels = {stride: widest * stride // 4 for stride in (4, 8, 16, 32) if stride <= deepest}

    def forward(self, image: Tensor, strides: tuple[int, ...]) -> list[Tensor]:
        """(B, 3, H, W) normalised image -> maps at these strides."""
        found, x = {}, self.stem(image)
        for stride, layer in self._layers():
            x = layer(x)
            found[stride] = x
        return [found[s] for s in strides]

    def layers_to(self, stride: int) -> list[nn.Module]:
        """Stem and layers up to the map of this stride."""
        return [self.stem, *(layer for s, layer in self._layers() if s <= stride)]

    def _layers(self) -> list[tuple[int, nn.Module]]:
        return [(stride, getattr(self, f"layer{k}")) for k, stride in enumerate(self.channels, 1)]


class MobileNetV2Backbone(Backbone):
    """torchvision's MobileNetV2, randomly initialised, up to stride 16 or 32; its last block of 320 channels is left out."""

    _LAST = {4: 3, 8: 6, 16: 13, 32: 16}  # noqa: RUF012 - a constant table: stride -> the layer that makes its map

    def __init__(self, deepest: int = 16) -> None:
        super().__init__()
        self.features = import_torchvision().models.mobilenet_v2(weights=None).features[: self._LAST[deepest] + 1]
        widths = {4: 24, 8: 32, 16: 96, 32: 160}
        self.channels = {stride: width for stride, width in widths.items() if stride <= deepest}

    def forward(self, image: Tensor, strides: tuple[int, ...]) -> list[Tensor]:
        """(B, 3, H, W) normalised image -> maps at these strides."""
        wanted, found, x = {self._LAST[s]: s for s in strides}, {}, image
        for k, layer in enumerate(self.features):
            x = layer(x)
            if k in wanted:
                found[wanted[k]] = x
        return [found[s] for s in strides]

    def layers_to(self, stride: int) -> list[nn.Module]:
        """Layers up to the map of this stride."""
        return list(self.features[: self._LAST[stride] + 1])


class HRNetBackbone(Backbone):
    """HRNet-W32 from its stem to its third stage, randomly initialised."""

    def __init__(self, deepest: int = 16) -> None:
        super().__init__()
        self.core = HRNet(coarsest=deepest)
        self.channels = {4 << k: width for k, width in enumerate(WIDTHS) if 4 << k <= deepest}

    def forward(self, image: Tensor, strides: tuple[int, ...]) -> list[Tensor]:
        """(B, 3, H, W) normalised image -> maps at these strides."""
        maps = self.core(image)
        return [maps[stride.bit_length() - 3] for stride in strides]

    def layers_to(self, stride: int) -> list[nn.Module]:
        """All of it: its branches run side by side, and every map is made by all of them."""
        return [self.core]


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


_OTHERS: dict[str, Callable[[], Backbone]] = {
    "resnet50": ResNetBackbone, "vovnet39": VoVNet39Backbone, "mobilenet_v2": MobileNetV2Backbone, "hrnet_w32": HRNetBackbone,
}  # fmt: skip
BACKBONES: dict[str, Callable[[], Backbone]] = {
    name: partial(SelecSLSBackbone, name) if name in SELECSLS else _OTHERS[name] for name in BACKBONE_NAMES
}
"""Backbone name -> constructor."""

TO_STRIDE_32: dict[str, Callable[[], Backbone]] = {
    **{f"resnet{layers}": partial(ResNetBackbone, layers, 32) for layers in (18, 34, 50, 101, 152)},
    "mobilenet_v2": partial(MobileNetV2Backbone, 32),
    "hrnet_w32": partial(HRNetBackbone, 32),
}
"""Name -> constructor of those that go on to a map of stride 32, for networks of one person's crop."""


def build_backbone(name: str, grouped: bool = False, dynamic: DynamicConfig | None = None) -> Backbone:
    """Build a backbone by name, a SelecSLS with grouped deeper layers, or with masks, if asked.

    Raises XnectError for an unknown name, naming the known ones, and for groups and masks where there are none.
    """
    if name not in BACKBONES:
        raise XnectError(f"backbone '{name}'", "is unknown", f"Known: {', '.join(BACKBONES)}")
    if grouped and name not in CONFIGS:
        raise XnectError(f"backbone '{name}'", "has no grouped form", f"Set grouped to false, or choose: {', '.join(CONFIGS)}")
    if dynamic is not None and dynamic.active:
        if name not in CONFIGS:
            raise XnectError(
                f"backbone '{name}'", "has no dynamic form", f"Set dynamic.target to 0, or choose: {', '.join(CONFIGS)}"
            )
        if grouped:
            raise XnectError("grouped and dynamic.target", "exclude each other", "Set one of them to its default")
        return SelecSLSBackbone(name, dynamic=dynamic)
    if grouped:
        return SelecSLSBackbone(name, grouped)
    return BACKBONES[name]()
