"""A picture of fabrics: cells by layer and scale, inputs as thick as they weigh, operators as bars."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from xnect_lite.models.fabric.describe import CellWeights, FabricWeights

_CELL, _GAP, _TOP, _BAR = (150, 96), (110, 40), 46, 13  # pixels: of a cell, between cells, above a fabric, of an operator's bar
_INK, _FAINT, _LINK, _OP = (40, 40, 40), (190, 190, 190), (176, 112, 32), (64, 150, 224)  # RGB is not asked for: BGR
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw(fabrics: Sequence[FabricWeights]) -> np.ndarray:
    """(H, W, 3) uint8 RGB: one fabric below the other, layers from left to right, scales from finest to coarsest."""
    rows = [_fabric(fabric) for fabric in fabrics]
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    return np.ascontiguousarray(np.concatenate(padded)[..., ::-1])


def _fabric(fabric: FabricWeights) -> np.ndarray:
    layers = [cell.plan.layer for cell in fabric.cells]
    first, scales = min(layers), 1 + max(max(cell.plan.scale, *(s for s, _ in cell.inputs)) for cell in fabric.cells)
    operators = max(len(edge) for cell in fabric.cells for edge in cell.operators)
    edges = max(len(cell.operators) for cell in fabric.cells)
    height = max(_CELL[1], 24 + _BAR * operators * edges)
    step = (_CELL[0] + _GAP[0], height + _GAP[1])
    canvas = np.full((_TOP + scales * step[1], (2 + max(layers) - first) * step[0], 3), 255, np.uint8)
    _text(canvas, fabric.part, (12, 26), 0.7)

    def corner(layer: int, scale: int) -> tuple[int, int]:
        return 20 + (1 + layer - first) * step[0], _TOP + scale * step[1]

    for cell in fabric.cells:
        for k, (source, weight) in enumerate(cell.inputs):
            x0, y0 = corner(cell.plan.layer - 1, source)
            x1, y1 = corner(cell.plan.layer, cell.plan.scale)
            if weight is not None:  # three inputs of one cell enter a little apart, so that two of one source are two lines
                start, end = (x0 + _CELL[0], y0 + height // 2 + 10 * (k - 1)), (x1, y1 + height // 2 + 10 * (k - 1))
                cv2.line(canvas, start, end, _LINK, max(1, round(10 * weight)), cv2.LINE_AA)
    for source in {s for cell in fabric.cells if cell.plan.layer == first for s, w in cell.inputs if w is not None}:
        x, y = corner(first - 1, source)
        cv2.rectangle(canvas, (x + _CELL[0] - 60, y), (x + _CELL[0], y + height), _FAINT, -1)
        _text(canvas, f"map {source}", (x + _CELL[0] - 56, y + height // 2), 0.4)
    for cell in fabric.cells:
        _cell(canvas, cell, corner(cell.plan.layer, cell.plan.scale), height)
    return canvas


def _cell(canvas: np.ndarray, cell: CellWeights, corner: tuple[int, int], height: int) -> None:
    x, y = corner
    cv2.rectangle(canvas, (x, y), (x + _CELL[0], y + height), (255, 255, 255), -1)
    cv2.rectangle(canvas, (x, y), (x + _CELL[0], y + height), _INK, 1)
    _text(canvas, cell.plan.name, (x + 5, y + 15), 0.42)
    for row, (name, weight) in enumerate(entry for edge in cell.operators for entry in edge):
        top = y + 22 + _BAR * row
        if weight is not None:
            cv2.rectangle(canvas, (x + 4, top), (x + 4 + round((_CELL[0] - 8) * weight), top + _BAR - 3), _OP, -1)
        _text(canvas, f"{name} {'-' if weight is None else f'{weight:.2f}'}", (x + 6, top + _BAR - 4), 0.33)


def _text(canvas: np.ndarray, text: str, place: tuple[int, int], size: float) -> None:
    cv2.putText(canvas, text, place, _FONT, size, _INK, 1, cv2.LINE_AA)
