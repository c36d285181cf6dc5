"""One-euro smoothing: the same numbers as the reference package, real time stamps, gaps, and one memory per person."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from OneEuroFilter import OneEuroFilter

from xnect_lite.config import FilterConfig
from xnect_lite.skeleton import INDEX
from xnect_lite.stages.filtering import OneEuro, PoseFilter, cutoff_factor, second_pass, torso_length_px
from xnect_lite.types import People


def uneven_times(count: int, seed: int = 0) -> np.ndarray:
    """Seconds, from a little after 0, 5 to 60 ms apart."""
    return 0.01 + np.cumsum(np.random.default_rng(seed).uniform(0.005, 0.06, count))


def person(ids=(1,), x: float = 0.0) -> People:
    """Standing people 300 px tall, ``x`` px (and mm) to the right, fully known."""
    n = len(ids)
    rng = np.random.default_rng(5)
    joints_px = np.tile(rng.uniform((100, 100), (180, 400), (24, 2)), (n, 1, 1))
    joints_px[..., 0] += x
    joints_mm = np.tile(rng.uniform(-800, 800, (24, 3)), (n, 1, 1))
    roots = np.tile([x, 0.0, 3000.0], (n, 1))
    return dataclasses.replace(
        People.empty(n),
        joints_px=joints_px.astype(np.float32),
        joints_mm=joints_mm.astype(np.float32),
        root_cam_mm=roots.astype(np.float32),
        ids=np.array(ids),
    )


@pytest.mark.parametrize(("min_cutoff", "beta", "d_cutoff"), [(1.0, 0.0, 1.0), (1.7, 0.3, 1.0), (0.8, 0.4, 0.3)])
def test_equals_the_reference_package(min_cutoff, beta, d_cutoff):
    times = uneven_times(200)
    values = np.random.default_rng(1).normal(size=(200, 3)).cumsum(0)
    ours = OneEuro(min_cutoff, beta, d_cutoff)
    theirs = [OneEuroFilter(freq=30, mincutoff=min_cutoff, beta=beta, dcutoff=d_cutoff) for _ in range(3)]
    for t, row in zip(times, values, strict=True):
        np.testing.assert_allclose(ours(row, t), [f(x, t) for f, x in zip(theirs, row, strict=True)], rtol=1e-10)


def test_time_zero_is_a_time_like_any_other():
    # The package takes a time stamp of 0.0 for none and smooths the second sample at its nominal rate.
    ours, later, package = OneEuro(1.0, 0.0), OneEuro(1.0, 0.0), OneEuroFilter(freq=1000, mincutoff=1.0)
    for t, x in ((0.0, 0.0), (0.1, 1.0), (0.2, 2.0)):
        got, theirs = ours([x], t), package(x, t)
        np.testing.assert_allclose(got, later([x], t + 100))
        if t == 0.1:
            alpha = 1 / (1 + 1 / (2 * np.pi * 0.1))
            np.testing.assert_allclose(got, [alpha])
            assert theirs == pytest.approx(1 / (1 + 1000 / (2 * np.pi)))


def test_missing_samples_pass_through_and_leave_the_state():
    with_gap, without = OneEuro(1.0, 0.1), OneEuro(1.0, 0.1)
    for t, x in ((0.0, 0.0), (0.1, 1.0)):
        with_gap([x, x], t)
        without([x, x], t)
    assert np.isnan(with_gap([np.nan, 2.0], 0.2)[0])
    assert with_gap([3.0, 3.0], 0.3)[0] == without([3.0, 3.0], 0.3)[0]


def test_the_first_sample_after_nothing_is_itself():
    smooth = OneEuro(1.0, 0.1)
    assert np.isnan(smooth([np.nan], 0.0))
    assert smooth([7.0], 0.1) == 7.0


def test_vectors_are_smoothed_alike_in_any_direction():
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    plain, turned = OneEuro(1.0, 0.5, vectors=True), OneEuro(1.0, 0.5, vectors=True)
    for t, v in zip(uneven_times(50), np.random.default_rng(3).normal(size=(50, 4, 3)), strict=True):
        np.testing.assert_allclose(plain(v, t) @ turn, turned(v @ turn, t), atol=1e-12)


def test_type_and_shape_are_kept():
    out = OneEuro(1.0, 0.1)(np.zeros((2, 24, 3), np.float32), 0.0)
    assert out.dtype == np.float32
    assert out.shape == (2, 24, 3)


@pytest.mark.parametrize("step_s", [0.0, -0.5])
def test_time_that_does_not_increase_counts_as_one_more_interval(step_s):
    usual, odd = OneEuro(1.0, 0.0), OneEuro(1.0, 0.0)
    for smooth in (usual, odd):
        smooth([0.0], 1.0)
        smooth([1.0], 1.1)
    np.testing.assert_allclose(odd([5.0], 1.1 + step_s), usual([5.0], 1.2))


def test_pose_filter_removes_noise_from_a_person_at_rest():
    rng = np.random.default_rng(6)
    smooth, still = PoseFilter(), person()
    spread = {"joints_px": 3.0, "joints_mm": 20.0, "root_cam_mm": 60.0}
    errors: dict[str, list[float]] = {name: [] for name in spread}
    for t in np.arange(0, 4, 1 / 30):
        noisy = {k: (getattr(still, k) + rng.normal(scale=s, size=getattr(still, k).shape)) for k, s in spread.items()}
        out = smooth.update(dataclasses.replace(still, **noisy), t)
        for name in spread:
            errors[name].append(float(np.std(getattr(out, name) - getattr(still, name))))
    for name, noise in spread.items():
        assert np.mean(errors[name][30:]) < 0.6 * noise, name


def test_pose_filter_follows_quick_motion_closer_than_slow_filters_would():
    plain = PoseFilter(dataclasses.replace(FilterConfig(), beta_2d=0.0))
    quick = PoseFilter()
    for t in np.arange(0, 1, 1 / 30):
        truth = person(x=600 * t)
        lag = {f: truth.joints_px[0, 0, 0] - f.update(truth, t).joints_px[0, 0, 0] for f in (plain, quick)}
    assert lag[quick] < 0.75 * lag[plain]


def test_smoothing_does_not_depend_on_the_size_in_the_picture():
    near, far = PoseFilter(), PoseFilter()
    for t, x in zip(uneven_times(20), np.random.default_rng(7).normal(scale=30, size=20), strict=True):
        big = person(x=x)
        small = dataclasses.replace(big, joints_px=big.joints_px / 4)
        np.testing.assert_allclose(near.update(big, t).joints_px / 4, far.update(small, t).joints_px, rtol=1e-4)


def test_each_id_has_its_own_memory_whatever_its_row():
    alone, together = PoseFilter(), PoseFilter()
    for k, t in enumerate(uneven_times(12)):
        expected = alone.update(person(ids=(7,), x=10.0 * k), t)
        rows = {0: (7,), 1: (7, 9), 2: (9, 7)}[k % 3]  # 9 comes, goes and changes places
        got = together.update(person(ids=rows, x=10.0 * k), t)
        np.testing.assert_allclose(got.joints_px[rows.index(7)], expected.joints_px[0], rtol=1e-6)
        np.testing.assert_allclose(got.root_cam_mm[rows.index(7)], expected.root_cam_mm[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("gap_s", "fresh"),
    [
        (1.0, False),  # remembered
        (2.5, True),  # forgotten
        (-5.0, True),  # another take
        (0.0, False),  # the same time again
    ],
)
def test_people_unseen_for_long_start_afresh(gap_s, fresh):
    smooth = PoseFilter()
    for t in (9.9, 10.0):
        smooth.update(person(x=0), t)
    smooth.update(person(ids=(2,)), 10.0)
    moved = person(x=50)
    got = smooth.update(moved, 10.0 + gap_s)
    assert np.array_equal(got.joints_px, moved.joints_px) == fresh


def test_missing_joints_stay_missing_and_nobody_without_id_is_touched():
    smooth = PoseFilter()
    smooth.update(person(ids=(0, 3)), 0.0)
    later = person(ids=(0, 3), x=20)
    later.joints_px[:, 4] = np.nan
    got = smooth.update(later, 0.03)
    assert np.isnan(got.joints_px[:, 4]).all()
    np.testing.assert_array_equal(got.joints_px[0], later.joints_px[0])
    assert not np.allclose(got.joints_px[1, 0], later.joints_px[1, 0])


def test_switched_off_and_empty_frames():
    people = person(x=3)
    assert PoseFilter(FilterConfig(enabled=False)).update(people, 0.0) is people
    assert len(PoseFilter().update(People.empty(), 0.0)) == 0


def test_torso_length():
    joints = np.full((3, 24, 2), np.nan)
    joints[0, INDEX["r_shoulder"]], joints[0, INDEX["l_hip"]] = (0, 0), (30, 40)
    joints[1, INDEX["nose"]], joints[1, INDEX["l_ankle"]] = (0, 0), (0, 200)  # no torso: from the box
    np.testing.assert_allclose(torso_length_px(joints), (50, 70, 1))


@pytest.mark.parametrize(("smoothing", "factor"), [(0.0, np.inf), (0.1, 9.0), (0.5, 1.0), (0.9, 1 / 9), (1.0, 0.05)])
def test_one_value_for_users(smoothing, factor):
    assert cutoff_factor(smoothing) == pytest.approx(factor)


def test_more_smoothing_is_steadier_and_none_is_none():
    spread, still = {}, person()
    for smoothing in (0.0, 0.2, 0.5, 0.8, 1.0):
        rng = np.random.default_rng(8)
        smooth, values = PoseFilter(FilterConfig(smoothing=smoothing)), []
        for t in np.arange(0, 3, 1 / 30):
            noisy = dataclasses.replace(still, joints_mm=still.joints_mm + rng.normal(scale=20, size=still.joints_mm.shape))
            values.append(smooth.update(noisy, t).joints_mm)
        spread[smoothing] = np.std(np.stack(values)[30:], axis=0).mean()
        if smoothing == 0.0:
            np.testing.assert_array_equal(values[-1], noisy.joints_mm)
    steadiness = list(spread.values())
    assert steadiness == sorted(steadiness, reverse=True)
    assert steadiness[-1] < 0.15 * steadiness[0]


def lag_s(values: np.ndarray, truth: np.ndarray, t_s: np.ndarray) -> float:
    """By how much ``values`` (F,) come after the truth: the shift that fits best."""
    shifts = np.arange(-0.3, 0.3, 0.002)
    middle = (t_s > 1) & (t_s < t_s[-1] - 1)
    return float(shifts[np.argmin([np.abs(values - np.interp(t_s - s, t_s, truth))[middle].mean() for s in shifts])])


@pytest.mark.parametrize("times", [np.arange(180) / 30, uneven_times(180)], ids=["steady", "uneven"])
def test_the_second_pass_takes_the_lag_away(times):
    truth = np.stack([np.sin(2 * np.pi * 0.5 * times), np.zeros_like(times)], -1)
    forward = OneEuro(1.0, 0.0, vectors=True)
    first = np.stack([forward(v, t) for v, t in zip(truth, times, strict=True)])
    second = second_pass(first, times, 1.0, 0.0)
    assert lag_s(first[:, 0], truth[:, 0], times) > 0.08
    assert abs(lag_s(second[:, 0], truth[:, 0], times)) < 0.015


def test_the_second_pass_leaves_holes_and_input_alone():
    times = np.arange(30) / 30
    values = np.random.default_rng(10).normal(size=(30, 24, 3))
    values[10:15, 3] = np.nan
    before = values.copy()
    out = second_pass(values, times, 1.0, 0.1)
    np.testing.assert_array_equal(values, before)
    assert np.isnan(out[10:15, 3]).all() and np.isfinite(np.delete(out, 3, axis=1)).all()
    np.testing.assert_array_equal(out[-1], values[-1])
    assert second_pass(values[:0], times[:0], 1.0, 0.1).shape == (0, 24, 3)
