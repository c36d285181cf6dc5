"""Accuracy figures, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from xnect_lite.evaluate.keypoints import KeypointScore, extent, match, oks_matrix, per_joint_pck
from xnect_lite.skeleton import INDEX, JOINTS, LIMB_JOINTS_12, NUM_JOINTS, OKS_SIGMA, ROOT

NOBODY = np.zeros((0, NUM_JOINTS, 2))


def person(x: float = 0.0, y: float = 0.0, height: float = 200.0) -> np.ndarray:
    """(24, 2) px. Left shoulder to right hip is 50 px at height 200: the radius of PCK@0.2 is 10 px."""
    joints = np.random.default_rng(0).uniform(0, 1, (NUM_JOINTS, 2)) * (100, 200)
    joints[INDEX["head_top"]], joints[INDEX["l_toe"]] = (0, 0), (100, 200)
    joints[INDEX["l_shoulder"]], joints[INDEX["r_hip"]] = (60, 40), (30, 80)
    return joints * height / 200 + (x, y)


def only(joints: np.ndarray, *names: str) -> np.ndarray:
    """The person with no joint but these."""
    out = np.full_like(joints, np.nan)
    at = [INDEX[n] for n in names]
    out[at] = joints[at]
    return out


def without(joints: np.ndarray, *names: str) -> np.ndarray:
    return only(joints, *(n for n in JOINTS if n not in names))


def moved(joints: np.ndarray, **offsets: tuple[float, float]) -> np.ndarray:
    out = joints.copy()
    for name, by in offsets.items():
        out[INDEX[name]] += by
    return out


# -- similarity ------------------------------------------------------------------------------------------------------


def test_oks_is_the_formula():
    truth, found = without(person(), "l_ear", "neck"), moved(person(), r_wrist=(7, -3), nose=(1, 1), l_ear=(90, 90))
    area = 0.53 * 100 * 200
    terms = [
        np.exp(-((truth[j] - found[j]) ** 2).sum() / (2 * area * (2 * OKS_SIGMA[j]) ** 2))
        for j in range(NUM_JOINTS)
        if np.isfinite(truth[j, 0])
    ]
    assert len(terms) == 22
    assert oks_matrix(truth[None], found[None])[0, 0] == pytest.approx(np.mean(terms), rel=1e-6)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (person(), 1.0),
        (without(person(), "nose", "neck", "l_toe"), 21 / 24),
        (person(5000), 0.0),
        (np.full((NUM_JOINTS, 2), np.nan), 0.0),
    ],
    ids=["perfect", "three joints missing", "elsewhere", "no joint"],
)
def test_oks_values(found, expected):
    assert oks_matrix(person()[None], found[None])[0, 0] == pytest.approx(expected)


def test_oks_of_crowds_has_a_row_per_truth_and_a_column_per_person_found():
    oks = oks_matrix(np.stack([person(), person(1000)]), np.stack([person(3000), person(1000), person()]))
    np.testing.assert_allclose(oks, [[0, 0, 1], [0, 1, 0]], atol=1e-6)


@pytest.mark.parametrize(
    ("truth", "found", "expected"),
    [
        ([person(), person(1000)], [person(1000), person()], [1, 0]),
        ([person(), person(1000)], [person(1003)], [-1, 0]),
        ([person()], [person(5000)], [-1]),
        ([person(), person(6)], [person(6), person(12)], [0, 1]),
        ([], [person()], []),
        ([person()], [], [-1]),
    ],
    ids=["swapped", "one missed", "too far", "one to one, best in total", "no truth", "nobody found"],
)
def test_matching(truth, found, expected):
    out = match(np.array(truth).reshape(-1, NUM_JOINTS, 2), np.array(found).reshape(-1, NUM_JOINTS, 2))
    assert out.tolist() == expected


def test_extent_is_that_of_the_known_joints():
    np.testing.assert_allclose(extent(np.stack([person(), only(person(), "l_shoulder", "r_hip")])), [[100, 200], [30, 40]])
    np.testing.assert_allclose(extent(np.full((1, NUM_JOINTS, 2), np.nan)), [[0, 0]])


# -- PCK -------------------------------------------------------------------------------------------------------------


def pck(human, found, label=None) -> float:
    score = KeypointScore()
    human, label = np.array(human), np.array(human if label is None else label)
    score.add_pck(human, label, np.array(found).reshape(-1, NUM_JOINTS, 2))
    return score.figures()["pck"]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (person(), 1.0),
        (moved(person(), r_wrist=(9.99, 0)), 1.0),
        (moved(person(), r_wrist=(10.01, 0)), 11 / 12),
        (moved(person(), r_wrist=(8, 8), l_knee=(-20, 0)), 10 / 12),
        (moved(person(), nose=(50, 0), pelvis=(50, 0)), 1.0),
        (without(person(), "l_ankle"), 11 / 12),
    ],
    ids=["perfect", "within .2 torso", "just beyond", "two wrong", "other joints do not count", "a joint not found is wrong"],
)
def test_pck_of_one_person(found, expected):
    assert pck([person()], [found]) == pytest.approx(expected)


def test_a_missed_person_counts_as_wrong():
    assert pck([person(), person(1000)], [person()]) == pytest.approx(0.5)
    assert pck([person()], []) == 0.0


def test_only_the_human_joints_count():
    human = without(person(), "l_wrist", "l_ankle")
    found = moved(person(), l_wrist=(99, 0), r_knee=(30, 0))
    assert pck([human], [found], label=[person()]) == pytest.approx(9 / 10)


def test_people_without_human_joints_are_neither_right_nor_wrong():
    nothing = np.full((NUM_JOINTS, 2), np.nan)
    assert pck([nothing, person(1000)], [person(1000)], label=[person(), person(1000)]) == 1.0
    assert np.isnan(pck([nothing], [person()], label=[person()]))
    assert np.isnan(KeypointScore().figures()["pck"])


def test_without_a_human_torso_the_labels_give_its_length():
    human = without(person(), "l_shoulder")
    label = moved(person(), l_shoulder=(30, -40))  # torso 100, so the radius is 20
    assert pck([human], [moved(person(), r_wrist=(19, 0))], label=[label]) == 1.0
    assert pck([human], [moved(person(), r_wrist=(21, 0))], label=[label]) == pytest.approx(10 / 11)
    no_torso = without(person(), "l_shoulder")
    assert np.isnan(pck([no_torso], [person()], label=[no_torso]))


def test_every_joint_counts_the_same_over_pictures():
    score = KeypointScore()
    score.add_pck(person()[None], person()[None], person()[None])
    few = only(person(), "l_shoulder", "r_hip", "r_wrist")
    score.add_pck(few[None], person()[None], moved(person(), r_wrist=(40, 0))[None])
    figures = score.figures()
    assert figures["pck"] == pytest.approx(14 / 15) and figures["pck_people"] == 2
    per_joint = per_joint_pck(score)
    assert list(per_joint) == [JOINTS[j] for j in LIMB_JOINTS_12]
    assert per_joint["r_wrist"] == 0.5 and per_joint["l_wrist"] == 1.0


# -- recall and precision --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("height", "net_scale", "figure"),
    [
        (200, 1.0, "recall_100"),
        (100, 1.0, "recall_100"),
        (200, 0.45, "recall_50_100"),
        (99, 1.0, "recall_50_100"),
        (50, 1.0, "recall_50_100"),
        (60, 0.8, "recall_0_50"),
    ],
)
def test_recall_is_told_by_height_in_network_pixels(height, net_scale, figure):
    score = KeypointScore()
    score.add_recall(person(height=height)[None], person(height=height)[None], net_scale)
    figures = score.figures()
    bins = {k: v for k, v in figures.items() if k.startswith("recall")}
    assert bins.pop(figure) == 1.0
    assert len(bins) == 2 and all(np.isnan(v) for v in bins.values())


def test_recall_and_precision_by_hand():
    score = KeypointScore()
    far = person(300)
    # Found: one right, one half a person away (OKS below .5), one where nobody is. Missed: two of three.
    score.add_recall(np.stack([person(), person(1000), far]), np.stack([person(), person(1060), person(9000)]), 1.0)
    score.add_recall(NOBODY, person()[None], 1.0)
    score.add_recall(person()[None], NOBODY, 1.0)
    figures = score.figures()
    assert figures["recall_100"] == pytest.approx(1 / 4)
    assert figures["person_precision"] == pytest.approx(1 / 4)


def test_two_people_found_on_one_place_are_one_hit():
    score = KeypointScore()
    score.add_recall(person()[None], np.stack([person(), person()]), 1.0)
    assert score.figures()["recall_100"] == 1.0 and score.figures()["person_precision"] == 0.5


# -- 3D --------------------------------------------------------------------------------------------------------------


def test_mpjpe_is_pelvis_aligned_over_the_joints_that_are_known():
    truth = np.random.default_rng(1).normal(size=(2, NUM_JOINTS, 3)) * 300
    found = truth + np.array([5000, -100, 77])  # a shifted pelvis is no error
    found[0, INDEX["nose"]] += (0, 30, 40)
    found[1, INDEX["l_toe"]] += (1000, 0, 0)
    weight = np.zeros((2, NUM_JOINTS))
    weight[0, [INDEX["nose"], INDEX["r_knee"], ROOT]] = 0.5
    weight[1, INDEX["r_hip"]] = 0.1
    score = KeypointScore()
    score.add_3d(truth, found, weight)
    assert score.figures()["mpjpe_teacher_mm"] == pytest.approx(50 / 3)
    assert np.isnan(KeypointScore().figures()["mpjpe_teacher_mm"])


def test_3dpck_counts_people_missed_as_wrong():
    """Two of four known joints within 150 mm, and two more of somebody who was not found; the root is never counted."""
    score, weight = KeypointScore(), np.zeros((1, NUM_JOINTS))
    names = ("pelvis", "neck", "nose", "l_knee", "r_knee")
    weight[0, [INDEX[n] for n in names]] = 1
    truth = np.zeros((1, NUM_JOINTS, 3))
    found = truth.copy()
    for name, off in zip(names[1:], (0.0, 150.0, 151.0, 400.0), strict=True):
        found[0, INDEX[name], 1] = off
    score.add_3d(truth, found, weight)
    missed = np.zeros((1, NUM_JOINTS))
    missed[0, [ROOT, INDEX["neck"], INDEX["nose"]]] = 1
    score.add_missed_3d(missed)
    figures = score.figures(exact=True)
    assert figures["pck3d_150_found"] == 0.5 and figures["pck3d_150"] == pytest.approx(2 / 6)
    assert figures["mpjpe_mm"] == pytest.approx((0 + 150 + 151 + 400) / 4)
    assert "mpjpe_teacher_mm" in score.figures() and "mpjpe_mm" not in score.figures()
