"""Single-person networks by name: a crop around one person in, a heat map per joint out.

``SINGLE_NETWORKS`` is the table that the trainer, evaluation and speed tests read; to add a family, add a line and the names of
its configuration sections.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from xnect_lite.errors import XnectError


class SingleNetwork(nn.Module):
    """What every single-person network is.

    ``arch`` describes it well enough to rebuild it, and travels with every weight file. ``stride``: network pixels per cell.
    """

    arch: dict[str, Any]
    stride: int = 4

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, 3, H, W) normalised -> heat maps (B, J, H/stride, W/stride), all supervised; the last is the answer."""
        raise NotImplementedError

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """Told before the first step of every epoch, 0 .. epochs - 1; for what changes along a run."""

    def extra_loss(self) -> dict[str, Tensor]:
        """Terms to be added to the loss of the last forward pass, by name, weighted already."""
        return {}


@dataclass(frozen=True)
class Family:
    """How to build a network from its ``arch``, and which sections of the training configuration describe it."""

    build: Callable[[Mapping[str, Any]], SingleNetwork]
    sections: tuple[str, ...]


def _hourglass(arch: Mapping[str, Any]) -> SingleNetwork:
    from xnect_lite.models.dynamic.hourglass import build_hourglass

    return build_hourglass(arch)


def _fabric(arch: Mapping[str, Any]) -> SingleNetwork:
    from xnect_lite.models.fabric.single import build_fabric_single

    return build_fabric_single(arch)


SINGLE_NETWORKS: dict[str, Family] = {
    "hourglass": Family(_hourglass, ("hourglass", "dynamic")),
    "fabric": Family(_fabric, ("fabric",)),
}
"""Name of a family -> how it is built."""


def single_family(name: object) -> Family:
    """The family of this name. Raises XnectError naming the known ones."""
    if not isinstance(name, str) or name not in SINGLE_NETWORKS:
        raise XnectError(f"network '{name}'", "is no single-person network", f"Known: {', '.join(SINGLE_NETWORKS)}")
    return SINGLE_NETWORKS[name]


def build_single(arch: Mapping[str, Any]) -> SingleNetwork:
    """An empty network of this ``arch``, randomly initialised. Raises XnectError for an unknown family."""
    return single_family(arch.get("network")).build(arch)
