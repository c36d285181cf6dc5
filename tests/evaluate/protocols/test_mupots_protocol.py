"""MuPoTS-3D's rules: by hand, what must not matter, and against a second, slow computation that follows the words literally."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xnect_lite.evaluate.protocols import mupots, pck3d
from xnect_lite.skeleton import MUPOTS17, PARENTS

J = {name: i for i, name in enumerate(MUPOTS17.names)}


# -- the rules once more, one joint at a time ---------------------------------------------------------------------------

PARENT_NAMES = {
    "head_top": "neck", "neck": "spine", "r_shoulder": "neck", "r_elbow": "r_shoulder", "r_wrist": "r_elbow",
    "l_shoulder": "neck", "l_elbow": "l_shoulder", "l_wrist": "l_elbow", "r_hip": "pelvis", "r_knee": "r_hip",
    "r_ankle": "r_knee", "l_hip": "pelvis", "l_knee": "l_hip", "l_ankle": "l_knee", "spine": "pelvis", "head": "neck",
}  # fmt: skip


def literal_matching(truth_px, found_px) -> list[int]:
    """For every true person in turn: of people not yet taken, who has most of the 13 joints within 40 px in x and in y?"""
    taken, out = set(), []
    for true in truth_px:
        best, best_count = -1, 0
        for p, person in enumerate(found_px):
            if p in taken:
                continue
            count = 0
            for j in range(1, 14):
                if not math.isnan(person[j][0]) and abs(true[j][0] - person[j][0]) < 40 and abs(true[j][1] - person[j][1]) < 40:
                    count += 1
            if count > best_count:
                best, best_count = p, count
        if best >= 0:
            taken.add(best)
        out.append(best)
    return out


def literal_errors(found, truth, relative: bool) -> list[float]:
    """Centre both, walk outwards from the pelvis with true lengths in the directions found, measure."""
    centre = lambda pose: [[p[a] - pose[J["pelvis"]][a] for a in range(3)] for p in pose]  # noqa: E731
    if relative:
        found, truth = centre(found), centre(truth)
    placed = {"pelvis": found[J["pelvis"]]}
    while len(placed) < 17:
        for name, parent in PARENT_NAMES.items():
            if name in placed or parent not in placed:
                continue
            bone = [found[J[name]][a] - found[J[parent]][a] for a in range(3)]
            wanted, length = math.dist(truth[J[name]], truth[J[parent]]), math.hypot(*bone)
            placed[name] = [placed[parent][a] + bone[a] * wanted / length for a in range(3)]
    return [math.dist(placed[name], truth[J[name]]) for name in MUPOTS17.names]


def literal_pck(errors: list[list[float]], threshold: float) -> float:
    counted = [name for name in MUPOTS17.names if name not in ("pelvis", "spine", "head")]
    hits = [person[J[name]] < threshold for person in errors for name in counted]
    return 100 * sum(hits) / len(hits)


def literal_masked_pck(errors, hidden, which: bool) -> float:
    """Of the counted joints that are hidden, or are not: at most 150 mm."""
    hits = []
    for person, flags in zip(errors, hidden, strict=True):
        for j, name in enumerate(MUPOTS17.names):
            if name not in ("pelvis", "spine", "head") and bool(flags[j]) == which:
                hits.append(person[j] <= 150)
    return 100 * sum(hits) / len(hits) if hits else math.nan


# -- random frames ------------------------------------------------------------------------------------------------------


def random_frame(rng: np.random.Generator, spread_px: float, spread_mm: float):
    """A frame of 0-3 true people and 0-4 found, some of them near true ones."""
    people, found = int(rng.integers(0, 4)), int(rng.integers(0, 5))
    annot2 = rng.uniform(0, 900, (people, 1, 2)) + rng.uniform(-90, 90, (people, 17, 2))
    annot3 = rng.normal((0, 0, 4000), 400, (people, 17, 3))
    truth = mupots.Truth(annot2, annot3, annot3 * rng.uniform(0.8, 1.2), rng.random((people, 17)) < 0.3)
    px, mm = rng.uniform(0, 900, (found, 17, 2)), rng.normal(0, 400, (found, 17, 3))
    for p in range(found):
        if people and rng.random() < 0.8:
            t = int(rng.integers(people))
            px[p] = annot2[t] + rng.normal(0, spread_px, (17, 2))
            mm[p] = annot3[t] + rng.normal(0, spread_mm, (17, 3))
    return truth, (px, mm)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([5.0, 30.0, 80.0]), st.sampled_from([20.0, 150.0]))
def test_the_same_as_a_literal_computation(seed, spread_px, spread_mm):
    rng = np.random.default_rng(seed)
    frames = [random_frame(rng, spread_px, spread_mm) for _ in range(3)]
    score = mupots.sequence_errors("TS1", [truth for truth, _ in frames], [found for _, found in frames])
    relative, absolute, matched = [], [], []
    for truth, (px, mm) in frames:
        for t, p in enumerate(literal_matching(truth.annot2.tolist(), px.tolist())):
            matched.append(p >= 0)
            missed = [1e5] * 17
            relative.append(literal_errors(mm[p].tolist(), truth.univ_annot3[t].tolist(), True) if p >= 0 else missed)
            absolute.append(literal_errors(mm[p].tolist(), truth.annot3[t].tolist(), False) if p >= 0 else missed)
    assert score.matched.tolist() == matched
    if not relative:
        return
    hit = [errors for errors, found in zip(relative, matched, strict=True) if found]
    np.testing.assert_allclose(score.relative_mm[score.matched], np.array(hit).reshape(-1, 17), rtol=1e-9, atol=1e-7)
    figures = mupots.totals([score])
    assert figures["pck_all_pooled"] == pytest.approx(literal_pck(relative, 150))
    assert figures["pck_all_absolute"] == pytest.approx(literal_pck(absolute, 150))
    assert figures["auc_all_pooled"] == pytest.approx(sum(literal_pck(relative, 5 * i) for i in range(31)) / 31)
    hidden = [truth.occluded[t] for truth, _ in frames for t in range(len(truth.annot2))]
    for name, which in (("occluded", True), ("visible", False)):
        expected = literal_masked_pck(relative, hidden, which)
        assert figures[f"pck_all_{name}"] == pytest.approx(expected, nan_ok=True)
    if hit:
        assert figures["pck_matched_pooled"] == pytest.approx(literal_pck(hit, 150))


# -- by hand ------------------------------------------------------------------------------------------------------------


def stick(x_px: float = 100.0) -> tuple[np.ndarray, np.ndarray]:
    """(17, 2) and (17, 3) of somebody whose every bone is 100 mm long and points down the picture."""
    mm = np.zeros((17, 3))
    for j in mupots._OUTWARDS:
        mm[j] = mm[mupots._PARENTS[j]] + (0, 100, 0)
    return np.stack([np.full(17, x_px), 100 + mm[:, 1] / 10], -1), mm + np.array([0, 0, 3000])


def truth_of(*people: tuple[np.ndarray, np.ndarray]) -> mupots.Truth:
    px, mm = (np.stack(values) for values in zip(*people, strict=True))
    occluded = np.zeros((len(people), 17), bool)
    return mupots.Truth(px, mm, mm, occluded)


def score(truth: mupots.Truth, found_px, found_mm) -> dict[str, float]:
    found = np.reshape(found_px, (-1, 17, 2)), np.reshape(found_mm, (-1, 17, 3))
    return mupots.totals([mupots.sequence_errors("TS1", [truth], [found])])


def test_the_truth_itself_scores_full_marks():
    px, mm = stick()
    figures = score(truth_of((px, mm)), px, mm)
    assert figures["pck_all_pooled"] == figures["pck_matched_sequences"] == figures["pck_all_absolute"] == 100.0
    assert figures["auc_all_pooled"] == pytest.approx(100 * 30 / 31), "nothing is below a threshold of 0 mm"
    assert figures["mpjpe_matched_mm"] == 0.0


def test_a_turned_forearm_moves_the_wrist_alone():
    """Turned by a right angle, a bone of 100 mm puts its end 141 mm away; one of 110 mm, 156 mm: beyond 150."""
    for length, right in ((100.0, 14), (110.0, 13)):
        px, mm = stick()
        mm[J["r_wrist"]] = mm[J["r_elbow"]] + (0, length, 0)
        found = mm.copy()
        found[J["r_wrist"]] = mm[J["r_elbow"]] + (77.0, 0, 0)  # the length found does not matter
        assert score(truth_of((px, mm)), px, found)["pck_all_pooled"] == pytest.approx(100 * right / 14)


def test_exactly_150_mm_is_wrong_in_the_score_and_right_among_visible_joints():
    px, mm = stick()
    mm[J["r_wrist"]] = mm[J["r_elbow"]] + (0, 75, 0)
    found = mm.copy()
    found[J["r_wrist"]] = mm[J["r_elbow"]] - (0, 75, 0)
    figures = score(truth_of((px, mm)), px, found)
    assert figures["pck_all_pooled"] == pytest.approx(100 * 13 / 14) and figures["pck_all_visible"] == 100.0


MATCHING = [  # what, offset of the person found in px, is the true person found
    ("39 px aside", (39.0, 0.0), True),
    ("40 px aside is too far", (40.0, 0.0), False),
    ("39 px aside and 39 below: each axis for itself", (39.0, 39.0), True),
]


@pytest.mark.parametrize(("case", "offset", "found"), MATCHING, ids=[m[0] for m in MATCHING])
def test_who_is_matched(case, offset, found):
    px, mm = stick()
    px = px * (1, 0) + (0, 100)  # all joints in one place, so that all are near or none is
    figures = score(truth_of((px, mm)), px + offset, mm)
    assert figures["found"] == 100.0 * found, case


def test_one_joint_is_enough_to_be_matched_but_head_and_pelvis_do_not_count():
    px, mm = stick()
    for joint, found in (("l_ankle", True), ("head_top", False), ("pelvis", False), ("spine", False)):
        far = px + 500
        far[J[joint]] = px[J[joint]]
        assert score(truth_of((px, mm)), far, mm)["found"] == 100.0 * found, joint


def test_people_are_matched_in_the_order_of_the_truth_not_of_the_best_fit():
    """The first true person takes the only one found, though the second stands exactly there and so is missed."""
    (px, _), (other_px, _) = stick(100.0), stick(130.0)
    assert mupots.match_people(np.stack([px, other_px]), other_px[None]).tolist() == [0, -1]
    assert mupots.match_people(np.stack([other_px, px]), other_px[None]).tolist() == [0, -1]


def test_whoever_is_missed_counts_in_all_and_not_in_matched():
    (px, mm), (other_px, other_mm) = stick(100.0), stick(700.0)
    figures = score(truth_of((px, mm), (other_px, other_mm)), px, mm)
    assert figures["pck_all_pooled"] == 50.0 and figures["pck_matched_pooled"] == 100.0 and figures["found"] == 50.0


def test_people_whom_nobody_annotated_cost_nothing():
    px, mm = stick()
    ghosts = np.stack([px, px + 600, px + 900])
    assert score(truth_of((px, mm)), ghosts, np.stack([mm] * 3))["pck_all_pooled"] == 100.0


def test_nobody_found_is_no_matched_figure_and_nought_of_all():
    px, mm = stick()
    figures = score(truth_of((px, mm)), np.zeros((0, 17, 2)), np.zeros((0, 17, 3)))
    assert figures["pck_all_pooled"] == 0.0 and math.isnan(figures["pck_matched_pooled"])
    assert math.isnan(figures["pck_matched_sequences"]) and math.isnan(figures["mpjpe_matched_mm"])


def test_a_missing_neck_and_pelvis_are_put_between_shoulders_and_hips_and_another_missing_joint_is_wrong():
    px, mm = stick()
    for one, other, middle in (("r_shoulder", "l_shoulder", "neck"), ("r_hip", "l_hip", "pelvis")):
        mm[J[one]], mm[J[other]] = mm[J[middle]] + (50, 0, 0), mm[J[middle]] - (50, 0, 0)
    found, found_px = mm.copy(), px.copy()
    found[[J["neck"], J["pelvis"]]] = found_px[[J["neck"], J["pelvis"]]] = np.nan
    assert score(truth_of((px, mm)), found_px, found)["pck_all_pooled"] == 100.0
    found[J["l_elbow"]] = np.nan  # its wrist hangs on it
    assert score(truth_of((px, mm)), found_px, found)["pck_all_pooled"] == pytest.approx(100 * 12 / 14)


def test_the_two_aggregations_differ_where_sequences_do():
    """Three people right in one sequence, one wrong in another: 75 % of people, 50 % of sequences."""
    px, mm = stick()
    good = mupots.sequence_errors("TS1", [truth_of((px, mm))] * 3, [(px[None], mm[None])] * 3)
    bad = mupots.sequence_errors("TS2", [truth_of((px, mm))], [(np.zeros((0, 17, 2)), np.zeros((0, 17, 3)))])
    figures = mupots.totals([good, bad])
    assert figures["pck_all_pooled"] == 75.0 and figures["pck_all_sequences"] == 50.0
    assert figures["pck_matched_sequences"] == 100.0, "a sequence in which nobody was matched has no matched figure"
    assert list(mupots.sequence_table([good, bad])) == ["TS1", "TS2"]
    assert mupots.group_table([good, bad])["all"]["wrist"] == 75.0


# -- what must not matter ------------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.2, 5.0))
def test_the_size_of_the_people_found_and_where_they_stand_do_not_matter_to_the_relative_score(seed, scale):
    rng = np.random.default_rng(seed)
    truth, (px, mm) = random_frame(rng, 10.0, 60.0)
    moved = mm * scale + rng.normal(0, 1000, (len(mm), 1, 3))
    one, other = (mupots.sequence_errors("TS1", [truth], [(px, found)]).relative_mm for found in (mm, moved))
    np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-6)


def test_the_absolute_score_tells_them_apart():
    px, mm = stick()
    figures = score(truth_of((px, mm)), px, mm + np.array([0, 0, 400]))
    assert figures["pck_all_pooled"] == 100.0 and figures["pck_all_absolute"] == 0.0


def test_columns_and_parents_are_those_of_the_joint_table():
    assert [J[name] for name in ("head_top", "neck")] == [pck3d.GROUPS["head"][0], pck3d.GROUPS["neck"][0]]
    for column, joints in list(pck3d.GROUPS.items())[2:]:
        assert [MUPOTS17.names[j] for j in joints] == [f"r_{column}", f"l_{column}"]
    assert len(pck3d.COUNTED) == 14
    ours = {name: MUPOTS17.names[parent] for name, parent in zip(MUPOTS17.names, mupots._PARENTS, strict=True)}
    assert ours == {**PARENT_NAMES, "pelvis": "pelvis"}
    assert PARENTS[MUPOTS17.xnect[J["r_wrist"]]] == MUPOTS17.xnect[J["r_elbow"]]
