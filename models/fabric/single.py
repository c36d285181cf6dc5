"""The single-person network under the trainer's conventions: its configuration section, and how its ``arch`` rebuilds it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from torch import Tensor

from xnect_lite.config import Rules, config_of
from xnect_lite.files.values import Range
from xnect_lite.models.backbones import TO_STRIDE_32, build_backbone
from xnect_lite.models.fabric.config import CellConfig, PartsCount
from xnect_lite.models.fabric.network import PartFabrics
from xnect_lite.models.fabric.prune import drop_from, dropped_of
from xnect_lite.models.fabric.pyramid import FabricBackbone, Pyramid
from xnect_lite.models.names import BACKBONE_NAMES
from xnect_lite.models.single import SingleNetwork
from xnect_lite.skeleton import JOINT_MAPS

FABRIC_BACKBONE = "meta_arch"
"""The name of a fabric as backbone."""

_BACKBONE_OPERATORS = ("Zero", "skip_connect", "Sep_Conv_3x3", "Atr_Conv_3x3", "avg_pool_3x3", "max_pool_3x3")


def _backbone_cells() -> CellConfig:
    return CellConfig(depth=12, cut_layers_num=0, factor=10, operators=_BACKBONE_OPERATORS)


def _known_backbone(config: FabricConfig) -> tuple[str, str] | None:
    known = dict.fromkeys([*TO_STRIDE_32, *BACKBONE_NAMES, FABRIC_BACKBONE])
    if config.backbone_net_name not in known:
        return f"backbone_net_name '{config.backbone_net_name}' is unknown", f"Known: {', '.join(known)}"
    if config.backbone_net_name == FABRIC_BACKBONE and config.reserve_layers_num >= config.backbone.depth:
        return f"reserve_layers_num {config.reserve_layers_num} is not below backbone.depth", "Make backbone.depth larger"
    return None


@dataclass(frozen=True)
class FabricConfig:
    """The network ``fabric``: a backbone, and a fabric for every group of body parts."""

    rules: ClassVar[Rules] = (_known_backbone,)

    backbone_net_name: str = "mobilenet_v2"  # a ResNet, mobilenet_v2, hrnet_w32, a backbone of Stage I, or meta_arch: a fabric
    parts_num: PartsCount = 3
    cell_config: CellConfig = field(default_factory=CellConfig)
    # of meta_arch alone: its fabric, and how many of its layers are kept
    backbone: CellConfig = field(default_factory=_backbone_cells)
    reserve_layers_num: Annotated[int, Range(1, 16)] = 4


def _pyramid(config: FabricConfig) -> Pyramid:
    scales = len(config.cell_config.size_types)
    name = config.backbone_net_name
    if name == FABRIC_BACKBONE:
        fabric = FabricBackbone(config.backbone, config.reserve_layers_num)
        return Pyramid(fabric, fabric.channels, 4, scales)
    known = TO_STRIDE_32[name]() if name in TO_STRIDE_32 else build_backbone(name)
    return Pyramid(known, known.channels, 4, scales)


class FabricSingle(SingleNetwork):
    """`PartFabrics` for crops of one person; heat maps of stride 4."""

    stride = 4

    def __init__(self, config: FabricConfig, joints: tuple[str, ...]) -> None:
        super().__init__()
        self.net = PartFabrics(_pyramid(config), config.cell_config, joints, config.parts_num)

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, 3, H, W) normalised, H and W multiples of 32 -> [(B, J, H/4, W/4)]."""
        return [self.net(image)]


def build_fabric_single(arch: Mapping[str, Any]) -> FabricSingle:
    """An empty network of this ``arch``; what pruning took out is not there. Raises XnectError for values that cannot be."""
    config = config_of(FabricConfig, dict(arch["fabric"]), "fabric.")
    net = FabricSingle(config, JOINT_MAPS[arch["joints"]].names)
    net.arch = json.loads(json.dumps(dict(arch)))
    if arch.get("dropped"):
        drop_from(net, arch["dropped"])
        net.arch["dropped"] = dropped_of(net)
    return net
