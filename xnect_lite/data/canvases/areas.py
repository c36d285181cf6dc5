"""Pixels of rectangles on several canvases as one flat list, so that a device works on all of them at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from xnect_lite.data.archives.packed import send


@dataclass(frozen=True)
class Areas:
    """T pixels of K rectangles, one rectangle after the other.

    which (T,) rectangle, x and y (T,): int64 on the device. ends (K,): where each rectangle's pixels end, on the host.
    """

    which: torch.Tensor
    x: torch.Tensor
    y: torch.Tensor
    ends: np.ndarray

    @classmethod
    def of(cls, boxes: np.ndarray, device: torch.device) -> Areas:
        """Of ``boxes`` (K, 4): left, top, right and bottom in whole pixels, the last two just beyond."""
        left, top, right, bottom = boxes.T
        width, height = right - left, bottom - top
        ends = np.cumsum(width * height)
        table = send(np.stack([ends, ends - width * height, left, top, width]).astype(np.int64), device)
        pixel = torch.arange(int(ends[-1]) if len(ends) else 0, device=device)
        which = torch.bucketize(pixel, table[0], right=True)
        begin, left_of, top_of, width_of = table[1:, which]
        number = pixel - begin
        return cls(which, left_of + number % width_of, top_of + number // width_of, ends)
