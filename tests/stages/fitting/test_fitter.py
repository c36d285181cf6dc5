"""Fitting over time: better than what it was given, constant bones, whoever comes and goes, whatever the numbers."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest
from fitting_scenes import CAMERA, FPS, jitter_mm_s2, observe, planted, root_relative_error_mm, seconds, together
from hypothesis import given, settings
from hypothesis import strategies as st
from people import random_mover, walking_person

from xnect_lite.config import FittingConfig
from xnect_lite.skeleton import CANONICAL_BONE_M, FLIP, INDEX, NUM_JOINTS, ROOT
from xnect_lite.stages.fitting.calibrate import Calibration, bone_lengths, estimate_lengths_mm, measured_lengths_mm, size_of
from xnect_lite.stages.fitting.fitter import Fitter
from xnect_lite.stages.fitting.tree import NUM_TREE, TREE_INDEX, UPRIGHT, place_joints, stature_of
from xnect_lite.types import People


def fit_all(frames: list[People], t_s: np.ndarray, config: FittingConfig | None = None, **options) -> list[People]:
    fitter = Fitter(config, **options)
    return [fitter.update(people, CAMERA, t) for people, t in zip(frames, t_s, strict=True)]


def over_time(frames: list[People], name: str) -> np.ndarray:
    """(F, ...) of the first person."""
    return np.stack([getattr(people, name)[0] for people in frames]).astype(float)


MOTIONS = [
    ("standing still", lambda t: tuple(np.repeat(a[:1], len(t), 0) for a in walking_person(t))),
    ("walking across", lambda t: planted(t, facing_deg=90, start_cam_mm=(-1500, 4500))),
    ("walking away", lambda t: planted(t, start_cam_mm=(0, 3500))),
    ("walking on the spot, turning round", lambda t: walking_person(t, facing_deg=90 * t)),
    ("moving anyhow", lambda t: random_mover(t, 2, swing_deg=40)),
]


@pytest.mark.parametrize(("case", "mover"), MOTIONS, ids=[m[0] for m in MOTIONS])
def test_fitted_motion_is_steadier_and_nearer_the_truth(case, mover):
    t_s = seconds(100)
    joints_mm, root_cam_mm = mover(t_s)
    seen = observe(joints_mm, root_cam_mm)
    fitted = fit_all(seen, t_s)
    settled = slice(70, None)  # the skeleton is calibrated by then
    error = [root_relative_error_mm(over_time(f, "joints_mm")[settled], joints_mm[settled]) for f in (seen, fitted)]
    jitter = [jitter_mm_s2(over_time(f, "root_cam_mm")[settled], t_s) for f in (seen, fitted)]
    assert error[1] < error[0], case
    assert jitter[1] < 0.5 * jitter[0], case


def test_bones_are_constant_once_calibrated_and_as_long_as_the_stature_says():
    t_s = seconds(120)
    fitted = fit_all(observe(*random_mover(t_s, 5, swing_deg=40)), t_s, stature_m=lambda _: 1.87)
    lengths = bone_lengths(over_time(fitted, "joints_mm"))[70:]
    assert (lengths.std(0) <= 1e-6 * np.maximum(lengths.mean(0), 1.0)).all()
    np.testing.assert_allclose(lengths.mean(0), fitted[-1].bone_lengths_mm[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(lengths.mean(0), lengths.mean(0)[FLIP], rtol=1e-5)
    assert stature_of(lengths.mean(0)) == pytest.approx(1870, rel=1e-5)


def test_bones_read_too_flat_do_not_move_people_away():
    """Of what points along the line of sight 40 % is lost, and with it length: the picture says the same as before."""
    t_s = seconds(60)
    joints_mm, root_cam_mm = planted(t_s, facing_deg=30, start_cam_mm=(0, 4000))
    seen = observe(joints_mm, root_cam_mm, noise_mm=0.0, noise_px=0.0)
    for people in seen:
        people.joints_mm[..., 2] *= 0.6
    fitted = fit_all(seen, t_s)
    away = over_time(fitted, "root_cam_mm")[:, 2] / root_cam_mm[:, 2]
    assert abs(away.mean() - 1) < 0.012


def test_who_glides_towards_the_camera_is_not_trailed_where_feet_are_free():
    """At 1.5 m/s a lag of one frame would be 50 mm. Feet that come nearer and never step look like feet that stand."""
    t_s = seconds(90)
    joints_mm, root_cam_mm = (np.repeat(a[:1], 90, 0) for a in walking_person(t_s))
    root_cam_mm = root_cam_mm + np.outer(t_s, (0.0, 0.0, -1500.0)) + (0.0, 0.0, 3000.0)
    fitted = fit_all(observe(joints_mm, root_cam_mm, noise_mm=30.0, noise_px=3.0), t_s, FittingConfig(foot_lock=False))
    behind = over_time(fitted, "root_cam_mm")[30:, 2] - root_cam_mm[30:, 2]
    assert abs(behind.mean()) < 25


@pytest.mark.parametrize("facing_deg", [180, 135], ids=["towards the camera", "aslant"])
def test_feet_that_are_held_do_not_keep_back_who_steps_towards_the_camera(facing_deg):
    """Carried along by their lower toes, walkers of `planted` go backwards."""
    t_s = seconds(120)
    joints_mm, root_cam_mm = planted(t_s, facing_deg=facing_deg, start_cam_mm=(0.0, 5500.0), cadence_hz=0.7)
    assert root_cam_mm[0, 2] - root_cam_mm[-1, 2] > 1800
    seen = observe(joints_mm, root_cam_mm, noise_mm=30.0, noise_px=3.0)
    off = {
        held: np.linalg.norm(over_time(fit_all(seen, t_s, FittingConfig(foot_lock=held)), "root_cam_mm") - root_cam_mm, axis=1)[
            30:
        ]
        for held in (False, True)
    }
    assert off[True].mean() < 1.4 * off[False].mean() and off[True].max() < 400


def test_somebody_lifted_for_another_stature_stands_where_the_true_one_puts_them():
    """Lifting took a child of 0.85 m for 1.70 m, and so twice as far away."""
    t_s = seconds(20)
    joints_mm, root_cam_mm = walking_person(t_s, start_cam_mm=(300, 4000))
    seen = observe(joints_mm, root_cam_mm, noise_mm=0.0, noise_px=0.0)
    fitted = fit_all(seen, t_s, stature_m=lambda _: 0.85, lifted_stature_m=1.70)
    np.testing.assert_allclose(over_time(fitted, "root_cam_mm"), root_cam_mm / 2, rtol=0.03, atol=30)


def test_rotations_give_the_joints_back():
    t_s = seconds(30)
    for people in fit_all(observe(*walking_person(t_s)), t_s):
        placed = place_joints(people.rotations[0].astype(float), people.bone_lengths_mm[0].astype(float)) * UPRIGHT
        assert np.abs(placed - people.joints_mm[0]).max() < 0.01
        product = people.rotations[0] @ np.swapaxes(people.rotations[0], 1, 2)
        np.testing.assert_allclose(product, np.tile(np.eye(3), (NUM_TREE, 1, 1)), atol=1e-5)


def test_knees_and_elbows_bend_the_right_way_even_if_they_are_seen_bent_backwards():
    t_s = seconds(30)
    joints_mm, root_cam_mm = walking_person(t_s)
    knee, hip = joints_mm[:, INDEX["l_knee"]], joints_mm[:, INDEX["l_hip"]]
    for name in ("l_ankle", "l_toe"):  # mirrored at the thigh: bent by as much, forwards
        away = joints_mm[:, INDEX[name]] - knee
        along = (knee - hip) / np.linalg.norm(knee - hip, axis=1, keepdims=True)
        joints_mm[:, INDEX[name]] = knee + 2 * (away * along).sum(1, keepdims=True) * along - away
    fitted = fit_all(observe(joints_mm, root_cam_mm, noise_mm=5.0), t_s)
    turn = over_time(fitted, "rotations")[10:, TREE_INDEX["LeftLeg"]]
    bend_deg = np.degrees(np.arctan2(turn[:, 2, 1], turn[:, 1, 1]))  # about x alone
    assert bend_deg.min() > -6


def test_looseness_is_the_opposite_of_smoothing():
    t_s = seconds(60)
    still = tuple(np.repeat(a[:1], 60, 0) for a in walking_person(t_s))
    jitter = []
    for looseness in (0.1, 1.0, np.inf):
        fitted = fit_all(observe(*still), t_s, looseness=looseness)
        jitter.append(jitter_mm_s2(over_time(fitted, "joints_mm")[10:], t_s))
    assert jitter[0] < 0.5 * jitter[1] < 0.25 * jitter[2] < np.inf


def test_foot_lock_makes_standing_feet_slide_less():
    t_s = seconds(150)
    still = tuple(np.repeat(a[:1], 150, 0) for a in walking_person(t_s))
    slides = {}
    for lock in (False, True):
        fitted = fit_all(observe(*still), t_s, FittingConfig(foot_lock=lock))
        toes = (over_time(fitted, "joints_mm") + over_time(fitted, "root_cam_mm")[:, None])[
            60:, [INDEX["l_toe"], INDEX["r_toe"]]
        ]
        slides[lock] = np.linalg.norm(np.diff(toes, axis=0), axis=-1).mean() * FPS
        assert over_time(fitted, "foot_stands")[60:].mean() > 0.5
    assert slides[True] < 0.7 * slides[False]


def test_feet_in_the_air_are_not_held():
    t_s = seconds(40)
    joints_mm, root_cam_mm = walking_person(t_s)
    root_cam_mm[:, 0] += 1500 * t_s  # carried off sideways
    fitted = fit_all(observe(joints_mm, root_cam_mm, noise_mm=5.0, noise_px=0.5), t_s)
    assert over_time(fitted, "foot_stands")[5:].mean() < 0.1
    assert np.abs(over_time(fitted, "root_cam_mm")[20:, 0] - root_cam_mm[20:, 0]).max() < 60


def test_missing_joints_are_filled_in_and_outliers_ignored():
    t_s = seconds(60)
    joints_mm, root_cam_mm = walking_person(t_s)
    seen = observe(joints_mm, root_cam_mm, noise_mm=5.0, noise_px=0.5)
    for people in seen[30:]:
        people.joints_mm[0, INDEX["l_hand"]] = np.nan
        people.joints_px[0, INDEX["l_hand"]] = np.nan
        people.joint_score[0, INDEX["l_hand"]] = 0.0
        people.joints_px[0, INDEX["r_wrist"]] = (1200.0, 50.0)  # somebody else's
    fitted = fit_all(seen, t_s)
    error = np.linalg.norm(over_time(fitted, "joints_mm")[35:] - joints_mm[35:], axis=-1)
    assert np.isfinite(error).all()
    assert error[:, INDEX["l_hand"]].mean() < 90
    assert error[:, INDEX["r_wrist"]].mean() < 60


def test_ids_come_and_go_and_keep_their_skeletons():
    t_s = seconds(90)
    tall, short = (
        observe(*walking_person(t_s, start_cam_mm=(-900, 4000))),
        observe(*walking_person(t_s, start_cam_mm=(900, 4000))),
    )
    fitter, stature = Fitter(stature_m=lambda identity: {1: 1.9, 2: 1.5}[identity]), {}
    alone = Fitter(stature_m=lambda _: 1.9)
    for f, t in enumerate(t_s):
        people = together(tall[f], short[f])
        people = people.take(np.array([[0, 1], [1, 0], [0], []][0 if f < 70 else f % 4], int))
        fitted = fitter.update(people, CAMERA, t)
        assert (fitted.ids == people.ids).all()
        for row, identity in enumerate(fitted.ids.tolist()):
            if f >= 70:
                np.testing.assert_array_equal(
                    fitted.bone_lengths_mm[row], stature.setdefault(identity, fitted.bone_lengths_mm[row])
                )
        if f < 70:
            np.testing.assert_allclose(fitted.joints_mm[0], alone.update(tall[f], CAMERA, t).joints_mm[0], atol=0.5,
                                       err_msg="neighbours do not meet")  # fmt: skip
    assert stature[1].sum() > 1.2 * stature[2].sum()


def test_after_a_long_absence_the_pose_is_fresh_and_the_skeleton_old():
    t_s = seconds(70)
    seen = observe(*walking_person(t_s, start_cam_mm=(-1500, 4000)), noise_mm=5.0, noise_px=0.5)
    fitter = Fitter()
    for people, t in zip(seen, t_s, strict=True):
        before = fitter.update(people, CAMERA, t)
    joints_mm, root_cam_mm = walking_person(np.array([0.3]), facing_deg=180, start_cam_mm=(1500, 6000))
    back = fitter.update(observe(joints_mm, root_cam_mm, noise_mm=0.0, noise_px=0.0)[0], CAMERA, 60.0)
    np.testing.assert_array_equal(back.bone_lengths_mm, before.bone_lengths_mm)
    assert root_relative_error_mm(back.joints_mm, joints_mm) < 40
    assert np.linalg.norm(back.root_cam_mm[0] - root_cam_mm[0]) < 300


TIMES = {
    "twice the same time": [0.0, 0.033, 0.033, 0.066, 0.1],
    "back by a frame": [0.0, 0.033, 0.066, 0.033, 0.1],
    "back to the start": [50.0, 50.033, 50.066, 0.0, 0.033],
    "a leap ahead": [0.0, 0.033, 1e6, 1e6 + 0.033],
    "microseconds apart": [0.0, 1e-6, 2e-6, 3e-6],
}


@pytest.mark.parametrize("case", TIMES)
def test_times_that_jump_or_repeat(case):
    times = np.array(TIMES[case])
    joints_mm, root_cam_mm = walking_person(seconds(len(times)))
    fitted = fit_all(observe(joints_mm, root_cam_mm, noise_mm=5.0, noise_px=0.5), times)
    assert root_relative_error_mm(over_time(fitted, "joints_mm"), joints_mm) < 60
    assert np.linalg.norm(over_time(fitted, "root_cam_mm") - root_cam_mm, axis=1).max() < 400


def test_who_cannot_be_fitted_is_left_as_is():
    people = together(*[observe(*walking_person(seconds(1)))[0] for _ in range(4)])
    people.ids[0] = 0  # nobody yet
    people.joints_mm[1] = np.nan  # no pose
    people.joints_px[2], people.root_cam_mm[2] = 300.0, np.nan  # all on one pixel: no distance
    fitted = Fitter().update(people, CAMERA, 0.0)
    np.testing.assert_array_equal(fitted.joints_mm[:3], people.joints_mm[:3])
    assert np.isnan(fitted.rotations[:3]).all() and np.isfinite(fitted.rotations[3]).all()
    assert len(Fitter().update(People.empty(), CAMERA, 0.0)) == 0
    assert Fitter(FittingConfig(enabled=False)).update(people, CAMERA, 0.0) is people


WILD = st.sampled_from([0.0, 1.0, -1e3, 1e9, -1e30, float("nan"), float("inf"), -float("inf")])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 23), WILD), max_size=30), st.booleans())
def test_output_is_finite_whatever_comes_in(seed, damage, later):
    """Either somebody is returned untouched, with NaN rotations, or everything about the fit is finite and sane."""
    rng = np.random.default_rng(seed)
    good = together(*observe(*random_mover(seconds(3), seed % 7)))
    fitter = Fitter(FittingConfig(calibration_s=0.0))
    if later:
        fitter.update(good, CAMERA, 0.0)
    names = ("joints_mm", "joints_px", "joint_score", "spread_mm", "root_cam_mm")
    people = dataclasses.replace(good, **{name: getattr(good, name).copy() for name in names})
    for which, joint, value in damage:
        person, name = rng.integers(3), names[which]
        target = getattr(people, name)[person]
        target[joint if name != "root_cam_mm" else joint % 3] = value
        if name == "joints_px":
            people.root_cam_mm[person, joint % 3] = value
    fitted = fitter.update(people, CAMERA, 0.03)
    touched = np.isfinite(fitted.rotations).all((1, 2, 3))
    np.testing.assert_array_equal(fitted.joints_mm[~touched], people.joints_mm[~touched])
    for name in ("joints_mm", "root_cam_mm", "bone_lengths_mm"):
        assert np.isfinite(getattr(fitted, name)[touched]).all(), name
    assert (np.linalg.norm(fitted.joints_mm[touched], axis=-1) < 2000).all()
    assert (fitted.root_cam_mm[touched, 2] > 0).all()


def test_lengths_come_from_medians_and_proportions():
    lengths = 1100 * CANONICAL_BONE_M
    samples = np.tile(lengths, (50, 1)) * np.random.default_rng(0).uniform(0.98, 1.02, (50, NUM_JOINTS))
    samples[3, INDEX["l_wrist"]] = 2000.0  # one bad frame
    samples[:, INDEX["l_ankle"]] = np.nan  # one side suffices
    samples[:, INDEX["head_top"]] = np.nan  # never seen: as on the canonical body
    samples[:, INDEX["r_toe"]] = samples[:, INDEX["l_toe"]] = 1.0  # collapsed: says nothing
    got = estimate_lengths_mm(samples, stature_m=1.87)  # 1.1 times the canonical body
    np.testing.assert_allclose(got, lengths, rtol=0.01, atol=1e-9)
    thick = samples.copy()
    thick[:, [INDEX["l_knee"], INDEX["r_knee"]]] *= 1.1
    changed = (
        estimate_lengths_mm(thick, stature_m=1.87)[[INDEX["l_knee"], INDEX["spine"]]] / got[[INDEX["l_knee"], INDEX["spine"]]]
    )
    assert 1.03 < changed[0] / changed[1] < 1.1, "what is measured well counts more than proportions"
    assert got[ROOT] == 0
    np.testing.assert_allclose(Calibration(1.0).lengths_mm(1.70), 1000 * CANONICAL_BONE_M, atol=0.1)


LIMBS = [INDEX[f"{side}_{end}"] for side in "rl" for end in ("knee", "ankle", "elbow", "wrist")]
TRUNK = [INDEX[name] for name in ("spine", "neck", "head", "head_top")]


def test_limbs_read_too_short_do_not_swell_the_body():
    """Limbs 15 % short, the trunk right: less than half of that is believed, and what is missing below is added all over."""
    samples = np.tile(1000 * CANONICAL_BONE_M, (30, 1))
    samples[:, LIMBS] *= 0.85
    got = estimate_lengths_mm(samples, stature_m=1.70)
    assert stature_of(got) == pytest.approx(1700)
    assert got[TRUNK].sum() / (1000 * CANONICAL_BONE_M[TRUNK].sum()) == pytest.approx(1.02, abs=0.01)
    assert size_of(got, 1.70) == pytest.approx(0.98, abs=0.01)


def test_bones_are_believed_by_how_sure_their_ends_are():
    """A forearm half as long again: of ends sure to 16 mm it is believed, of a wrist off by 200 mm hardly."""
    wrists = [INDEX["r_wrist"], INDEX["l_wrist"]]
    samples = np.tile(1000 * CANONICAL_BONE_M, (4, 1))
    samples[:, wrists] *= 1.5
    longer = []
    for error in (10.0, 125.0):
        errors = np.full(samples.shape, 10.0)
        errors[:, wrists] = error
        got = estimate_lengths_mm(samples, 1.70, errors)
        longer.append(got[wrists[0]] / got[INDEX["r_elbow"]] / (0.27 / 0.30))
    assert longer[0] > 1.25 and longer[1] < 1.03


def test_sightings_count_by_how_sure_they_are():
    """Three blurred frames against one sharp one: the sharp one's length is the median."""
    samples = np.tile(1000 * CANONICAL_BONE_M, (4, 1))
    samples[:3, LIMBS] *= 0.7
    errors = np.full(samples.shape, 100.0)
    errors[3] = 20.0
    np.testing.assert_allclose(estimate_lengths_mm(samples, 1.70, errors), 1000 * CANONICAL_BONE_M, atol=0.1)


def test_bones_of_unsure_ends_by_hand():
    """Knee 50 mm off, ankle 130: the shin's own 120, of which .627 along it; read 350 mm long it is one of 370."""
    spread, joints = np.full(NUM_JOINTS, 50.0), np.zeros((NUM_JOINTS, 3))
    spread[INDEX["l_ankle"]] = 130.0
    joints[INDEX["l_ankle"], 1] = 350.0
    lengths, errors = measured_lengths_mm(joints, spread)
    assert lengths[INDEX["l_ankle"]] == pytest.approx(370) and errors[INDEX["l_ankle"]] == pytest.approx(0.627 * 120)
    assert lengths[INDEX["l_knee"]] == 0.0 and errors[INDEX["l_knee"]] == 10.0, "the least there is"
    lengths, errors = measured_lengths_mm(joints, np.full(NUM_JOINTS, np.nan))
    assert lengths[INDEX["l_ankle"]] == 350.0 and (errors == 25.0).all(), "nobody says"


def test_size_is_that_of_legs_and_arms_for_the_stature_lifting_assumed():
    assert size_of(1000 * CANONICAL_BONE_M, 1.70) == pytest.approx(1.0)
    assert size_of(900 * CANONICAL_BONE_M, 1.70) == pytest.approx(0.9)
    assert size_of(1000 * CANONICAL_BONE_M, 0.85) == pytest.approx(2.0)


def test_ten_people_take_a_few_milliseconds_each():
    """Of processor time, the best of many frames, with room for slow machines: 1.2 ms on a Zen 4 core."""
    t_s = seconds(25)
    crowd = [observe(*walking_person(t_s, facing_deg=40 * i, start_cam_mm=(-2000 + 400 * i, 5000)), seed=i) for i in range(10)]
    fitter, spent_s = Fitter(), []
    for f, t in enumerate(t_s):
        people = together(*(person[f] for person in crowd))
        begin = time.process_time()
        fitter.update(people, CAMERA, t)
        spent_s.append(time.process_time() - begin)
    assert min(spent_s) / 10 < 0.008
