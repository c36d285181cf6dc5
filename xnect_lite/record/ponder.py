"""Where a network with masks looked closely, painted over the picture."""

from __future__ import annotations

import cv2
import numpy as np

from xnect_lite.types import Effort

_STRENGTH = 0.55  # of the colours against the picture


def ponder_in_picture(effort: Effort, size: tuple[int, int]) -> np.ndarray:
    """(height, width) float32 in 0..1 for a picture of ``size`` (width, height): the share of masked blocks computed there."""
    (height, width), box = effort.ponder.shape, effort.letterbox
    corners = box.to_net(np.array([[-0.5, -0.5], [size[0] - 0.5, size[1] - 0.5]])) + 0.5  # the picture's edges
    scale = np.array([width / box.net_width, height / box.net_height])
    (x0, y0), (x1, y1) = corners * scale
    sx, sy = (x1 - x0) / size[0], (y1 - y0) / size[1]
    matrix = np.array([[sx, 0, x0 + 0.5 * sx - 0.5], [0, sy, y0 + 0.5 * sy - 0.5]])
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    share = (effort.ponder / max(1, effort.blocks)).astype(np.float32)
    return cv2.warpAffine(share, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def draw_ponder(image: np.ndarray, share: np.ndarray) -> np.ndarray:
    """A copy of ``image`` (H, W, 3) uint8 RGB in colours from dark (nothing computed) to yellow (all of it).

    share (H, W) as `ponder_in_picture` gives it.
    """
    levels = np.clip(255 * share, 0, 255).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB)
    return cv2.addWeighted(image, 1 - _STRENGTH, colours, _STRENGTH, 0)


def effort_words(effort: Effort) -> str:
    """'4.8 of 11.3 GMACs (42 %)'."""
    share = effort.executed_macs / max(1, effort.dense_macs)
    return f"{effort.executed_macs / 1e9:.1f} of {effort.dense_macs / 1e9:.1f} GMACs ({share:.0%})"
