"""One cell of a fabric: inputs of three scales, mixed; hidden nodes, each the sum of mixed operators on all nodes before.

After Yang et al., "Pose Neural Fabrics Search", sections 3.1 and 3.2: the input is ReLU(3 sum softmax(beta) T), an edge is
n sum softmax(alpha) operator, n being the number of operators.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from xnect_lite.models.fabric.layout import INPUTS, edges_of
from xnect_lite.models.fabric.operators import Zero, build_operator


class Dropped(nn.Module):
    """In the place of what pruning took out; never run."""


class Same(nn.Module):
    """The input of a cell's own scale: as it is."""

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        return x


class Down(nn.Module):
    """From twice the resolution: a 3x3 of stride 2 with a bias, and a norm."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        return self.bn(self.conv(x))


class Up(nn.Module):
    """From half the resolution: a 1x1 with a bias, a norm, then bilinear with aligned corners to ``size``."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        return functional.interpolate(self.bn(self.conv(x)), size=size, mode="bilinear", align_corners=True)


def build_link(source: int, target: int, channels: Sequence[int]) -> nn.Module:
    """What brings a map of scale ``source`` to scale ``target``, at most one finer or coarser."""
    if source == target:
        return Same()
    return (Down if source < target else Up)(channels[source], channels[target])


class Edge(nn.Module):
    """All operators on one input, weighted."""

    def __init__(self, channels: int, operators: Sequence[str]) -> None:
        super().__init__()
        self.ops = nn.ModuleList(build_operator(name, channels) for name in operators)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """(B, C, h, w), (operators,) of mean 1 -> (B, C, h, w)."""
        total = None
        for k, op in enumerate(self.ops):
            if not isinstance(op, (Zero, Dropped)):
                term = weights[k] * op(x)
                total = term if total is None else total + term
        return torch.zeros_like(x) if total is None else total


class Cell(nn.Module):
    """See the module's text. scale: of the cell; sources: of its three inputs; channels: of every scale."""

    def __init__(
        self, scale: int, sources: tuple[int, int, int], channels: Sequence[int], operators: Sequence[str], hidden: int
    ) -> None:
        super().__init__()
        width = channels[scale]
        self.sources, self.edges_between = sources, edges_of(hidden)
        self.edges = nn.ModuleList(Edge(width, operators) for _ in self.edges_between)
        self.links = nn.ModuleList(build_link(source, scale, channels) for source in sources)
        self.keep = nn.Conv2d(hidden * width, width, 1)
        self.hidden, self.names = hidden, tuple(operators)

    def forward(self, before: Sequence[Tensor | None], size: tuple[int, int], alpha: Tensor, beta: Tensor) -> Tensor:
        """Maps of the layer before (None where a cell was pruned), own (height, width), (edges, operators) and (3,) weights of
        mean 1 -> (B, C, h, w).
        """
        nodes = [functional.relu(self._mixed(before, size, beta))]
        for k, (source, target) in enumerate(self.edges_between):
            term = self.edges[k](nodes[source], alpha[k])
            if target == len(nodes):
                nodes.append(term)
            else:
                nodes[target] = nodes[target] + term
        return self.keep(torch.cat(nodes[1:], 1) if self.hidden > 1 else nodes[1])

    def _mixed(self, before: Sequence[Tensor | None], size: tuple[int, int], beta: Tensor) -> Tensor:
        total = None
        for k, (link, source) in enumerate(zip(self.links, self.sources, strict=True)):
            if isinstance(link, Dropped):
                continue
            x = before[source]
            assert x is not None, "what reads a pruned cell or map is pruned with it"
            term = beta[k] * link(x, size)
            total = term if total is None else total + term
        assert total is not None, "pruning keeps the strongest input of every cell that is used"
        return total

    def operators(self) -> Iterator[tuple[str, nn.Module]]:
        """(name, module) of every operator on every edge; pruned ones are `Dropped`."""
        for edge in self.edges:
            assert isinstance(edge, Edge)
            yield from zip(self.names, edge.ops, strict=True)

    def drop(self, what: str) -> None:
        """Take out an input, by its name in INPUTS, or an operator, as EDGE.OPERATOR."""
        if what in INPUTS:
            self.links[INPUTS.index(what)] = Dropped()
        else:
            place, op = map(int, what.split("."))
            edge = self.edges[place]
            assert isinstance(edge, Edge)
            edge.ops[op] = Dropped()
