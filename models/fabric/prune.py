"""Take out of a fabric what carries nothing: cells, inputs of cells and operators of almost no weight.

Weights are softmax(beta) and softmax(alpha), from 0 to 1. With a threshold of 0, as published, only what underflowed to an
exact zero goes, and the network computes what it did. A cell goes if no cell that stays reads it, by whichever of its three
inputs: at the finest scale "finer" is a second reading of the parallel cell, and counts as such.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from xnect_lite.errors import XnectError
from xnect_lite.models.compress import Cost
from xnect_lite.models.fabric.cell import Cell, Dropped, Edge
from xnect_lite.models.fabric.count import cost
from xnect_lite.models.fabric.fabric import Fabric
from xnect_lite.models.fabric.layout import INPUTS, CellPlan
from xnect_lite.models.fabric.operators import Zero

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class FabricPruneReport:
    """dropped: names as `dropped_of` gives them, of this pruning alone."""

    threshold: float
    dropped: tuple[str, ...]
    before: Cost
    after: Cost

    def __str__(self) -> str:
        cells = sum("." not in name.rpartition(":")[2] for name in self.dropped)
        inputs = sum(name.endswith(INPUTS) for name in self.dropped)
        lines = [
            f"{cells} cells, {inputs} inputs and {len(self.dropped) - cells - inputs} operators of weight <= {self.threshold:g}"
        ]
        for label, before, after in (
            ("M parameters", self.before.parameters / 1e6, self.after.parameters / 1e6),
            ("GMACs", self.before.macs / 1e9, self.after.macs / 1e9),
        ):
            lines.append(f"{before:.3f} -> {after:.3f} {label} ({after / before:.1%})")
        return "\n".join(lines)


def prune_fabrics(net: Network, example: Tensor, threshold: float = 0.0) -> tuple[Network, FabricPruneReport]:
    """A copy without what weighs ``threshold`` or less; weights that stay keep their values, so nothing is made up for.

    The strongest input of a cell and the strongest operator of an edge stay in any case. ``example`` is an input, for the
    report's costs. Raises XnectError for a network without fabrics and for a threshold outside 0 to below 1.
    """
    if not 0 <= threshold < 1:
        raise XnectError(f"threshold {threshold:g}", "is not from 0 to below 1", "Give a weight; 0 takes only exact zeros")
    small = copy.deepcopy(net)
    fabrics = _fabrics(small)
    if not fabrics:
        raise XnectError("the network", "has no fabric to prune", "Give weights of a network with fabrics")
    dropped = []
    for path, fabric in fabrics:
        names = useless(fabric, threshold)
        fabric.drop(names)
        dropped += [f"{path}:{name}" for name in names]
    _trim(small)
    arch = getattr(small, "arch", None)
    if isinstance(arch, dict) and dropped:
        setattr(small, "arch", {**arch, "dropped": dropped_of(small)})  # noqa: B010 - only some networks have one
    return small, FabricPruneReport(threshold, tuple(dropped), cost(net, example), cost(small, example))


@torch.no_grad()
def useless(fabric: Fabric, threshold: float) -> list[str]:
    """Names, as `Fabric.drop` takes them, of what weighs ``threshold`` or less and is there."""
    beta = functional.softmax(fabric.betas.float(), -1)  # in the precision that the network computes in
    alpha = functional.softmax(fabric.alphas.float(), -1)
    names = []
    used = {plan.name for plan in fabric.plan[-1]}
    for plan, cell in reversed(list(fabric.cells())):
        if plan.name not in used:
            names.append(plan.name)
            continue
        names += _weak_inputs(plan, cell, beta[plan.row], threshold)
        kept = {name.partition(".")[2] for name in names if name.startswith(f"{plan.name}.")}
        used |= {f"cell_{plan.layer - 1}_{s}" for what, s in zip(INPUTS, plan.sources, strict=True) if _reads(cell, what, kept)}
        names += _weak_operators(plan, cell, alpha if alpha.ndim == 2 else alpha[plan.row], threshold)
    return names


def _reads(cell: Cell, what: str, dropped: set[str]) -> bool:
    return what not in dropped and not isinstance(cell.links[INPUTS.index(what)], Dropped)


def _weak_inputs(plan: CellPlan, cell: Cell, weights: Tensor, threshold: float) -> list[str]:
    weak = _weak(weights, [isinstance(link, Dropped) for link in cell.links], threshold)
    return [f"{plan.name}.{INPUTS[k]}" for k in weak]


def _weak_operators(plan: CellPlan, cell: Cell, weights: Tensor, threshold: float) -> list[str]:
    names = []
    for e, edge in enumerate(cell.edges):
        assert isinstance(edge, Edge)
        weak = _weak(weights[e], [isinstance(op, Dropped) for op in edge.ops], threshold)
        names += [f"{plan.name}.{e}.{o}" for o in weak if not isinstance(edge.ops[o], Zero)]
    return names


def _weak(weights: Tensor, gone: list[bool], threshold: float) -> list[int]:
    """Of those still there, all of at most ``threshold`` but the strongest."""
    left = {k: float(weight) for k, weight in enumerate(weights) if not gone[k]}
    strongest = max(left, key=lambda k: left[k])
    return [k for k, weight in left.items() if weight <= threshold and k != strongest]


def _fabrics(net: nn.Module) -> list[tuple[str, Fabric]]:
    return [(path, module) for path, module in net.named_modules() if isinstance(module, Fabric)]


def dropped_of(net: nn.Module) -> list[str]:
    """What was pruned of every fabric within ``net``, as PATH:NAME; travels with the weights."""
    return [f"{path}:{name}" for path, fabric in _fabrics(net) for name in fabric.dropped]


def drop_from(net: nn.Module, names: Iterable[str]) -> None:
    """Take out of an unpruned ``net`` what `dropped_of` named. Raises XnectError for a name of nothing."""
    fabrics = dict(_fabrics(net))
    of_each: dict[str, list[str]] = {}
    for name in names:
        path, _, what = name.rpartition(":")
        if path not in fabrics:
            raise XnectError(f"pruned part '{name}'", "names nothing of this network", "Give the file as it was written")
        of_each.setdefault(path, []).append(what)
    for path, whats in of_each.items():
        fabrics[path].drop(whats)
    _trim(net)


def _trim(net: nn.Module) -> None:
    """Let the parts, then whoever holds them, take out what nothing reads any more."""
    for module in reversed(list(net.modules())):
        trim = getattr(module, "trim", None)
        if callable(trim):
            trim()
