"""Stage I assembled: normalisation, backbone, heads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from xnect_lite.config import checked, config_of
from xnect_lite.errors import XnectError
from xnect_lite.models.backbones import build_backbone
from xnect_lite.models.dynamic.core import DynamicSelecSLS
from xnect_lite.models.dynamic.ledger import Ledger
from xnect_lite.models.dynamic.options import DynamicConfig
from xnect_lite.models.dynamic.training import MaskTraining
from xnect_lite.models.fabric.config import HAND_MADE, HeadsConfig
from xnect_lite.models.fabric.heads import FabricHeads
from xnect_lite.models.fabric.prune import drop_from, dropped_of
from xnect_lite.models.heads import ENCODING_VERSION, STRIDE, STRIDES, PoseHeads


class XNect(nn.Module):
    """One forward pass from picture to all maps, whatever the number of people.

    backbone: a name in BACKBONES. stride: network pixels per output cell, 8 or 4. grouped: divide the deeper 3x3 layers of a
    SelecSLS backbone into groups, as the released XNect system does. dynamic: masks say where a
    SelecSLS computes. heads: fabrics instead of the hand-made ones.

    ``arch`` describes the network well enough to rebuild it; it travels with every weight file.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        backbone: str = "selecsls60",
        stride: int = STRIDE,
        grouped: bool = False,
        dynamic: DynamicConfig | None = None,
        heads: HeadsConfig = HAND_MADE,
    ) -> None:
        super().__init__()
        if stride not in STRIDES:
            raise XnectError(f"output stride {stride}", "has no heads", f"Choose one of {', '.join(map(str, STRIDES))}")
        self.stride = stride
        self.arch: dict[str, Any] = {"backbone": backbone, "stride": stride, "encoding": ENCODING_VERSION}
        if grouped:
            self.arch["grouped"] = True
        if dynamic is not None and dynamic.active:
            self.arch["dynamic"] = asdict(dynamic)
        if heads.fabric.parts:
            self.arch["heads"] = asdict(heads)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1) * 255)
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1) * 255)
        self.backbone = build_backbone(backbone, grouped, dynamic)
        ledger = self.ledger
        self.masks = MaskTraining(dynamic, ledger) if dynamic is not None and ledger is not None else None
        channels = self.backbone.channels
        finest = channels[4] if stride == 4 else 0
        self.heads: PoseHeads | FabricHeads
        if heads.fabric.parts:
            self.heads = FabricHeads(channels[16], channels[8], heads.fabric, finest)
        else:
            self.heads = PoseHeads(channels[16], channels[8], finest)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) RGB, 0..255, H and W multiples of 16 -> {output: (B, channels, H/stride, W/stride)} (see heads.py)."""
        strides = (16, 8, 4) if self.stride == 4 else (16, 8)
        return self.heads(*self.backbone((image - self.mean) / self.deviation, strides))

    def begin_epoch(self, epoch: float, epochs: float) -> None:
        """Where a training run is: masks follow it."""
        if self.masks is not None:
            self.masks.begin_epoch(self, epoch, epochs)

    def extra_loss(self) -> dict[str, Tensor]:
        """What masks of the last pass cost against their budget; nothing for a dense network."""
        return self.masks.loss_terms() if self.masks is not None else {}

    @property
    def ledger(self) -> Ledger | None:
        """What the masks of the last pass executed; None if the network is dense."""
        core = getattr(self.backbone, "core", None)
        return core.ledger if isinstance(core, DynamicSelecSLS) else None


def build_xnect(arch: Mapping[str, Any]) -> XNect:
    """An empty network of this ``arch``, batch norms unfused. Check `arch_problem` first if it comes from a file."""
    dynamic = DynamicConfig(**arch["dynamic"]) if "dynamic" in arch else None
    net = XNect(arch["backbone"], arch["stride"], bool(arch.get("grouped", False)), dynamic, heads_of(arch))
    if arch.get("dropped"):
        drop_from(net, arch["dropped"])
        net.arch["dropped"] = dropped_of(net)
    return net


def heads_of(arch: Mapping[str, Any]) -> HeadsConfig:
    """What heads an ``arch`` names. Raises XnectError for unknown ones."""
    return config_of(HeadsConfig, arch.get("heads", {}), "heads.")


def arch_problem(arch: Mapping[str, Any], backbone: str) -> str:
    """Why a file of this ``arch`` cannot be run as a Stage I with this backbone; empty if it can."""
    expected = {"backbone": backbone, "stride": arch.get("stride"), "encoding": ENCODING_VERSION}
    if any(arch.get(key) != value for key, value in expected.items()) or arch.get("stride") not in STRIDES:
        wanted = {**expected, "stride": STRIDE}
        return f"holds {dict(arch) or 'an unnamed network'}, not {wanted}"
    if arch.get("form", "fused") != "fused" or not isinstance(arch.get("grouped", False), bool):
        return f"holds a network of unknown form ({dict(arch)})"
    if "dynamic" in arch:
        try:
            checked(DynamicConfig(**arch["dynamic"]))
        except (TypeError, XnectError):
            return f"holds a network with unknown masks ({arch['dynamic']!r:.200})"
    dropped = arch.get("dropped", [])
    if not isinstance(dropped, list) or not all(isinstance(name, str) for name in dropped):
        return f"holds a network of which unknown parts were pruned ({dropped!r:.200})"
    try:
        heads_of(arch)
    except XnectError as error:
        return f"holds unknown heads ({error})"
    return ""
