"""What a dynamic network executed in its last forward pass: a mask per block, and what each position costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Spent:
    """One block's share. mask (B, 1, H, W) 0 or 1, dilated likewise: where the layers run that feed a 3x3.

    layers: (name, multiply-adds per position, whether it runs on the dilated mask).
    """

    name: str
    mask: Tensor
    dilated: Tensor
    layers: tuple[tuple[str, int, bool], ...]

    def executed(self) -> Tensor:
        """() multiply-adds executed over the whole batch; its gradient comes from the mask alone."""
        return self._cost(dilated=False) * _sum(self.mask) + self._cost(dilated=True) * _sum(self.dilated)

    def conditional(self) -> int:
        """Multiply-adds if every position were active."""
        return sum(cost for _, cost, _ in self.layers) * self.mask.numel()

    def _cost(self, dilated: bool) -> int:
        return sum(cost for _, cost, wide in self.layers if wide == dilated)


def _sum(mask: Tensor) -> Tensor:
    return mask.sum(dtype=torch.float32 if mask.requires_grad else torch.float64)


@dataclass
class Ledger:
    """The blocks of one forward pass in order of execution; the next one empties it. Copies of a network begin afresh."""

    spent: list[Spent] = field(default_factory=list)

    def __deepcopy__(self, memo: dict[int, Any]) -> Ledger:
        return Ledger()  # masks under training cannot be copied, and mean nothing to the copy

    def begin(self) -> None:
        """A forward pass begins."""
        self.spent.clear()

    def add(self, spent: Spent) -> None:
        """A block ran."""
        self.spent.append(spent)

    def ponder_cost(self, picture: int = 0) -> Tensor:
        """(H, W) in how many blocks each pixel of the largest mask was active. Raises ValueError if there are no masks.

        Smaller masks are enlarged to the nearest pixel.
        """
        if not self.spent:
            raise ValueError("not a sparse network: no ponder cost")
        masks = [spent.mask[picture : picture + 1].detach().float() for spent in self.spent]
        size = max((mask.shape[-2:] for mask in masks), key=lambda side: side[0] * side[1])
        return torch.stack([functional.interpolate(mask, size=list(size))[0, 0] for mask in masks]).sum(0)
