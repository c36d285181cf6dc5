"""Score a network on labelled photographs or renders in one pass over whole pictures, as the app would see them."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from xnect_lite.camera.intrinsics import camera_for
from xnect_lite.camera.pinhole import default_focal_px, image_centre_px, ray_rotation
from xnect_lite.config import CameraConfig
from xnect_lite.data.sample import Sample
from xnect_lite.evaluate.conditions import conditions
from xnect_lite.evaluate.keypoints import KeypointScore, extent, match
from xnect_lite.progress import progress_bar
from xnect_lite.skeleton import CANONICAL_STATURE_M, ROOT
from xnect_lite.stages.detector import Detector
from xnect_lite.stages.lifting.lift import Lift, lift_people, read_out
from xnect_lite.types import Frame


def score_photos(
    detector: Detector,
    samples: Iterable[Sample],
    progress: bool = False,
    lift: Lift = read_out,
    grey: bool = False,
) -> KeypointScore:
    """Run detector and lifting on every sample and add up the figures.

    2D is scored on the joints that were detected, not on those that lifting infers. 3D truth here is a teacher's, of the
    canonical body, in viewing-ray axes at the labelled pelvis.

    Args:
        detector: what finds people in 2D.
        samples: labelled pictures.
        progress: show a bar on standard error.
        lift: what makes 3D of people in 2D.
        grey: the pictures are shown without colour.
    """
    score = KeypointScore()
    for sample in progress_bar(list(samples), desc="evaluating", unit="image", disable=not progress):
        image = sample.read_image()
        frame = Frame(without_colour(image) if grey else image, 0.0, 0)
        detected, maps = detector(frame)
        people = lift_people(detected, camera_for(frame.size, CameraConfig()), CANONICAL_STATURE_M, lift)
        labels = sample.people
        known = np.where(labels.weight_2d[..., None] > 0, labels.joints_px, np.nan)
        hits = score.add_pck(labels.human_px, known, detected.joints_px)
        in_ignored = _mostly_inside(people.joints_px, sample.ignore_xyxy)
        oks = score.add_recall(known, detected.joints_px, maps.letterbox.scale, in_ignored)
        score.conditions.add(conditions(known, sample.size, extent(known)[:, 1] * maps.letterbox.scale), oks, hits)
        shown = np.where(inside_picture(known, sample.size)[..., None], known, np.nan)
        score.add_ap(shown, detected.joints_px, detected.person_score, _mostly_inside(detected.joints_px, sample.ignore_xyxy))
        score.limbs.add(maps, shown, detector.grouping)
        partner = match(known, people.joints_px)
        has_3d = (labels.weight_3d > 0).any(1) & np.isfinite(known[:, ROOT, 0])
        score.add_missed_3d(labels.weight_3d[has_3d & (partner < 0)])
        rows = np.flatnonzero(has_3d & (partner >= 0))
        if len(rows):
            turn = ray_rotation(known[rows, ROOT], default_focal_px(*frame.size), image_centre_px(*frame.size))
            truth = np.einsum("pij,pkj->pki", turn, labels.joints_ray_mm[rows])
            score.add_3d(truth, people.joints_mm[partner[rows]], labels.weight_3d[rows])
    return score


def without_colour(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB in greys, as an old camera or one at night gives them."""
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def inside_picture(joints_px: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(..., 24) whether a joint is in the picture; labels may say where it is beyond the border."""
    with np.errstate(invalid="ignore"):
        return np.all((joints_px > -0.5) & (joints_px < np.array(size) - 0.5), axis=-1)


def _mostly_inside(joints_px: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(P,) whether most of a person's joints lie in one ignore box: such people are neither right nor wrong."""
    if not len(boxes) or not len(joints_px):
        return np.zeros(len(joints_px), bool)
    point = joints_px[:, None]
    inside = ((point >= boxes[None, :, None, :2]) & (point <= boxes[None, :, None, 2:])).all(-1)
    return (inside.mean(-1) > 0.5).any(1)
