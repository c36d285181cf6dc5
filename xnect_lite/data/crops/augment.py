"""What training does to crops: another size, turned, mirrored; as published for MPII, by default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from xnect_lite.data.crops.geometry import crop_matrix
from xnect_lite.files.values import PartShare, Range, Share


@dataclass(frozen=True)
class CropAugment:
    """Chances and sizes."""

    scale: PartShare = 0.25  # deviation of the box's size, cut off at one deviation
    rotation_deg: Annotated[float, Range(0, 90)] = 30.0  # deviation, cut off at two
    rotation_chance: Share = 0.6
    flip: Share = 0.5


def drawn_matrix(
    centre_px: np.ndarray, box_px: np.ndarray, size: tuple[int, int], augment: CropAugment, rng: np.random.Generator
) -> tuple[np.ndarray, bool]:
    """A crop's matrix (2, 3) as drawn, and whether it is mirrored."""
    factor = 1 + np.clip(augment.scale * rng.standard_normal(), -augment.scale, augment.scale)
    turned = rng.random() < augment.rotation_chance
    most = 2 * augment.rotation_deg
    angle = float(np.clip(augment.rotation_deg * rng.standard_normal(), -most, most))
    flip = bool(rng.random() < augment.flip)
    return crop_matrix(centre_px, factor * box_px, size, angle if turned else 0.0, flip), flip
