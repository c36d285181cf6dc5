"""How good a take is against the truth of the clip it was made of: in the picture, in space, over time."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from xnect_lite.evaluate.body_score import BodyScore
from xnect_lite.evaluate.identity import IdentityScore, matched_frames
from xnect_lite.evaluate.keypoints import KeypointScore
from xnect_lite.evaluate.photos import inside_picture
from xnect_lite.evaluate.steadiness import Steadiness, steadiness
from xnect_lite.record.take_folder import Take
from xnect_lite.skeleton import ROOT

if TYPE_CHECKING:
    from xnect_lite.synth.truth import Truth

_STEADY = ("root_jitter_mm_s2", "joint_jitter_mm_s2", "foot_slide_mm_s")


@dataclasses.dataclass
class ClipScore:
    """Adds up takes."""

    keypoints: KeypointScore = dataclasses.field(default_factory=KeypointScore)
    identity: IdentityScore = dataclasses.field(default_factory=IdentityScore)
    body: BodyScore = dataclasses.field(default_factory=BodyScore)
    root_mm: list[float] = dataclasses.field(default_factory=list)
    steady: list[Steadiness] = dataclasses.field(default_factory=list)
    people: int = 0
    found: int = 0

    def add(self, take: Take, truths: Sequence[Truth]) -> None:
        """Count a take, whose frame i is ``truths[i]``. People of whom too little shows count neither way."""
        self.identity.add(take, truths)
        rows_of_people, pixels = [], []
        for index, rows, whose in matched_frames(take, truths):
            truth = truths[index]
            self._add_ap(take.rows(rows), truth, whose)
            sure = truth.labelled
            known = np.isfinite(truth.joints_cam_mm).all(-1)
            self.keypoints.add_missed_3d(known[sure & (whose < 0)])
            people = np.flatnonzero(sure & (whose >= 0))
            found = rows[whose[people]]
            cam = truth.joints_cam_mm[people].astype(np.float64)
            self.keypoints.add_3d(cam - cam[:, [ROOT]], take.joints_mm[found].astype(np.float64), known[people])
            self.body.add(cam, take.joints_mm[found].astype(np.float64) + take.root_cam_mm[found][:, None].astype(np.float64))
            self.body.add_2d(truth.joints_px[people], take.joints_px[found], take.joint_score[found])
            self.root_mm += np.linalg.norm(take.root_cam_mm[found] - cam[:, ROOT], axis=-1).tolist()
            self.people, self.found = self.people + int(sure.sum()), self.found + len(people)
            rows_of_people += list(zip(found.tolist(), (people + 1).tolist(), strict=True))
            pixels += list(truth.joints_px[people])
        if rows_of_people:
            rows, ids = np.array(rows_of_people).T
            # Under the names and with the pixels of the truth: it says whose motion this is and when a foot stands.
            moved = dataclasses.replace(take.rows(rows), id=ids, joints_px=np.array(pixels))
            self.steady += [steadiness(moved, identity) for identity in np.unique(ids).tolist()]

    def _add_ap(self, found: Take, truth: Truth, whose: np.ndarray) -> None:
        shows = inside_picture(truth.joints_px, truth.ident.shape[::-1]) & truth.labelled[:, None]
        unsure = np.zeros(len(found.id), bool)
        unsure[whose[(whose >= 0) & ~truth.labelled]] = True
        label_px = np.where(shows[..., None], truth.joints_px, np.nan)[truth.labelled]
        self.keypoints.add_ap(label_px, found.joints_px, found.person_score, unsure)

    def figures(self) -> dict[str, float]:
        """Every figure by name, NaN where there was nothing to measure.

        ap            keypoint AP; where joints are not detected but inferred they count as well
        found         share of the true people found
        pck3d_150     share of root-relative joints within 150 mm, of everybody there: people missed are wrong
        mpjpe_mm      mean error of these joints, of the people found
        root_mm       mean error of the pelvis in camera space, of the people found
        pa_mpjpe_mm, distance_mm, limbs, knee_deg, straight_knee_deg, facing_deg, turned, error_px   of bodies, see `BodyScore`
        idf1, swaps   of identities; NaN if none were given
        root_jitter_mm_s2, joint_jitter_mm_s2, foot_slide_mm_s   see `steadiness`, of the people found under their true names;
                      the truth says when a foot stands
        """
        keypoints, identity = self.keypoints.figures(exact=True), self.identity.figures()
        named = any(self.identity.given)
        return {
            "ap": keypoints["ap"],
            "found": self.found / self.people if self.people else np.nan,
            "pck3d_150": keypoints["pck3d_150"],
            "mpjpe_mm": keypoints["mpjpe_mm"],
            "root_mm": float(np.nanmean(self.root_mm)) if np.isfinite(self.root_mm).any() else np.nan,
            **self.body.figures(),
            "idf1": identity["idf1"] if named else np.nan,
            "swaps": float(identity["swaps"]) if named else np.nan,
            **{name: self._mean_of(name) for name in _STEADY},
        }

    def _mean_of(self, name: str) -> float:
        """Mean of one of the figures of `Steadiness`, by the frames somebody was found in."""
        values, frames = (np.array([getattr(one, key) for one in self.steady], float) for key in (name, "frames"))
        known = np.isfinite(values)
        return float(np.average(values[known], weights=frames[known])) if known.any() else np.nan
