"""Feet that rest are held, feet that move are not: legs that reach, one frame after the other, and whole recordings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from xnect_lite.skeleton import BVH_NAMES, CANONICAL_BONE_M, INDEX
from xnect_lite.stages.fitting.feet import FEET, Feet, believed, resting, stands_on_ground
from xnect_lite.stages.fitting.feet_over_time import hold_feet_over_time
from xnect_lite.stages.fitting.legs import LEG_JOINTS, reach
from xnect_lite.stages.fitting.tree import NUM_TREE, TREE_INDEX, place_joints

UP = np.array([0.0, 1.0, 0.0])
LENGTHS = 1000 * CANONICAL_BONE_M
LEG_MM = LENGTHS[INDEX["l_knee"]] + LENGTHS[INDEX["l_ankle"]]
FPS = 30.0


def crouched(seed: int = 0, people: int = 4) -> np.ndarray:
    """(P, J, 3, 3) people with both knees bent and everything else turned a little."""
    rng = np.random.default_rng(seed)
    turns = Rotation.from_rotvec(0.2 * rng.normal(size=(people * NUM_TREE, 3))).as_matrix().reshape(people, NUM_TREE, 3, 3)
    for side in "lr":
        knee = Rotation.from_rotvec(np.outer(rng.uniform(0.5, 1.5, people), [1.0, 0.0, 0.0])).as_matrix()
        turns[:, TREE_INDEX[BVH_NAMES[f"{side}_knee"]]] = knee
    return turns


def feet_of(local: np.ndarray) -> np.ndarray:
    return place_joints(local, np.tile(LENGTHS, (len(local), 1)))[:, FEET]


@given(st.integers(0, 10**6), st.floats(0, 120))
@settings(max_examples=25, deadline=None)
def test_legs_reach_what_they_can_and_nothing_else_moves(seed, far_mm):
    rng = np.random.default_rng(seed)
    local, lengths = crouched(seed), np.tile(LENGTHS, (4, 1))
    before = place_joints(local, lengths)
    wanted = before[:, FEET] + far_mm * rng.uniform(-0.5, 0.5, (4, 2, 1, 3))  # the whole foot
    after = place_joints(reach(local, lengths, wanted), lengths)
    span = np.linalg.norm(wanted[:, :, 0] - before[:, LEG_JOINTS[:, 0]], axis=-1)
    near = span < 0.998 * LEG_MM
    off = np.linalg.norm(after[:, FEET] - wanted, axis=-1)
    assert off[near].max(initial=0.0) < 1e-6
    others = np.setdiff1d(np.arange(24), LEG_JOINTS[:, 1:])
    np.testing.assert_allclose(after[:, others], before[:, others], atol=1e-9)


def test_a_foot_out_of_reach_is_neared_as_far_as_the_leg_goes():
    local = crouched()
    wanted = feet_of(local) + np.array([0.0, -3000.0, 0.0])
    after = place_joints(reach(local, np.tile(LENGTHS, (4, 1)), wanted), np.tile(LENGTHS, (4, 1)))
    hip, ankle = after[:, LEG_JOINTS[:, 0]], after[:, LEG_JOINTS[:, 2]]
    np.testing.assert_allclose(np.linalg.norm(ankle - hip, axis=-1), 0.999 * LEG_MM, rtol=1e-6)
    direction = (wanted[:, :, 0] - hip) / np.linalg.norm(wanted[:, :, 0] - hip, axis=-1, keepdims=True)
    np.testing.assert_allclose((ankle - hip) / (0.999 * LEG_MM), direction, atol=1e-6)


@pytest.mark.parametrize(
    ("case", "speed_mm_s", "along_mm_s", "rests"),
    [
        ("still", 0.0, 0.0, 1.0),
        ("trembles", 200.0, 0.0, 1.0),
        ("between", 400.0, 0.0, 0.5),
        ("slides", 600.0, 0.0, 0.0),
        ("not known", np.inf, 0.0, 0.0),
        ("of somebody who comes nearer, stands", 80.0, 300.0, 1.0),
        ("of somebody who comes nearer, is carried along", 300.0, 300.0, 0.0),
        ("a body whose distance trembles", 100.0, 100.0, 1.0),
    ],
)
def test_how_surely_a_foot_rests(case, speed_mm_s, along_mm_s, rests):
    np.testing.assert_allclose(resting(np.array(speed_mm_s), np.array(along_mm_s)), rests, err_msg=case)


def test_what_is_held_too_far_off_is_let_go():
    np.testing.assert_allclose(believed(np.array([0.0, 200.0, 300.0, 400.0, 1e4])), [1, 1, 0.5, 0, 0])


def test_a_resting_foot_high_above_the_other_does_not_stand():
    place = np.zeros((2, 2, 3))
    place[1, :, 1] = 400.0
    assert stands_on_ground(np.ones((2, 2)), place, UP).tolist() == [True, False]


def seen_from(place_mm: np.ndarray, root_mm: np.ndarray) -> np.ndarray:
    """Viewing rays of points at the root's depth: what the picture says, whatever depth is."""
    return place_mm[..., :2] * (1.0, -1.0) / -root_mm[2]


def followed(depth_error_mm: np.ndarray, speed_mm_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Speed (F - 20,) of the held left ankle, and of the fitted one, of somebody whose picture moves sideways by so much while
    the fit's distance is wrong by ``depth_error_mm`` (F,)."""
    feet, held, fitted = Feet(), [], []
    for f, error in enumerate(depth_error_mm):
        root = np.array([speed_mm_s * f / FPS, 0.0, -4000.0])
        place = np.array([[[-100.0, -900, 0], [-100, -960, 120]], [[100, -900, 0], [100, -960, 120]]]) + root
        rays = seen_from(place, root)
        place = place - (0, 0, error)
        feet.update(place, rays, 4000.0, 1 / FPS, UP)
        held.append(place + feet.correction_mm)
        fitted.append(place)
    speeds = [np.linalg.norm(np.diff(np.array(p)[20:, 0, 0], axis=0), axis=-1) * FPS for p in (held, fitted)]
    return speeds[0], speeds[1]


def test_a_foot_that_rests_in_the_picture_rests_in_space_though_its_distance_trembles():
    held, fitted = followed(np.random.default_rng(1).normal(scale=40, size=90), speed_mm_s=0.0)
    assert fitted.mean() > 800 and held.mean() < 0.05 * fitted.mean()


def test_a_foot_that_slides_goes_with_the_fit():
    held, fitted = followed(np.zeros(90), speed_mm_s=900.0)
    np.testing.assert_allclose(held, fitted, rtol=1e-6)


def test_a_foot_is_let_go_once_it_stands_far_from_where_it_is_measured():
    """The fit walks half a metre away within a second, and the picture does not see it: the hold must not tear the leg off."""
    held, fitted = followed(np.clip(500.0 * (np.arange(90) - 30) / 30, 0, 500), speed_mm_s=0.0)
    off = np.cumsum(fitted - held) / FPS
    assert off.max() < 450.0


def recording(kind: str, frames: int = 90) -> dict[str, np.ndarray]:
    """Somebody who stands, or slides sideways, or stands, lifts the left foot at frame 45 and stands again; depth trembles."""
    rng = np.random.default_rng(2)
    local = np.repeat(crouched(3, 1), frames, 0)
    root = np.tile([0.0, 0.0, -4000.0], (frames, 1))
    if kind == "slides":
        root[:, 0] += 900.0 * np.arange(frames) / FPS
    joints = place_joints(local, np.tile(LENGTHS, (frames, 1))) + root[:, None]
    rays = joints[..., :2] * (1.0, -1.0) / -root[:, None, 2:]
    trembles = np.convolve(rng.normal(scale=60, size=frames), np.ones(5) / 5, "same")
    return {
        "local": local,
        "lengths_mm": np.tile(LENGTHS, (frames, 1)),
        "root_mm": root + np.outer(trembles, [0.0, 0.0, 1.0]),
        "rays": rays,
        "t_s": np.arange(frames) / FPS,
    }


def speed_of_feet(seen: dict[str, np.ndarray], local: np.ndarray, root: np.ndarray) -> np.ndarray:
    feet = (place_joints(local, seen["lengths_mm"]) + root[:, None])[:, FEET]
    return np.linalg.norm(np.diff(feet, axis=0), axis=-1).mean((1, 2)) * FPS


def test_feet_of_a_recording_rest_and_the_hips_are_no_less_calm():
    seen = recording("stands")
    local, root = hold_feet_over_time(**seen)
    before, after = speed_of_feet(seen, seen["local"], seen["root_mm"]), speed_of_feet(seen, local, root)
    assert before.mean() > 300 and after.mean() < 0.1 * before.mean()
    jitter = [np.linalg.norm(np.diff(r, 2, axis=0), axis=-1).mean() for r in (seen["root_mm"], root)]
    assert jitter[1] < 0.5 * jitter[0]


def test_feet_of_a_recording_that_slide_are_not_held():
    seen = recording("slides")
    local, root = hold_feet_over_time(**seen)
    feet = (place_joints(local, seen["lengths_mm"]) + root[:, None])[:, FEET]
    along = np.diff(feet[10:-10, ..., 0], axis=0) * FPS
    np.testing.assert_allclose(along.mean(), 900.0, rtol=0.02)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_the_shortest_recordings_are_gone_through(frames):
    seen = {name: values[:frames] for name, values in recording("stands").items()}
    local, root = hold_feet_over_time(**seen)
    assert np.isfinite(local).all() and np.isfinite(root).all() and len(root) == frames


def test_nothing_is_held_across_a_hole_in_time():
    """Two stands half a metre apart in depth, with three seconds between: each stays where it is."""
    seen = recording("stands", 60)
    seen["root_mm"] = np.tile([0.0, 0.0, -4000.0], (60, 1)) - np.outer(np.arange(60) >= 30, [0.0, 0.0, 500.0])
    seen["t_s"] = seen["t_s"] + 3.0 * (np.arange(60) >= 30)
    _, root = hold_feet_over_time(**seen)
    np.testing.assert_allclose(root, seen["root_mm"], atol=1.0)
