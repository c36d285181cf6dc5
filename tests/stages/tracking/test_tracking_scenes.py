"""Identities in scenes of walking people who cross, hide one another, leave and come back."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
from people import walking_person

from xnect_lite.camera.pinhole import image_centre_px, project
from xnect_lite.capture import SyntheticSource
from xnect_lite.evaluate.identity import idf1, swaps
from xnect_lite.skeleton import INDEX, TORSO
from xnect_lite.stages.tracking.clothing import clothing, clothing_distance
from xnect_lite.stages.tracking.tracker import Tracker
from xnect_lite.types import People

WIDTH, HEIGHT = 1280, 720
LEGS = [INDEX[f"{s}_{n}"] for s in "rl" for n in ("hip", "knee", "ankle", "toe")]
NO_CLOTHES = None

# (start x mm, start z mm, facing degrees, m/s): +90 walks to the camera's right.
CROSSING = [(-2200, 4000, 90, 1.2), (2200, 4600, -90, 1.2)]
SIDE_BY_SIDE = [(-2200, 4000, 90, 1.3), (-2200, 4900, 90, 1.0), (2200, 4400, -90, 1.1)]
CROWD = [(-2600 + 900 * k, 3800 + 650 * k, 90 if k < 3 else -90, 0.8 + 0.15 * k) for k in range(6)]
MEETING = [(-300, 7000, 0, 1.0), (300, 3500, 180, 1.0), (-2000, 5000, 90, 0.9)]
BLACK = [[10.0, 130, 128], [9, 128, 130]]
RED, BLUE = [[40.0, 190, 170], [20, 128, 128]], [[40.0, 130, 60], [30, 140, 90]]  # shirt and trousers
SCENES = {"crossing": CROSSING, "side by side": SIDE_BY_SIDE, "crowd": CROWD, "meeting": MEETING}


class Scene:
    """Walkers as the pipeline sees them: 2D with noise, 3D with more; who is hidden is not seen."""

    def __init__(self, walkers, fps: float, *, missed: float = 0.0, noise_px: float = 2.0, seconds: float = 3.6, seed: int = 0):
        self.rng = np.random.default_rng(seed)
        self.t_s = np.arange(0, seconds, 1 / fps)
        poses = [
            walking_person(self.t_s, facing_deg=facing, start_cam_mm=(x, z), speed_m_s=speed, cadence_hz=0.8 + 0.05 * k)
            for k, (x, z, facing, speed) in enumerate(walkers)
        ]
        self.mm = np.stack([p[0] for p in poses], 1)  # (F, P, 24, 3)
        self.root = np.stack([p[1] for p in poses], 1)
        self.px = project(self.mm + self.root[:, :, None], float(WIDTH), image_centre_px(WIDTH, HEIGHT))
        self.missed, self.noise_px = missed, noise_px
        self.clothes = self.rng.uniform(40, 215, (len(walkers), 2, 3)) * (0.5, 1, 1)

    def visible(self, frame: int) -> np.ndarray:
        """(P,) bool: the trunk lies in the picture and is not for the most part behind that of somebody nearer."""
        px, z = self.px[frame], self.root[frame, :, 2]
        low, high = px[:, TORSO].min(1), px[:, TORSO].max(1)
        seen = (low > 0).all(1) & (high < (WIDTH, HEIGHT)).all(1) & (z > 1500)
        for p in range(len(px)):
            for q in np.flatnonzero(z < z[p]):
                shared = np.clip(np.minimum(high[p], high[q]) - np.maximum(low[p], low[q]), 0, None).prod()
                seen[p] &= shared < 0.6 * (high[p] - low[p]).prod()
        return seen & (self.rng.random(len(px)) >= self.missed)

    def people(self, frame: int, rows: np.ndarray) -> People:
        n = len(rows)
        px = self.px[frame, rows] + self.rng.normal(scale=self.noise_px, size=(n, 24, 2))
        mm = self.mm[frame, rows] + self.rng.normal(scale=40, size=(n, 24, 3))
        return dataclasses.replace(
            People.empty(n), joints_px=px.astype(np.float32), joint_score=np.full((n, 24), 0.7, np.float32),
            person_score=np.full(n, 0.8, np.float32), joints_mm=mm.astype(np.float32),
        )  # fmt: skip

    def play(self, tracker: Tracker, *, dressed: bool):
        """(truth, given, matches) as `idf1` takes them."""
        truth, given, matches = [], [], []
        for frame, t_s in enumerate(self.t_s):
            rows = self.rng.permutation(np.flatnonzero(self.visible(frame)))
            people = self.people(frame, rows)
            worn = self.clothes[rows] + self.rng.normal(scale=3, size=(len(rows), 2, 3)) if dressed else NO_CLOTHES
            got = tracker.update(people, t_s, worn)
            assert len(set(got.ids.tolist())) == len(got)
            where = {tuple(xy): int(r) for xy, r in zip(people.joints_px[:, 0].tolist(), rows, strict=True)}
            pairs = [(where[tuple(xy)], int(i)) for xy, i in zip(got.joints_px[:, 0].tolist(), got.ids, strict=True)]
            truth.append(rows.tolist())
            given.append(got.ids.tolist())
            matches.append(pairs)
        return truth, given, matches


# -- the measure -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("truth", "given", "score", "swapped"),
    [
        ([[1, 2]] * 4, [[7, 8]] * 4, 1.0, 0),  # other names, the same people
        ([[1, 2]] * 4, [[7, 8], [7, 8], [8, 7], [8, 7]], 0.5, 2),  # swapped half way
        ([[1]] * 4, [[7], [7], [7], [9]], 0.75, 1),  # a new name for the last quarter
        ([[1]] * 4, [[7], [7], [], []], 2 * 2 / (4 + 2), 0),  # lost for half of the time
        ([[1]] * 4, [[7, 8]] * 4, 2 * 4 / (4 + 8), 0),  # a ghost beside
        ([[]], [[]], 1.0, 0),
    ],
    ids=["renamed", "swapped", "broken", "lost", "ghost", "nobody"],
)
def test_idf1_by_hand(truth, given, score, swapped):
    matches = [list(zip(t, g, strict=False)) for t, g in zip(truth, given, strict=True)]
    assert idf1(truth, given, matches) == pytest.approx(score)
    assert swaps(matches) == swapped


# -- scenes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dressed", [True, False], ids=["dressed", "no colours"])
@pytest.mark.parametrize("fps", [30, 12])
@pytest.mark.parametrize("scene", SCENES)
def test_true_detections_keep_their_identities(scene, fps, dressed):
    truth, given, matches = Scene(SCENES[scene], fps).play(Tracker(), dressed=dressed)
    assert idf1(truth, given, matches) >= 0.97
    if scene == "crossing":
        assert swaps(matches) == 0


@pytest.mark.parametrize("seed", range(3))
def test_two_who_cross_are_never_swapped_though_a_third_of_the_detections_is_missed(seed):
    for fps in (30, 15):
        truth, given, matches = Scene(CROSSING, fps, missed=0.33, noise_px=4, seed=seed).play(Tracker(), dressed=True)
        assert swaps(matches) == 0
        assert idf1(truth, given, matches) >= 0.97


def test_clothes_tell_apart_who_comes_out_of_a_clinch():
    """Two meet on one spot for a second and go back to where they came from; one of them is hidden meanwhile."""
    rng, tracker, matches = np.random.default_rng(1), Tracker(), []
    colours = np.array([RED, BLUE])
    scene = Scene([(0, 4000, 90, 0.0), (0, 4000, 90, 0.0)], 30, seconds=4)
    for frame, t_s in enumerate(scene.t_s):
        gap_px = 170 * max(0.0, abs(t_s - 2.0) - 0.5)
        rows = np.array([0, 1]) if gap_px > 25 else np.array([0])
        people = scene.people(frame, rows)
        people.joints_px[:] += np.array([[[-gap_px, 0]], [[gap_px, 0]]], np.float32)[rows]
        worn = colours[rows] + rng.normal(scale=2, size=(len(rows), 2, 3)) + (0 if gap_px > 40 else np.nan)
        ids = tracker.update(people, t_s, worn).ids
        if gap_px > 60:
            matches.append([(int(r), int(i)) for r, i in zip(rows, ids, strict=True)])
    assert swaps(matches) == 0


@pytest.mark.parametrize(
    ("worn_then", "absent_s", "worn_now", "beside", "known"),
    [
        (RED, 10, RED, None, True),  # back after ten seconds
        (RED, 10, BLUE, None, False),  # somebody else
        (RED, 100, RED, None, False),  # too long ago
        (RED, 10, RED, RED, False),  # a team: nobody can tell
        (RED, 10, RED, BLUE, True),
        (BLACK, 10, BLACK, None, False),  # many wear that
        (RED, 10, [[40.0, 190, 170], [np.nan] * 3], None, False),  # half hidden: not sure enough
    ],
    ids=["same clothes", "other clothes", "forgotten", "a team", "somebody else beside", "black", "half hidden"],
)
def test_who_comes_back_is_known_by_clothes(worn_then, absent_s, worn_now, beside, known):
    tracker, scene = Tracker(), Scene([(-1500, 4000, 90, 0.0), (1500, 4000, 90, 0.0)], 30, seconds=0.2)
    first = [0] if beside is None else [0, 1]
    for t_s in (0.0, 0.1):
        tracker.update(scene.people(0, np.array(first)), t_s, np.array([worn_then, beside][: len(first)], float))
    t_s = 0.1
    while t_s < absent_s:  # only the one beside is in view
        rest = np.array(first[1:], int)
        tracker.update(scene.people(0, rest), t_s, np.array([beside] if len(rest) else [], float).reshape(-1, 2, 3))
        t_s += 0.5
    people = scene.people(1, np.array(first))
    people.joints_px[0] += (500, 0)  # not where he was
    ids = tracker.update(people, t_s, np.array([worn_now, beside][: len(first)], float)).ids
    assert ids[0] == (1 if known else len(first) + 1)


def test_ids_stay_unique_whatever_comes():
    rng, tracker = np.random.default_rng(3), Tracker()
    for k in range(120):
        n = int(rng.integers(0, 7))
        px = rng.uniform(0, 1000, (n, 1, 2)) + rng.normal(scale=60, size=(n, 24, 2))
        px[rng.random((n, 24)) < 0.3] = np.nan
        people = dataclasses.replace(
            People.empty(n), joints_px=px.astype(np.float32), person_score=rng.random(n).astype(np.float32)
        )
        worn = np.where(rng.random((n, 1, 1)) < 0.3, np.nan, rng.uniform(0, 255, (n, 2, 3)))
        ids = tracker.update(people, 0.3 * k * rng.uniform(0.9, 1), worn).ids.tolist()
        assert len(set(ids)) == len(ids) and all(i > 0 for i in ids)


# -- colours ---------------------------------------------------------------------------------------------------------


def _drawn(people: int, t_s: float) -> tuple[np.ndarray, People]:
    source = SyntheticSource(people, t_s)
    joints = source.joints_cam_m(t_s)
    px = joints[..., :2] / joints[..., 2:] * 960 + (479.5, 269.5)
    return source.read().image, dataclasses.replace(People.empty(people), joints_px=px.astype(np.float32))


def test_clothing_is_what_is_drawn():
    image, people = _drawn(2, 1.0)
    worn = clothing(image, people)
    shirts = cv2.cvtColor(np.uint8([[(180, 40, 40), (40, 90, 180)]]), cv2.COLOR_RGB2Lab)[0] * (0.5, 1, 1)
    np.testing.assert_allclose(worn[:, 0], shirts, atol=12)
    away = clothing_distance(worn, worn)
    assert away[0, 0] == away[1, 1] == 0 and away[0, 1] > 0.5


def test_clothing_stays_the_same_while_people_walk_and_is_unknown_while_they_overlap():
    first = clothing(*_drawn(2, 1.0))
    away = np.array([np.diag(clothing_distance(clothing(*_drawn(2, t)), first)) for t in np.arange(0, 9.9, 0.3)])
    assert np.isnan(away).sum() >= 4
    assert np.nanmean(away) < 0.1 and (away < 0.3).sum() > 0.9 * np.isfinite(away).sum()  # an arm may cross the trunk


@pytest.mark.parametrize(
    "xy", [(-500.0, 100.0), (5000.0, 100.0), (np.nan, np.nan)], ids=["left of it", "right of it", "nowhere"]
)
def test_clothing_outside_the_picture_is_unknown(xy):
    image, people = _drawn(1, 1.0)
    people.joints_px[:] += np.array(xy, np.float32) - people.joints_px[:, :1]
    assert np.isnan(clothing(image, people)).all()
    assert clothing(image, People.empty(0)).shape == (0, 2, 3)
