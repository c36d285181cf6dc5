"""Colours of the dark canvases (picture, 3D, latency), the same under a light or dark desktop. (r, g, b), 0..255."""

from __future__ import annotations

RGB = tuple[int, int, int]

CANVAS: RGB = (30, 33, 38)
PANEL: RGB = (20, 22, 26)
CANVAS_TEXT: RGB = (225, 228, 232)
CANVAS_DIM: RGB = (150, 156, 165)
GRID: RGB = (72, 78, 88)
FRUSTUM: RGB = (190, 195, 205)
RECORD: RGB = (229, 72, 77)
CAUTION: RGB = (240, 178, 75)
AXES: tuple[tuple[str, RGB], ...] = (("X", (235, 95, 95)), ("Y", (120, 205, 100)), ("Z", (105, 150, 250)))
