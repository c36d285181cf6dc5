"""Contact sheets of labelled samples, for a person to see whether a data set was read rightly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from xnect_lite.data.sample import Sample
from xnect_lite.errors import XnectError
from xnect_lite.record.painting import draw_overlay
from xnect_lite.types import People

TILE_PX = 360
_CAPTION_PX = 22
_BACK, _INK, _IGNORE = 24, (235, 235, 235), (255, 80, 80)


def save_label_sheet(path: Path, samples: Sequence[Sample], columns: int = 4) -> None:
    """Write one tile per sample: its picture, everyone's labelled joints, ignore boxes crossed out, where it comes from.

    Joints that are labelled but hidden are drawn thin. Raises XnectError if there is nothing to show or the file cannot
    be written.
    """
    if not samples:
        raise XnectError(str(path), "there is no sample to show", "Run xnect-lite data check to see why")
    tiles = [_tile(sample) for sample in samples]
    rows = [_row(tiles[i : i + columns], min(columns, len(tiles))) for i in range(0, len(tiles), columns)]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        written = cv2.imwrite(str(path), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))
    except cv2.error:
        written = False
    if not written:
        raise XnectError(str(path), "cannot be written", "Choose a .jpg or .png file in a folder you may write to")


def _row(tiles: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Tiles side by side, as high as the highest, filled up to so many columns."""
    height = max(len(tile) for tile in tiles)
    out = np.full((height, columns * TILE_PX, 3), _BACK, np.uint8)
    for i, tile in enumerate(tiles):
        out[: len(tile), i * TILE_PX : (i + 1) * TILE_PX] = tile
    return out


def _tile(sample: Sample) -> np.ndarray:
    """(height + caption, TILE_PX, 3). The picture is resized first, so that strokes are as wide on every tile."""
    image = sample.read_image()
    scale = TILE_PX / max(image.shape[:2])
    width, height = (max(1, round(side * scale)) for side in image.shape[1::-1])
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    for x0, y0, x1, y1 in (sample.ignore_xyxy * scale).round().astype(int).tolist():
        cv2.rectangle(image, (x0, y0), (x1, y1), _IGNORE, 1, cv2.LINE_AA)
        cv2.line(image, (x0, y0), (x1, y1), _IGNORE, 1, cv2.LINE_AA)
        cv2.line(image, (x0, y1), (x1, y0), _IGNORE, 1, cv2.LINE_AA)
    labels = sample.people
    people = replace(
        People.empty(len(labels)),
        joints_px=np.where(labels.weight_2d[..., None] > 0, (labels.joints_px + 0.5) * scale - 0.5, np.nan),
        joint_score=labels.visible.astype(np.float32),
        ids=np.arange(1, len(labels) + 1),
    )
    out = np.full((height + _CAPTION_PX, TILE_PX, 3), _BACK, np.uint8)
    out[:height, :width] = draw_overlay(image, people, ids=False)
    text = f"{sample.provenance}{' 3D' if labels.weight_3d.any() else ''}"
    cv2.putText(out, text, (4, height + 15), cv2.FONT_HERSHEY_SIMPLEX, 0.4, _INK, 1, cv2.LINE_AA)
    return out
