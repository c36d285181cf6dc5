"""PCKh and the multi-person average precision of MPII: by hand, and against slow computations that follow the rules' words."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnect_lite.evaluate.protocols import mpii_groups, pckh
from xnect_lite.evaluate.protocols.mpii_groups import Group
from xnect_lite.skeleton import MPII16

ID = {name: i for i, name in enumerate(MPII16.names)}
BOX = np.array([0.0, 0.0, 30.0, 40.0])  # diagonal 50, so the head is 30 px


# -- one person ---------------------------------------------------------------------------------------------------------


def person() -> tuple[np.ndarray, np.ndarray]:
    return np.arange(32, dtype=float).reshape(1, 16, 2) * 10, np.ones((1, 16), bool)


def figures_with(joint: str, offset_px: float) -> dict[str, float]:
    """Everything right but one joint, which is that far off."""
    truth, labelled = person()
    found = truth.copy()
    found[0, ID[joint], 0] += offset_px
    return pckh.figures(pckh.head_errors(found, truth, labelled, BOX[None]))


PCKH = [  # what, joint, px off (a head is 30), figure, value
    ("half a head is still right", "r_wrist", 15.0, "wrist", 100.0),
    ("a little more is not", "r_wrist", 15.01, "wrist", 50.0),
    ("and costs one joint of 14", "r_wrist", 15.01, "mean", 100 * 13 / 14),
    ("the pelvis is not counted", "pelvis", 400.0, "mean", 100.0),
    ("nor is the thorax", "thorax", 400.0, "mean", 100.0),
    ("head is neck and top", "upper_neck", 400.0, "head", 50.0),
    ("the top alone is printed by others", "upper_neck", 400.0, "head_top", 100.0),
    ("a tenth is 3 px", "l_knee", 3.0, "mean_at_0.1", 100.0),
    ("3.1 px are more than 0.10", "l_knee", 3.1, "mean_at_0.1", 100 * 13 / 14),
    ("but less than 0.11", "l_knee", 3.1, "mean_at_0.11", 100.0),
    ("legs are not the upper body", "l_knee", 400.0, "upper_body", 100.0),
]


@pytest.mark.parametrize(("case", "joint", "offset", "figure", "value"), PCKH, ids=[c[0] for c in PCKH])
def test_pckh_by_hand(case, joint, offset, figure, value):
    assert figures_with(joint, offset)[figure] == pytest.approx(value), case


def test_a_joint_without_a_label_counts_nowhere_and_one_that_was_not_found_is_wrong():
    truth, labelled = person()
    labelled[0, ID["r_ankle"]] = False
    found = truth.copy()
    found[0, [ID["r_ankle"], ID["r_hip"]]] = np.nan
    figures = pckh.figures(pckh.head_errors(found, truth, labelled, BOX[None]))
    assert figures["ankle"] == 100.0 and figures["hip"] == 50.0 and figures["mean"] == pytest.approx(100 * 12 / 13)
    assert figures["auc"] == pytest.approx(100 * 12 / 13), "at every threshold, for all others are exact"


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_pckh_is_that_of_a_literal_computation(seed):
    rng = np.random.default_rng(seed)
    people = int(rng.integers(1, 9))
    truth, labelled = rng.uniform(0, 300, (people, 16, 2)), rng.random((people, 16)) < 0.8
    found = np.where(rng.random((people, 16, 1)) < 0.1, np.nan, truth + rng.normal(0, 12, truth.shape))
    box = np.concatenate([np.zeros((people, 2)), rng.uniform(20, 60, (people, 2))], 1)
    figures = pckh.figures(pckh.head_errors(found, truth, labelled, box))
    for name, threshold in (("mean", 0.5), ("mean_at_0.1", 0.1), ("mean_at_0.11", 0.11)):
        right = total = 0
        for n in range(people):
            head = 0.6 * math.hypot(box[n, 2], box[n, 3])
            for joint, k in ID.items():
                if joint in ("pelvis", "thorax") or not labelled[n, k]:
                    continue
                total += 1
                right += not math.isnan(found[n, k, 0]) and math.dist(found[n, k], truth[n, k]) / head <= threshold
        expected = 100 * right / total if total else math.nan
        assert figures[name] == pytest.approx(expected, nan_ok=True)


def test_columns_pair_left_and_right():
    for table, ids in ((pckh.COLUMNS, range(16)), (mpii_groups.COLUMNS, mpii_groups.JOINTS)):
        for name, rows in list(table.items())[1:]:
            assert {MPII16.names[list(ids)[row]] for row in rows} == {f"l_{name}", f"r_{name}"}
        assert {MPII16.names[list(ids)[row]] for row in table["head"]} == {"upper_neck", "head_top"}


# -- groups -------------------------------------------------------------------------------------------------------------


def standing(x: float) -> np.ndarray:
    """(14, 2) joints 100 px apart, one below the other."""
    return np.stack([np.full(14, x), 100.0 * np.arange(14)], -1)


def group(truth: list[np.ndarray], found: list[np.ndarray], scores: list[float]) -> Group:
    return Group(
        np.reshape(truth, (-1, 14, 2)), np.full(len(truth), 30.0), np.reshape(found, (-1, 14, 2)),
        np.reshape(np.repeat(scores, 14), (-1, 14)),
    )  # fmt: skip


A, B = standing(0.0), standing(500.0)
GROUPS = [  # what, true people, people found, scores, mAP
    ("everybody found", [A, B], [B, A], [0.5, 0.9], 100.0),
    ("exactly half a head off", [A], [A + np.array([15, 0])], [1.0], 100.0),
    ("one of two missed", [A, B], [A], [1.0], 50.0),
    ("a ghost less sure than the person costs nothing", [A], [A, B], [0.9, 0.1], 100.0),
    ("a ghost surer than the person halves precision", [A], [A, B], [0.1, 0.9], 50.0),
    ("a double is a ghost", [A], [A + 1, A], [0.9, 0.5], 100.0),
    ("the fuller of two goes with the person", [A], [np.where(np.arange(14)[:, None] < 7, A, 9e3), A], [0.9, 0.1], 50.0),
    ("nobody found", [A], [], [], 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("case", "truth", "found", "scores", "expected"), GROUPS, ids=[g[0] for g in GROUPS])
def test_groups_by_hand(case, truth, found, scores, expected):
    assert mpii_groups.figures([group(truth, found, scores)])["map"] == pytest.approx(expected), case


def test_joints_count_each_for_itself():
    """Of the person found half is right: joints 0-6 have full precision, 7-13 none."""
    half = np.where(np.arange(14)[:, None] < 7, A, A + 200)
    figures = mpii_groups.figures([group([A], [half], [1.0])])
    assert figures["ankle"] == 100.0 and figures["head"] == 0.0 and figures["map"] == 50.0


def literal_map(groups: list[Group]) -> float:
    """The toolkit's steps, spelled out: assign, collect scores and labels joint by joint, sort, integrate."""
    collected = [([], [], 0) for _ in range(14)]
    for one in groups:
        people, found = len(one.truth_px), len(one.found_px)
        share = np.zeros((found, people))
        hit = np.zeros((found, people, 14), bool)
        for p in range(found):
            for t in range(people):
                annotated = 0
                for j in range(14):
                    if np.isnan(one.truth_px[t, j, 0]):
                        continue
                    annotated += 1
                    if not np.isnan(one.found_px[p, j, 0]):
                        hit[p, t, j] = math.dist(one.found_px[p, j], one.truth_px[t, j]) / one.head_size[t] <= 0.5
                share[p, t] = hit[p, t].sum() / annotated if annotated else 0
        for p in range(found):
            best = int(np.argmax(share[p])) if people else -1
            for t in range(people):
                if t != best:
                    share[p, t] = 0
        person_of = {}
        for t in range(people):
            if found and share[:, t].max() > 0:
                person_of[int(np.argmax(share[:, t]))] = t
        for j in range(14):
            scores, labels, count = collected[j]
            for p in range(found):
                if not np.isnan(one.found_px[p, j, 0]):
                    scores.append(one.scores[p, j])
                    labels.append(p in person_of and bool(hit[p, person_of[p], j]))
            collected[j] = scores, labels, count + int((~np.isnan(one.truth_px[:, j, 0])).sum())
    aps = []
    for scores, labels, count in collected:
        if not count:
            continue
        order = sorted(range(len(scores)), key=lambda i: -scores[i])
        recall, precision, hits = [0.0], [0.0], 0
        for n, i in enumerate(order, 1):
            hits += labels[i]
            recall.append(hits / count)
            precision.append(hits / n)
        recall.append(1.0)
        precision.append(0.0)
        for i in range(len(precision) - 2, -1, -1):
            precision[i] = max(precision[i], precision[i + 1])
        aps.append(100 * sum((recall[i] - recall[i - 1]) * precision[i] for i in range(1, len(recall))))
    return sum(aps) / len(aps) if aps else math.nan


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_mean_average_precision_is_that_of_a_literal_computation(seed):
    rng = np.random.default_rng(seed)
    groups = []
    for _ in range(3):
        people, found = int(rng.integers(0, 4)), int(rng.integers(0, 5))
        truth = rng.uniform(0, 400, (people, 1, 2)) + rng.uniform(0, 100, (people, 14, 2))
        px = rng.uniform(0, 400, (found, 14, 2))
        for p in range(found):
            if people and rng.random() < 0.8:
                px[p] = truth[int(rng.integers(people))] + rng.normal(0, 12, (14, 2))
        truth[rng.random((people, 14)) < 0.2] = np.nan
        px[rng.random((found, 14)) < 0.2] = np.nan
        groups.append(Group(truth, rng.uniform(20, 40, people), px, rng.choice([0.1, 0.4, 0.7, 0.9], (found, 14))))
    assert mpii_groups.figures(groups)["map"] == pytest.approx(literal_map(groups), nan_ok=True)
