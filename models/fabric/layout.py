"""Which cells a fabric has and what feeds each: numbers only, read by the network, by pruning and by whoever draws it.

A cell has three inputs from the layer before: of its own scale (parallel), of twice the resolution (finer) and of half of it
(coarser). Where one of them does not exist, the parallel one is read a second time in its place, and where even that is
missing, at the lower end of a layer that grows, the next finer one.
"""

from __future__ import annotations

from dataclasses import dataclass

from xnect_lite.errors import XnectError

INPUTS = ("parallel", "finer", "coarser")
"""In the order of a row of beta."""


@dataclass(frozen=True)
class CellPlan:
    """One cell. row: its row of beta. sources: scale, in the layer before, that each of INPUTS reads; two may be the same."""

    layer: int
    scale: int
    row: int
    sources: tuple[int, int, int]

    @property
    def name(self) -> str:
        """cell_LAYER_SCALE, the name of its module."""
        return f"cell_{self.layer}_{self.scale}"


def cells_in_layer(layer: int, scales: int, depth: int) -> int:
    """Cells of a layer of a whole fabric: one more than the layer before has, until the end draws near."""
    return min(layer + 2, scales, depth - layer)


def sources_of(scale: int, before: int) -> tuple[int, int, int]:
    """Scales that a cell's three inputs read from a layer of ``before`` maps."""
    parallel = scale if scale < before else scale - 1
    finer = scale - 1 if scale else parallel
    coarser = scale + 1 if scale < before - 1 else parallel
    return parallel, finer, coarser


def plan_cells(scales: int, depth: int, first: int, end: int, before: int) -> tuple[tuple[CellPlan, ...], ...]:
    """Layers ``first`` .. ``end`` - 1 of a fabric of ``depth`` layers, fed with ``before`` maps. A tuple of cells per layer.

    Raises XnectError if the first layer has a cell that no map reaches.
    """
    layers, row = [], 0
    for layer in range(first, end):
        cells = []
        for scale in range(cells_in_layer(layer, scales, depth)):
            if scale > before:
                step = "Cut later, or give a pyramid of more maps"
                raise XnectError(f"the fabric's layer {layer}", f"has a cell of scale {scale} but only {before} maps", step)
            cells.append(CellPlan(layer, scale, row, sources_of(scale, before)))
            row += 1
        layers.append(tuple(cells))
        before = len(cells)
    return tuple(layers)


def edges_of(hidden: int) -> tuple[tuple[int, int], ...]:
    """(from, to) of every edge inside a cell: node 0 is the input, 1 .. ``hidden`` the hidden nodes, each fed by all before."""
    return tuple((source, target) for target in range(1, hidden + 1) for source in range(target))
