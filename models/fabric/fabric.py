"""A fabric: cells across layers and scales, and the architecture parameters alpha and beta that weigh what they mix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from xnect_lite.errors import XnectError
from xnect_lite.models.fabric.cell import Cell, Dropped
from xnect_lite.models.fabric.config import CellConfig
from xnect_lite.models.fabric.layout import INPUTS, CellPlan, edges_of, plan_cells


class Fabric(nn.Module):
    """Layers ``first`` .. ``end`` - 1 of a fabric, fed with ``before`` maps of the config's channels, finest first.

    alphas: (edges, operators), or (cells, edges, operators) where every cell has its own. betas: (cells, 3), in the order of
    `layout.INPUTS`. Both begin at zero, which weighs everything alike. ``dropped`` names what pruning took out: a cell
    (cell_3_2), one of its inputs (cell_3_0.finer) or an operator (cell_3_0.EDGE.OPERATOR).
    """

    def __init__(self, config: CellConfig, first: int, end: int, before: int) -> None:
        super().__init__()
        self.config = config
        self.plan: tuple[tuple[CellPlan, ...], ...] = plan_cells(len(config.size_types), config.depth, first, end, before)
        plans = [plan for layer in self.plan for plan in layer]
        edges = len(edges_of(config.hidden_states_num))
        shape = (edges, len(config.operators)) if config.one_shot_search else (len(plans), edges, len(config.operators))
        self.alphas = nn.Parameter(torch.zeros(shape), requires_grad=config.search_alpha)
        self.betas = nn.Parameter(torch.zeros(len(plans), len(INPUTS)), requires_grad=config.search_beta)
        for plan in plans:
            cell = Cell(plan.scale, plan.sources, config.channels, config.operators, config.hidden_states_num)
            self.add_module(plan.name, cell)
        self.dropped: tuple[str, ...] = ()

    def forward(self, maps: Sequence[Tensor | None], sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
        """Maps of the layer before the first, finest first (None where unread), and (height, width) of every scale -> the last
        layer's maps, finest first.
        """
        alpha = len(self.config.operators) * functional.softmax(self.alphas, -1)
        beta = len(INPUTS) * functional.softmax(self.betas, -1)
        before: list[Tensor | None] = list(maps)
        for layer in self.plan:
            after: list[Tensor | None] = []
            for plan in layer:
                weights = alpha if self.config.one_shot_search else alpha[plan.row]
                cell = self._modules.get(plan.name)
                after.append(None if cell is None else cell(before, sizes[plan.scale], weights, beta[plan.row]))
            before = after
        return [x for x in before if x is not None]

    def cells(self) -> Iterator[tuple[CellPlan, Cell]]:
        """Every cell that is left, with its plan, in the order of beta's rows."""
        for layer in self.plan:
            for plan in layer:
                cell = self._modules.get(plan.name)
                if isinstance(cell, Cell):
                    yield plan, cell

    def reads(self) -> set[int]:
        """Scales of the maps given that some cell of the first layer reads."""
        first = {plan.name for plan in self.plan[0]}
        cells = [cell for plan, cell in self.cells() if plan.name in first]
        return {s for cell in cells for s, link in zip(cell.sources, cell.links, strict=True) if not isinstance(link, Dropped)}

    def drop(self, names: Iterable[str]) -> None:
        """Take out what ``names`` name (see the class). Raises XnectError for a name of nothing."""
        for name in names:
            cell_name, _, what = name.partition(".")
            cell = self._modules.get(cell_name)
            try:
                if not isinstance(cell, Cell):
                    raise KeyError(cell_name)
                if what:
                    cell.drop(what)
                else:
                    del self._modules[cell_name]
            except (LookupError, ValueError) as error:
                raise XnectError(
                    f"pruned part '{name}'", "names nothing of this fabric", "Give the file as it was written"
                ) from error
            self.dropped = (*self.dropped, name)
        self._check_whole()

    def _check_whole(self) -> None:
        """Raises XnectError if what is left does not hang together: only a file that was tampered with says so."""
        left = {plan.name for plan, _ in self.cells()}
        first = self.plan[0][0].layer
        whole = {plan.name for plan in self.plan[-1]} <= left
        for plan, cell in self.cells():
            read = [s for s, link in zip(cell.sources, cell.links, strict=True) if not isinstance(link, Dropped)]
            whole &= bool(read) and (plan.layer == first or all(f"cell_{plan.layer - 1}_{s}" in left for s in read))
        if not whole:
            raise XnectError(
                "what was pruned", "leaves a fabric that does not hang together", "Give the file as it was written"
            )


def sizes_of(maps: Sequence[Tensor], scales: int) -> list[tuple[int, int]]:
    """(height, width) of every scale; those below the coarsest map are halved, rounded up, as strided layers do."""
    sizes: list[tuple[int, int]] = [(x.shape[-2], x.shape[-1]) for x in maps]
    while len(sizes) < scales:
        height, width = sizes[-1]
        sizes.append(((height + 1) // 2, (width + 1) // 2))
    return sizes


def architecture_parameters(net: nn.Module) -> list[nn.Parameter]:
    """Every alpha and beta within ``net``, in the order of its modules."""
    return [p for module in net.modules() if isinstance(module, Fabric) for p in (module.alphas, module.betas)]


def searched_parameters(net: nn.Module) -> list[nn.Parameter]:
    """Those alphas and betas within ``net`` that its configuration lets a search change."""
    found = []
    for module in net.modules():
        if isinstance(module, Fabric):
            found += [module.alphas] * module.config.search_alpha + [module.betas] * module.config.search_beta
    return found
