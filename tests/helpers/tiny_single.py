"""A single-person network of a few weights that draws noise as it learns, for tests of whatever runs such networks."""

from __future__ import annotations

from torch import Tensor, nn

from xnect_lite.models.single import SINGLE_NETWORKS, Family, SingleNetwork


class TinySingle(SingleNetwork):
    """Two heads on one strided layer."""

    def __init__(self, joints: int = 16) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 8, 5, stride=4, padding=2)
        self.first, self.second = nn.Conv2d(8, joints, 1), nn.Conv2d(8, joints, 1)
        self.told: list[tuple[int, int]] = []

    def forward(self, image: Tensor) -> list[Tensor]:
        x = nn.functional.dropout(self.down(image).relu(), 0.5, self.training)
        return [self.first(x), self.second(x)]

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        self.told.append((epoch, epochs))

    def extra_loss(self) -> dict[str, Tensor]:
        return {"size": 1e-3 * self.down.weight.square().sum()}


def _build(arch) -> TinySingle:
    net = TinySingle()
    net.arch = dict(arch)
    return net


def register_tiny(monkeypatch) -> str:
    """Known as 'tiny' for the length of a test."""
    monkeypatch.setitem(SINGLE_NETWORKS, "tiny", Family(_build, ()))
    return "tiny"
