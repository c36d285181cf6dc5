"""One body part's share of a network: adapters from the pyramid, a fabric, an output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from xnect_lite.models.fabric.cell import Dropped
from xnect_lite.models.fabric.config import CellConfig
from xnect_lite.models.fabric.fabric import Fabric, sizes_of


class Adapters(nn.ModuleList):
    """A 1x1 with a bias per map, to the fabric's channels; none at all where the backbone's are those already."""

    def __init__(self, found: Sequence[int], wanted: Sequence[int]) -> None:
        wanted = wanted[: len(found)]
        super().__init__(nn.Conv2d(a, b, 1) for a, b in zip(found, wanted, strict=True) if tuple(found) != tuple(wanted))

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor | None]:
        """Maps, finest first -> the same in the fabric's channels; None for those that pruning found unread."""
        if not len(self):
            return list(maps)
        return [None if isinstance(adapter, Dropped) else adapter(x) for adapter, x in zip(self, maps, strict=False)]


class PartFabric(nn.Module):
    """found: channels of the pyramid's maps, finest first; output: what makes channels of the finest map."""

    def __init__(self, config: CellConfig, found: Sequence[int], output: nn.Module) -> None:
        super().__init__()
        self.adapters = Adapters(found, config.channels)
        self.fabric = Fabric(config, config.cut_layers_num, config.depth, len(found))
        self.output = output

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """The pyramid's maps, finest first -> (B, channels, h, w) of the finest map's size."""
        sizes = sizes_of(maps, len(self.fabric.config.size_types))
        return self.output(self.fabric(self.adapters(maps), sizes)[0])

    def trim(self) -> None:
        """Take out the adapters of maps that nothing in the fabric reads any more."""
        reads = self.fabric.reads()
        for k in range(len(self.adapters)):
            if k not in reads:
                self.adapters[k] = Dropped()


def trim_tail(coarser: nn.ModuleList, parts: Iterable[nn.Module], maps: int) -> nn.ModuleList:
    """What makes the last of ``maps`` maps, without those at the end that no part reads."""
    reads = {k for part in parts if isinstance(part, PartFabric) for k in part.fabric.reads()}
    kept = len(coarser)
    while kept and maps - len(coarser) + kept - 1 not in reads:
        kept -= 1
    return nn.ModuleList(list(coarser)[:kept])
