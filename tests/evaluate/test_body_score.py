"""Bodies against their truth, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from people import walking_person
from scipy.spatial.transform import Rotation

from xnect_lite.evaluate.body_score import BodyScore, aligned, knee_bend_deg
from xnect_lite.skeleton import INDEX, ROOT
from xnect_lite.stages.facing import facing


def body() -> np.ndarray:
    """(24, 3) in camera space, 4 m away."""
    joints_mm, root_cam_mm = walking_person(np.array([0.2]), start_cam_mm=(0, 4000))
    return joints_mm[0] + root_cam_mm[0]


def turned(joints: np.ndarray, degrees: float) -> np.ndarray:
    about = Rotation.from_euler("y", degrees, degrees=True)
    return about.apply(joints - joints[ROOT]) + joints[ROOT]


def scored(found: np.ndarray, truth: np.ndarray | None = None) -> dict[str, float]:
    score = BodyScore()
    score.add((body() if truth is None else truth)[None], found[None])
    return score.figures()


PERFECT = {"pa_mpjpe_mm": 0.0, "distance_mm": 0.0, "limbs": 1.0, "knee_deg": 0.0, "facing_deg": 0.0, "turned": 0.0}
AXIS = body()[ROOT] / np.linalg.norm(body()[ROOT])
CASES = [
    ("the truth itself", body(), {}),
    ("300 mm farther along the ray", body() + 300 * AXIS, {"distance_mm": 300.0}),
    ("twice as large where it is", 2 * (body() - body()[ROOT]) + body()[ROOT], {"limbs": 2.0}),
    ("turned by 30 degrees", turned(body(), 30), {"facing_deg": 30.0}),
    ("seen from behind, the chest a little bent each time", turned(body(), 180), {"facing_deg": 172.1, "turned": 1.0}),
]


@pytest.mark.parametrize(("case", "found", "figures"), CASES, ids=[c[0] for c in CASES])
def test_by_hand(case, found, figures):
    got = scored(found)
    assert {name: got[name] for name in PERFECT} == pytest.approx(PERFECT | figures, abs=0.2), case


def test_alignment_does_not_mirror():
    mirrored = body() * (-1, 1, 1)
    off = np.linalg.norm(aligned(mirrored, body()) - body(), axis=-1).mean()
    assert off > 30
    moved = 0.5 * turned(body(), 77) + (10, 20, 30)
    np.testing.assert_allclose(aligned(moved, body()), body(), atol=1e-6)


def bent(degrees: float) -> np.ndarray:
    """Hip over knee, and the shin turned back by so much."""
    joints = np.full((24, 3), np.nan)
    turn = np.radians(degrees)
    for side in "lr":
        joints[INDEX[f"{side}_hip"]], joints[INDEX[f"{side}_knee"]] = (0, 0, 0), (0, 400, 0)
        joints[INDEX[f"{side}_ankle"]] = (0, 400 + 400 * np.cos(turn), 400 * np.sin(turn))
    joints[ROOT] = 0, 0, 0
    return joints


@pytest.mark.parametrize("degrees", [0.0, 25.0, 90.0, 150.0])
def test_knees_by_hand(degrees):
    assert knee_bend_deg(bent(degrees)) == pytest.approx([degrees, degrees])


def test_straight_legs_found_bent():
    got = scored(bent(30), bent(5))
    assert got["straight_knee_deg"] == pytest.approx(30) and got["knee_deg"] == pytest.approx(25)
    assert np.isnan(scored(bent(30), bent(40))["straight_knee_deg"]), "nobody stands straight"


def test_chests_point_to_where_people_look():
    """Somebody who faces the camera: towards it, -z; arms and all may be unknown."""
    joints = np.full((24, 3), np.nan)
    joints[ROOT], joints[INDEX["neck"]] = (0, 0, 4000), (0, -500, 4000)
    joints[INDEX["l_shoulder"]], joints[INDEX["r_shoulder"]] = (180, -500, 4000), (-180, -500, 4000)
    way = facing(joints)
    np.testing.assert_allclose(way / np.linalg.norm(way), (0, 0, -1), atol=1e-12)


def test_only_joints_that_were_detected_count_in_the_picture():
    score, truth = BodyScore(), np.zeros((1, 24, 2))
    found, detected = truth + np.array([3.0, 4.0]), np.zeros((1, 24))
    found[0, 5:] += 1000
    detected[0, :5] = 0.5
    score.add_2d(truth, found, detected)
    assert score.figures()["error_px"] == pytest.approx(5.0)


def test_joints_that_nobody_knows_count_neither_way():
    truth = body()
    truth[INDEX["l_wrist"]] = np.nan
    got = scored(body() + np.where(np.arange(24) == INDEX["l_wrist"], 500.0, 0.0)[:, None], truth)
    assert got["pa_mpjpe_mm"] == pytest.approx(0, abs=1e-6) and np.isnan(got["limbs"])
    empty = BodyScore()
    empty.add(np.zeros((0, 24, 3)), np.zeros((0, 24, 3)))
    assert all(np.isnan(value) for value in empty.figures().values())
