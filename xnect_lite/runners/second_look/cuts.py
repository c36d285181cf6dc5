"""Cuts of an edited film: the picture changes at once, and nobody is where somebody was."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from xnect_lite.stages.filtering import torso_length_px

_SIZE = (32, 18)  # of a picture's summary
_CHANGE = 18.0  # mean difference of grey levels, of 255, from which a picture is another
_SUDDEN = 4.0  # times the usual difference between the frames around
_AROUND = 12  # frames on either side that say what is usual
_SAME_PLACE = 0.6  # torso lengths within which the middle of somebody stays from frame to frame


def summary(image: np.ndarray) -> np.ndarray:
    """(18, 32, 3) uint8 of a picture (H, W, 3): enough to tell two apart."""
    return cv2.resize(image, _SIZE, interpolation=cv2.INTER_AREA)


def find_cuts(summaries: Sequence[np.ndarray], people_px: Sequence[np.ndarray]) -> list[int]:
    """Numbers of the frames that begin a new shot, the first of all left out.

    ``summaries`` of every frame, and ``people_px``, the joints (P, 24, 2) of everybody in it, NaN = not found. A flash, or a
    lamp that is switched on, changes the picture and nobody's place: no cut.
    """
    if len(summaries) < 2:
        return []
    pictures = np.stack(summaries).astype(np.float32)
    change = np.abs(np.diff(pictures, axis=0)).mean((1, 2, 3))
    cuts = []
    for f in np.flatnonzero(change > _CHANGE).tolist():
        around = np.delete(change[max(0, f - _AROUND) : f + _AROUND + 1], min(f, _AROUND))
        usual = float(np.median(around)) if len(around) else 0.0
        if change[f] > _SUDDEN * usual and not _somebody_stays(people_px[f], people_px[f + 1]):
            cuts.append(f + 1)
    return cuts


def _somebody_stays(before_px: np.ndarray, after_px: np.ndarray) -> bool:
    if not len(before_px) or not len(after_px):
        return False
    with np.errstate(invalid="ignore"):
        middles = [np.nanmedian(joints, axis=1) for joints in (before_px, after_px)]
    size = torso_length_px(before_px)
    away = np.linalg.norm(middles[0][:, None] - middles[1][None], axis=-1) / size[:, None]
    larger = np.maximum(size[:, None], torso_length_px(after_px)[None]) / np.minimum(
        size[:, None], torso_length_px(after_px)[None]
    )
    return bool(((away < _SAME_PLACE) & (larger < 1.5)).any())
