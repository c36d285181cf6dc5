"""What a fabric is made of: the keys of a configuration, under the names of the published ones."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from xnect_lite.config import Rules
from xnect_lite.files.values import Range
from xnect_lite.models.fabric.operators import OPERATORS

PartsCount = Literal[1, 3, 5, 8]
Layers = Annotated[int, Range(1, 64)]


def _known_operators(config: CellConfig) -> tuple[str, str] | None:
    unknown = [name for name in config.operators if name not in OPERATORS]
    if unknown or not config.operators:
        return f"operators: '{', '.join(unknown)}' is unknown" if unknown else "operators needs one at least", (
            f"Known: {', '.join(OPERATORS)}"
        )
    if len(set(config.operators)) < len(config.operators):
        return "operators names one twice", "Name each once"
    return None


def _cut_within_depth(config: CellConfig) -> tuple[str, str] | None:
    if config.cut_layers_num >= config.depth:
        return f"cut_layers_num {config.cut_layers_num} leaves nothing of depth {config.depth}", "Make depth larger"
    return None


def _doubling_sizes(config: CellConfig) -> tuple[str, str] | None:
    sizes = config.size_types
    if not sizes or any(b != 2 * a for a, b in pairwise(sizes)):
        return f"size_types {list(sizes)} do not double from one to the next", "Write [4, 8, 16, 32], or fewer of them"
    return None


@dataclass(frozen=True)
class CellConfig:
    """One part's fabric. Names are those of the published configurations; a missing one-shot-search means true there."""

    rules: ClassVar[Rules] = (_known_operators, _cut_within_depth, _doubling_sizes)

    depth: Layers = 6  # layers of the whole fabric
    cut_layers_num: Annotated[int, Range(0, 63)] = 3  # so many of its first layers are replaced by the backbone's maps
    size_types: tuple[Annotated[int, Range(1, 1024)], ...] = (4, 8, 16, 32)  # a scale each; times factor = its channels
    factor: Annotated[int, Range(1, 1024)] = 16
    hidden_states_num: Annotated[int, Range(1, 8)] = 1  # hidden nodes of a cell
    operators: tuple[str, ...] = ("Zero", "skip_connect", "Atr_Conv_3x3", "Sep_Conv_3x3")
    one_shot_search: bool = True  # one alpha for all cells of a part; false = one per cell
    search_alpha: bool = True
    search_beta: bool = True
    vector_in_pixel: bool = True  # a joint's score is the squashed length of a vector; false = it is the map's value
    vector_dim: Annotated[int, Range(1, 64)] = 8
    convolution_mode: Literal["2D", "3D"] = "2D"  # what makes the vectors

    @property
    def channels(self) -> tuple[int, ...]:
        """Of every scale, finest first."""
        return tuple(size * self.factor for size in self.size_types)


@dataclass(frozen=True)
class FabricHeadsConfig:
    """Stage I's heads as fabrics: three scales from the maps' stride on, of 4, 8 and 16 times ``factor`` channels."""

    rules: ClassVar[Rules] = (_known_operators, _cut_within_depth)

    parts: Literal[0, 1, 3, 5, 8] = 0  # groups of body parts, a fabric each; 0 = the hand-made heads
    depth: Annotated[int, Range(1, 16)] = 6  # as in CellConfig, and so on
    cut_layers_num: Annotated[int, Range(0, 15)] = 3
    factor: Annotated[int, Range(1, 32)] = 16
    hidden_states_num: Annotated[int, Range(1, 4)] = 1
    operators: tuple[str, ...] = ("Zero", "skip_connect", "Atr_Conv_3x3", "Sep_Conv_3x3")
    one_shot_search: bool = True

    def cell(self) -> CellConfig:
        """The same as one fabric's configuration."""
        return CellConfig(
            self.depth, self.cut_layers_num, (4, 8, 16), self.factor, self.hidden_states_num, self.operators,
            self.one_shot_search, vector_in_pixel=False,
        )  # fmt: skip


@dataclass(frozen=True)
class HeadsConfig:
    """Stage I's heads."""

    fabric: FabricHeadsConfig = FabricHeadsConfig()


HAND_MADE = HeadsConfig()
"""No fabrics: the hand-made heads."""
