"""A picture of a batch: crops with the joints that are taught (green) and those that are found (red)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

_TAUGHT, _FOUND = (90, 220, 90), (60, 60, 240)  # blue, green, red
_MOST = 24  # crops on a sheet
_COLUMNS = 6


def write_sheet(path: Path, crops: Tensor, taught: Tensor, weight: Tensor, found: np.ndarray) -> None:
    """crops (B, H, W, 3) uint8 RGB, joints taught (B, J, 2) with their weights (B, J), and found (B, J, 2), in crop pixels.

    A sheet that cannot be written is left out: it is only looked at.
    """
    tiles = []
    for image, joints, known, places in zip(crops.numpy()[:_MOST], taught.numpy(), weight.numpy() > 0, found, strict=False):
        tile = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        for marks, colour, radius in ((joints[known], _TAUGHT, 3), (places[known], _FOUND, 2)):
            for x, y in marks[np.isfinite(marks).all(-1)]:
                cv2.circle(tile, (round(float(x)), round(float(y))), radius, colour, -1, cv2.LINE_AA)
        tiles.append(tile)
    empty = np.zeros_like(tiles[0])
    rows = [tiles[i : i + _COLUMNS] for i in range(0, len(tiles), _COLUMNS)]
    if len(rows) > 1:
        rows[-1] += [empty] * (_COLUMNS - len(rows[-1]))
    cv2.imwrite(str(path), np.concatenate([np.concatenate(row, 1) for row in rows]))
