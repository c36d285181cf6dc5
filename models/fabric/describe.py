"""A network with fabrics in words and numbers: what it costs, alpha and beta, and the graph that they choose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from xnect_lite.models.fabric.cell import Cell, Dropped, Edge
from xnect_lite.models.fabric.count import cost, published_count
from xnect_lite.models.fabric.fabric import Fabric
from xnect_lite.models.fabric.layout import INPUTS, CellPlan


@dataclass(frozen=True)
class CellWeights:
    """One cell. inputs: (source, softmax(beta)) of each of INPUTS; operators: per edge (name, softmax(alpha)) of each.

    What pruning took out has weight None.
    """

    plan: CellPlan
    inputs: tuple[tuple[int, float | None], ...]
    operators: tuple[tuple[tuple[str, float | None], ...], ...]


@dataclass(frozen=True)
class FabricWeights:
    """part: the fabric's path within the network; gone: names of the cells that pruning took out."""

    part: str
    cells: tuple[CellWeights, ...]
    gone: tuple[str, ...]


@torch.no_grad()
def weights_in(net: nn.Module) -> list[FabricWeights]:
    """What every fabric within ``net`` weighs."""
    found = []
    for path, module in net.named_modules():
        if isinstance(module, Fabric):
            cells = tuple(_cell_weights(module, plan, cell) for plan, cell in module.cells())
            left = {cell.plan.name for cell in cells}
            gone = tuple(plan.name for layer in module.plan for plan in layer if plan.name not in left)
            found.append(FabricWeights(_part_of(path), cells, gone))
    return found


def _part_of(path: str) -> str:
    return path.removeprefix("net.").removeprefix("heads.").removeprefix("parts.").removesuffix(".fabric")


def _cell_weights(fabric: Fabric, plan: CellPlan, cell: Cell) -> CellWeights:
    beta = functional.softmax(fabric.betas[plan.row].float(), -1)
    alpha = functional.softmax((fabric.alphas if fabric.config.one_shot_search else fabric.alphas[plan.row]).float(), -1)
    inputs = tuple(
        (source, None if isinstance(link, Dropped) else float(weight))
        for source, link, weight in zip(plan.sources, cell.links, beta, strict=True)
    )
    operators = []
    for edge, weights in zip(cell.edges, alpha, strict=True):
        assert isinstance(edge, Edge)
        named = zip(fabric.config.operators, edge.ops, weights, strict=True)
        operators.append(tuple((name, None if isinstance(op, Dropped) else float(w)) for name, op, w in named))
    return CellWeights(plan, inputs, tuple(operators))


def architecture_lines(net: nn.Module) -> Iterator[str]:
    """Every fabric: alpha and beta, a line per cell; what was pruned is a dash, the strongest has a star."""
    for fabric in weights_in(net):
        yield f"{fabric.part}: {len(fabric.cells)} cells" + (f", pruned: {', '.join(fabric.gone)}" if fabric.gone else "")
        for cell in fabric.cells:
            named = [(what, weight) for what, (_, weight) in zip(INPUTS, cell.inputs, strict=True)]
            yield f"  {cell.plan.name}  beta  {_row(named)}"
            for k, edge in enumerate(cell.operators):
                yield f"  {' ' * len(cell.plan.name)}  alpha{'' if len(cell.operators) == 1 else f' {k}'} {_row(list(edge))}"


def chosen_lines(net: nn.Module) -> Iterator[str]:
    """The graph that is left of every fabric if each cell keeps its strongest input and each edge its strongest operator."""
    for fabric in weights_in(net):
        by_place = {(cell.plan.layer, cell.plan.scale): cell for cell in fabric.cells}
        cell = fabric.cells[-1]
        words: list[str] = []
        while True:
            ops = "+".join(_strongest(list(edge))[0] for edge in cell.operators)
            what, _ = _strongest([(what, weight) for what, (_, weight) in zip(INPUTS, cell.inputs, strict=True)])
            source = cell.inputs[INPUTS.index(what)][0]
            words.append(f"{cell.plan.name}({ops})")
            before = by_place.get((cell.plan.layer - 1, source))
            if before is None:
                words.append(f"map {source}")
                break
            cell = before
        yield f"{fabric.part}: {' <- '.join(words)}"


def _strongest(row: list[tuple[str, float | None]]) -> tuple[str, float | None]:
    return max(row, key=lambda entry: -1.0 if entry[1] is None else entry[1])


def _row(row: list[tuple[str, float | None]]) -> str:
    best = _strongest(row)
    return "  ".join(f"{name} {'-' if w is None else f'{w:.3f}'}{'*' if (name, w) == best else ''}" for name, w in row)


class _BackboneOnly(nn.Module):
    def __init__(self, backbone: nn.Module, strides: tuple[int, ...]) -> None:
        super().__init__()
        self.backbone, self.strides = backbone, strides

    def forward(self, image: Tensor) -> list[Tensor]:
        return self.backbone(image, self.strides)


def cost_lines(net: nn.Module, example: Tensor) -> Iterator[str]:
    """Parameters and multiply-accumulates; of a network with fabrics also of its backbone, and as published papers count."""
    from xnect_lite.models.fabric.pyramid import Pyramid

    pyramid = next((m for m in net.modules() if isinstance(m, Pyramid)), None)
    size = f"{example.shape[-1]} x {example.shape[-2]}"
    if pyramid is not None:
        part = cost(_BackboneOnly(pyramid.backbone, pyramid.strides), example)
        yield f"backbone: {part.parameters:,} parameters, {part.macs / 1e9:.3f} GMACs at {size}"
    whole = cost(net, example)
    yield f"network: {whole.parameters:,} parameters, {whole.macs / 1e9:.3f} GMACs at {size}"
    if pyramid is not None:
        printed = published_count(net, example)
        yield f"as published ones are counted: {printed.parameters / 1e6:.1f} M, {printed.gflops:.1f} G"
