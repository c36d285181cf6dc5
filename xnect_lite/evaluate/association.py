"""How well the limb fields tell whose joint is whose, given where all joints truly are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from xnect_lite.config import GroupingConfig
from xnect_lite.stages.grouping.peaks import LIMB_A, LIMB_B, Peaks, score_limbs
from xnect_lite.types import Maps


@dataclass
class LimbScore:
    """Counts limbs that the fields join to the right partner; crowded: of those where another person offers one too."""

    limbs: int = 0
    joined: int = 0
    crowded: int = 0
    crowded_joined: int = 0

    def add(self, maps: Maps, joints_px: np.ndarray, config: GroupingConfig) -> None:
        """Count one picture; joints_px (T, 24, 2) true joints in source pixels, NaN = unknown.

        A limb is joined if its field's score is above the grouping's threshold and no pairing of either of its joints
        with another person's scores higher.
        """
        if not len(joints_px):
            return
        joints_map = maps.to_cells(joints_px)
        xy = torch.from_numpy(np.nan_to_num(joints_map).swapaxes(0, 1)).to(maps.pafs)
        known = np.isfinite(joints_px[..., 0]).T  # (24, T)
        peaks = Peaks(xy, torch.from_numpy(known).to(maps.pafs))
        score = score_limbs(maps.pafs, peaks, config.limb_samples).cpu().numpy()  # (25, T, T)
        has_a, has_b = known[LIMB_A], known[LIMB_B]
        possible = has_a[:, :, None] & has_b[:, None]
        score = np.where(possible, score, -np.inf)
        own = np.einsum("ltt->lt", score)
        best = (own >= score.max(2)) & (own >= score.max(1))
        joined = (own > config.limb_threshold) & best
        whole = has_a & has_b
        crowded = whole & (possible.sum(2) + possible.sum(1) > 2)
        self.limbs += int(whole.sum())
        self.joined += int((joined & whole).sum())
        self.crowded += int(crowded.sum())
        self.crowded_joined += int((joined & crowded).sum())

    def figures(self) -> dict[str, float]:
        """limbs_joined, limbs_joined_crowded: shares; NaN where there was no such limb."""
        return {
            "limbs_joined": self.joined / self.limbs if self.limbs else np.nan,
            "limbs_joined_crowded": self.crowded_joined / self.crowded if self.crowded else np.nan,
        }
