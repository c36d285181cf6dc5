"""What makes people hard to find, each with figures of its own: cut by the picture's border, small, seen from behind."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from xnect_lite.skeleton import INDEX, LIMB_JOINTS_12, TORSO

SMALL_NET_PX = 100.0
_LEGS = np.array([INDEX[f"{side}_{joint}"] for side in "rl" for joint in ("knee", "ankle")])
_BORDER_SHARE = 0.1  # of the picture's height: so near its lower border the last joint that shows lies
_LEAST_WIDTH = 0.25  # shoulders as far apart in the picture, in torso lengths, are not seen from the side

Conditions = dict[str, np.ndarray]
"""Name -> (T,) bool, which of a picture's labelled people it holds for."""


def conditions(label_px: np.ndarray, size: tuple[int, int], height_net_px: np.ndarray) -> Conditions:
    """Of labelled people (T, 24, 2), NaN = unknown, in a picture of ``size``, (T,) ``height_net_px`` tall (0 = unknown).

    cut_by_border: the picture ends above the knees. small: less than 100 network px tall. from_behind: upright, and the right
    shoulder and hip are on the picture's right.
    """
    xy = np.asarray(label_px, float).reshape(-1, label_px.shape[-2], 2)
    with np.errstate(invalid="ignore"):
        inside = np.all((xy > -0.5) & (xy < np.array(size) - 0.5), axis=-1)
    bottom = np.where(inside, xy[..., 1], -np.inf).max(-1)
    at_border = size[1] - 1 - bottom < _BORDER_SHARE * size[1]
    cut = ~inside[:, _LEGS].any(-1) & inside[:, TORSO[:2]].any(-1) & at_border
    small = (height_net_px > 0) & (height_net_px < SMALL_NET_PX)
    return {"cut_by_border": cut, "small": small, "from_behind": _from_behind(xy)}


def _from_behind(xy: np.ndarray) -> np.ndarray:
    r_shoulder, l_shoulder, r_hip, l_hip = (xy[:, j] for j in TORSO)
    down = (r_hip + l_hip - r_shoulder - l_shoulder) / 2
    torso = np.linalg.norm(down, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        upright = down[:, 1] > 0.7 * torso
        shoulders, hips = (l_shoulder - r_shoulder)[:, 0] / torso, (l_hip - r_hip)[:, 0] / torso
        return upright & (shoulders < -_LEAST_WIDTH) & (hips < 0)


@dataclass
class ConditionScore:
    """Adds up people under each condition."""

    people: dict[str, list[tuple[float, np.ndarray]]] = field(default_factory=dict)

    def add(self, where: Conditions, oks: np.ndarray, hits: np.ndarray) -> None:
        """Count a picture's people: oks (T,) with whom was found in their place, hits (T, 12) as in PCK, NaN = not labelled."""
        for name, holds in where.items():
            self.people.setdefault(name, []).extend((float(oks[t]), hits[t]) for t in np.flatnonzero(holds))

    def figures(self) -> dict[str, dict[str, float]]:
        """Condition -> people, found (share at OKS >= .5), and pck of the pck_people who carry human joints."""
        out = {}
        for name, rows in self.people.items():
            hits = np.array([hit for _, hit in rows]).reshape(-1, len(LIMB_JOINTS_12))
            out[name] = {
                "people": float(len(rows)),
                "found": float(np.mean([oks >= 0.5 for oks, _ in rows])) if rows else np.nan,
                "pck": float(np.nanmean(hits)) if np.isfinite(hits).any() else np.nan,
                "pck_people": float(np.isfinite(hits).any(1).sum()),
            }
        return out
