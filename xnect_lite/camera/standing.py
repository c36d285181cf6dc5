"""Where fitted people stand, for whoever measures the floor or a height by it."""

from __future__ import annotations

import numpy as np

from xnect_lite.skeleton import TOES
from xnect_lite.types import People


def standing_toes(people: People) -> tuple[np.ndarray, np.ndarray]:
    """Toes (P, 2, 3), left and right, camera space, mm; and (P, 2) whether they stand on the floor, before the camera."""
    toes = people.joints_cam_mm[:, TOES].astype(np.float64)
    return toes, people.foot_stands & np.isfinite(toes).all(-1) & (toes[..., 2] > 0)
