"""People of the pipeline in the joints of a data set, those that XNECT24 lacks put where they lie on most people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xnect_lite.evaluate.predictions import Found, rounded
from xnect_lite.skeleton import COCO17, INDEX, LSP14, MPII16, MUPOTS17, JointMap
from xnect_lite.types import People

_EYE = 0.364, -0.081, 0.165
"""From the nose: shares of the way to the ear of its side, to the other ear, and of the way from mid-shoulders to mid-ears.
Least squares on MoveNet's joints of 4,594 people of the photo kit's training split: half of the eyes within 0.8 px, where they
lie 6.2 px from the nose."""
_NECK_OF_MPII, _NECK_OF_LSP = 0.11, 0.18
"""How far the neck's upper end lies from mid-shoulders to the head top: median of MPII's five published example people, and of
3,624 people of LSPET's training pictures."""


@dataclass(frozen=True)
class JointList:
    """A data set's joints. ``fill`` puts into (P, K, C) of them what it can of those that XNECT24 (P, 24, C) lacks."""

    joints: JointMap
    fill: Callable[[np.ndarray, np.ndarray], None] = lambda out, ours: None

    @property
    def names(self) -> tuple[str, ...]:
        """In the data set's order."""
        return self.joints.names

    def of(self, ours: np.ndarray) -> np.ndarray:
        """(P, 24, C) -> (P, K, C), float64, NaN = not found."""
        out = self.joints.from_xnect(np.asarray(ours, np.float64))
        self.fill(out, ours)
        return out

    def found(self, people: People, with_3d: bool) -> Found:
        """What the pipeline found, rounded as it is saved, so that a file scores the same.

        A joint that was filled in is as sure as the person, one that was not found not at all.
        """
        px = self.of(people.joints_px)
        sure = self.joints.from_xnect(people.joint_score[..., None].astype(np.float64))[..., 0]
        sure = np.where(np.isnan(sure), people.person_score[:, None], sure)
        cam = self.of(people.joints_cam_mm) if with_3d else None
        return rounded(Found.of(px, people.person_score.astype(np.float64), cam, np.where(np.isnan(px[..., 0]), 0.0, sure)))


def _eyes(out: np.ndarray, ours: np.ndarray) -> None:
    nose, right, left = (ours[:, INDEX[name]] for name in ("nose", "r_ear", "l_ear"))
    shoulders = (ours[:, INDEX["r_shoulder"]] + ours[:, INDEX["l_shoulder"]]) / 2
    up = (right + left) / 2 - shoulders
    near, far, along = _EYE
    for name, own, other in (("l_eye", left, right), ("r_eye", right, left)):
        out[:, COCO17.names.index(name)] = nose + near * (own - nose) + far * (other - nose) + along * up


def _upper_neck(index: int, share: float) -> Callable[[np.ndarray, np.ndarray], None]:
    def fill(out: np.ndarray, ours: np.ndarray) -> None:
        neck = ours[:, INDEX["neck"]]
        out[:, index] = neck + share * (ours[:, INDEX["head_top"]] - neck)

    return fill


COCO = JointList(COCO17, _eyes)
MPII = JointList(MPII16, _upper_neck(MPII16.names.index("upper_neck"), _NECK_OF_MPII))
LSP = JointList(LSP14, _upper_neck(LSP14.names.index("neck"), _NECK_OF_LSP))
MUPOTS = JointList(MUPOTS17)
