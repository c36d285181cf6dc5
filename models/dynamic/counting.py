"""Multiply-adds by layer: what is always computed, what could be, and what was.

As DynConv counts: convolutions alone, a bias as one more multiply-add, mask units as dense.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from xnect_lite.models.compress import BIAS_OF_NORM
from xnect_lite.models.dynamic.ledger import Ledger
from xnect_lite.models.dynamic.masks import MaskUnit


@dataclass(frozen=True)
class LayerCost:
    """Multiply-adds of one layer over a batch: dense (always), conditional (were all positions active), executed of those."""

    name: str
    dense: int
    conditional: int
    executed: int


@dataclass
class MacCount:
    """Sums over all that ran while counting. pictures: how many. shares: what each masked block used of its own, by batch."""

    pictures: int = 0
    layers: dict[str, LayerCost] = field(default_factory=dict)
    shares: dict[str, list[float]] = field(default_factory=dict)

    @property
    def dense(self) -> int:
        """Always computed."""
        return sum(layer.dense for layer in self.layers.values())

    @property
    def conditional(self) -> int:
        """Computed where a mask says so, if it said so everywhere."""
        return sum(layer.conditional for layer in self.layers.values())

    @property
    def executed(self) -> int:
        """Of the conditional ones."""
        return sum(layer.executed for layer in self.layers.values())

    @property
    def total(self) -> int:
        """What was computed."""
        return self.dense + self.executed

    def add(self, name: str, dense: int = 0, conditional: int = 0, executed: int = 0) -> None:
        """One layer ran."""
        old = self.layers.get(name, LayerCost(name, 0, 0, 0))
        self.layers[name] = LayerCost(name, old.dense + dense, old.conditional + conditional, old.executed + executed)


def conditional_convs(net: nn.Module) -> set[nn.Module]:
    """The convolutions that run under a mask: those a block names in ``conditional``."""
    return {block.get_submodule(name) for block in net.modules() for name in getattr(block, "conditional", ())}


def partly_conditional_convs(net: nn.Module) -> dict[nn.Module, int]:
    """Convolutions of which a mask governs a part, and the multiply-adds of that part per position."""
    return {
        block.get_submodule(name): macs
        for block in net.modules()
        for name, macs in getattr(block, "partly_conditional", {}).items()
    }


@contextmanager
def counting(net: nn.Module, biases: bool = True) -> Iterator[MacCount]:
    """Count every forward pass of ``net`` meanwhile. A network with masks keeps a `Ledger` as ``ledger``."""
    count, masked, partly = MacCount(), conditional_convs(net), partly_conditional_convs(net)
    ledger: Ledger | None = getattr(net, "ledger", None)

    def dense(name: str) -> Any:
        def hook(conv: nn.Conv2d, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            own_bias = biases and conv.bias is not None and not getattr(conv, BIAS_OF_NORM, False)
            per_output = conv.weight[0].numel() + own_bias
            positions = output.numel() // output.shape[1]
            count.add(name, dense=output.numel() * per_output - positions * partly.get(conv, 0))

        return hook

    def whole(_: nn.Module, inputs: tuple[Tensor, ...], __: object) -> None:
        count.pictures += len(inputs[0])
        for spent in ledger.spent if ledger is not None else ():
            positions, active, wide = spent.mask.numel(), int(spent.mask.sum()), int(spent.dilated.sum())
            for layer, macs, dilated in spent.layers:
                executed = macs * (wide if dilated else active)
                count.add(f"{spent.name}.{layer}", conditional=macs * positions, executed=executed)
            count.shares.setdefault(spent.name, []).append(float(spent.executed()) / spent.conditional())

    def mask_unit(name: str) -> Any:
        def hook(unit: MaskUnit, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            count.add(name, dense=output.numel() * (unit.maskconv.in_channels + 1))

        return hook

    units = {name: module for name, module in net.named_modules() if isinstance(module, MaskUnit)}
    masked |= {unit.maskconv for unit in units.values()}
    hooks = [
        module.register_forward_hook(dense(name))
        for name, module in net.named_modules()
        if isinstance(module, nn.Conv2d) and module not in masked
    ]
    hooks += [unit.register_forward_hook(mask_unit(name)) for name, unit in units.items()]
    hooks.append(net.register_forward_hook(whole))
    try:
        yield count
    finally:
        for hook in hooks:
            hook.remove()
