"""Active pixels as rows of a matrix: where they are, and where their 3x3 neighbours are. So skipping pays on CPUs.

Maps are NHWC: a pixel's channels lie together, so gathering pixels is copying rows, and a convolution is one matrix product
over the rows gathered.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor
from torch.nn import functional


class ActiveRows:
    """The active pixels of a mask (B, 1, H, W), N of them, in reading order.

    index    (N,) their positions in the flattened (B·H·W) map.
    padded   (N, 9) positions of their 3x3 neighbours, by rows, in the flattened map (B·(H+2)·(W+2)) with a border.
    """

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask
        self.index = mask.flatten().nonzero()[:, 0]
        batch, _, height, width = mask.shape
        self.places = batch * (height + 2) * (width + 2)

    @functools.cached_property
    def padded(self) -> Tensor:
        """See above."""
        batch, _, height, width = self.mask.shape
        return _neighbour_table(batch, height, width, self.mask.device).index_select(0, self.index)

    def __len__(self) -> int:
        return len(self.index)

    def neighbours(self, source: ActiveRows) -> Tensor:
        """(N·9,) rows of the 3x3 neighbours among the rows of ``source``; len(source) stands for whatever is not there."""
        where = torch.full((self.places,), len(source), device=self.index.device)
        where[source.padded[:, 4]] = torch.arange(len(source), device=self.index.device)
        return where.index_select(0, self.padded.flatten())


@functools.lru_cache(maxsize=64)
def _neighbour_table(batch: int, height: int, width: int, device: torch.device) -> Tensor:
    """(B·H·W, 9) where every pixel's neighbours lie in the map with a border: the same for all masks of a size."""
    with torch.inference_mode(False):  # kept, so it must serve any mode
        wide = width + 2
        picture, y, x = torch.meshgrid(*(torch.arange(n, device=device) for n in (batch, height, width)), indexing="ij")
        corner = (picture * (height + 2) * wide + y * wide + x).flatten()
        steps = torch.tensor([dy * wide + dx for dy in range(3) for dx in range(3)], device=device)
        return corner[:, None] + steps


def as_rows(features: Tensor) -> Tensor:
    """(B, C, H, W) -> (B·H·W, C); a view where channels come last in memory."""
    return features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])


def as_maps(rows: Tensor, like: Tensor) -> Tensor:
    """(B·H·W, C) -> (B, C, H, W) of the batch and size of ``like``, channels last in memory."""
    batch, _, height, width = like.shape
    return rows.view(batch, height, width, -1).permute(0, 3, 1, 2)


def bordered_rows(features: Tensor) -> Tensor:
    """(B, C, H, W) -> (B·(H+2)·(W+2), C) with a border of zeros."""
    return as_rows(functional.pad(features.contiguous(memory_format=torch.channels_last), (1, 1, 1, 1)))


def kernel_rows(kernel: Tensor) -> Tensor:
    """(O, I, kh, kw) -> (kh·kw·I, O): what gathered neighbours are multiplied by."""
    return kernel.permute(2, 3, 1, 0).reshape(-1, kernel.shape[0]).contiguous()


def with_zero_row(rows: Tensor) -> Tensor:
    """(N, C) -> (N + 1, C), the last for neighbours that are not there."""
    return torch.cat([rows, rows.new_zeros(1, rows.shape[1])])
