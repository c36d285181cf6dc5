"""From maps to people."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from drawn_maps import HEIGHT, WIDTH, bones_of, check, draw, person, to_px
from hypothesis import given, settings
from hypothesis import strategies as st

from xnect_lite.config import GroupingConfig
from xnect_lite.skeleton import FLIP, INDEX, JOINTS, LIMBS, NUM_JOINTS, NUM_LIMBS, ROOT
from xnect_lite.stages.grouping.fragments import join_fragments
from xnect_lite.stages.grouping.group import associate, group_people
from xnect_lite.types import Letterbox, Maps

CONFIG = GroupingConfig()


# -- association -----------------------------------------------------------------------------------------------------


def _associate(*pairs: tuple[str, int, str, int, float], threshold: float = 0.1) -> list[dict[str, int]]:
    """People from limb scores given as (joint a, its peak, joint b, its peak, score)."""
    scores = np.zeros((NUM_LIMBS, 3, 3))
    for a, peak_a, b, peak_b, value in pairs:
        scores[LIMBS.index((INDEX[a], INDEX[b])), peak_a, peak_b] = value
    rows = associate(scores, np.ones((NUM_JOINTS, 3)), threshold)
    return [{JOINTS[j]: int(row[j]) for j in np.flatnonzero(row >= 0)} for row in rows]


@pytest.mark.parametrize(
    ("pairs", "people"),
    [
        ([], []),
        ([("neck", 0, "l_shoulder", 1, 0.05)], []),
        ([("neck", 0, "l_shoulder", 1, 0.9)], [{"neck": 0, "l_shoulder": 1}]),
        (
            [("neck", 0, "l_shoulder", 0, 0.9), ("l_shoulder", 0, "l_elbow", 2, 0.5)],
            [{"neck": 0, "l_shoulder": 0, "l_elbow": 2}],
        ),
        (
            [("neck", 0, "l_shoulder", 0, 0.9), ("neck", 1, "l_shoulder", 0, 0.8), ("neck", 1, "r_shoulder", 0, 0.7)],
            [{"neck": 0, "l_shoulder": 0}, {"neck": 1, "r_shoulder": 0}],
        ),
        (
            [("neck", 0, "l_shoulder", 0, 0.9), ("pelvis", 0, "l_hip", 0, 0.8), ("l_shoulder", 0, "l_hip", 0, 0.3)],
            [{"neck": 0, "l_shoulder": 0, "pelvis": 0, "l_hip": 0}],
        ),
        (
            [
                ("neck", 0, "l_shoulder", 0, 0.9),
                ("neck", 1, "r_shoulder", 1, 0.8),
                ("l_shoulder", 0, "l_hip", 0, 0.7),
                ("r_shoulder", 1, "r_hip", 1, 0.6),
                ("pelvis", 0, "l_hip", 0, 0.5),
                ("pelvis", 0, "r_hip", 1, 0.4),
            ],
            [{"neck": 0, "l_shoulder": 0, "l_hip": 0, "pelvis": 0}, {"neck": 1, "r_shoulder": 1, "r_hip": 1}],
        ),
    ],
    ids=[
        "nothing",
        "too weak",
        "a pair starts a person",
        "a limb extends it",
        "the better pair keeps the joint",
        "two halves without a common joint become one",
        "two people with a neck each stay two",
    ],
)
def test_association(pairs, people):
    assert _associate(*pairs) == people


# -- whole people ----------------------------------------------------------------------------------------------------


def test_one_person_is_found_whole():
    people = group_people(draw([person(32, 20)]), CONFIG)
    (row,) = check(people, [person(32, 20)])
    np.testing.assert_allclose(people.joint_score[row], 0.8, atol=0.11)  # a bell between cells is lower than its top
    assert people.person_score[row] == pytest.approx(people.joint_score[row].mean())
    expected = bones_of(0)
    expected[ROOT] = np.nan
    np.testing.assert_allclose(people.bones_ray_m[row], expected, atol=1e-5)
    assert np.isnan(people.joints_mm).all() and (people.ids == 0).all()


def test_source_pixels_follow_the_letterbox():
    box = Letterbox.fit(1920, 1080, WIDTH * 8, HEIGHT * 8)
    people = group_people(draw([person(32, 20)], box=box), CONFIG)
    np.testing.assert_allclose(people.joints_px[0], box.to_source(to_px(person(32, 20))), atol=0.8 / box.scale)


def test_nobody():
    maps = draw([])
    people = group_people(maps, CONFIG)
    assert len(people) == 0 and people.joints_px.shape == (0, 24, 2) and people.bones_ray_m.shape == (0, 24, 3)
    zero = dataclasses.replace(maps, heatmaps=torch.zeros_like(maps.heatmaps))
    assert len(group_people(zero, CONFIG)) == 0


def test_noise_is_nobody():
    generator = torch.Generator().manual_seed(0)
    maps = draw([])
    noise = dataclasses.replace(
        maps,
        heatmaps=0.2 * torch.rand(maps.heatmaps.shape, generator=generator),
        pafs=0.1 * torch.randn(maps.pafs.shape, generator=generator),
    )
    assert len(group_people(noise, CONFIG)) == 0


@pytest.mark.parametrize("gap", [14, 9, 5, 3.5])
def test_people_side_by_side_and_overlapping(gap):
    """Down to a gap at which one's arm lies on the other's trunk."""
    two = [person(28, 20), person(28 + gap, 19)]
    check(group_people(draw(two), CONFIG), two, atol_px=3.0)


def test_crossing_arms_stay_with_their_owners():
    one, other = person(24, 20), person(40, 20)
    for name, to in {"l_elbow": (29, 15), "l_wrist": (34, 22), "l_hand": (36, 24.5)}.items():
        one[INDEX[name]] = to
    for name, to in {"r_elbow": (35, 15), "r_wrist": (29.5, 22.5), "r_hand": (28, 25)}.items():
        other[INDEX[name]] = to
    check(group_people(draw([one, other]), CONFIG), [one, other], atol_px=3.0)


HEAD = ("head", "head_top", "nose", "r_ear", "l_ear")


@pytest.mark.parametrize(
    "without",
    [("pelvis",), ("spine",), ("pelvis", "spine"), HEAD, ("r_shoulder", "l_hip"), ("l_hand", "r_toe"), ("neck", *HEAD)],
    ids=" ".join,
)
def test_whoever_lacks_joints_is_still_one_person(without):
    expected = person(32, 20, without=without)
    if "r_shoulder" in without:  # what hangs on a missing joint alone is out of reach: no made-up connections
        expected = person(32, 20, without=(*without, "r_elbow", "r_wrist", "r_hand", "l_knee", "l_ankle", "l_toe"))
    check(group_people(draw([person(32, 20, without=without)]), CONFIG), [expected])


@pytest.mark.parametrize(
    ("without", "out_of_reach"),
    [
        (("neck",), ()),  # the flanks hold the body together
        (("neck", "r_shoulder"), ("r_elbow", "r_wrist", "r_hand")),
        (("neck", "pelvis"), ("spine",)),  # even the flanks are held together by the centre map alone
        (("neck", "head"), HEAD),  # ears without a head are single points
    ],
    ids=lambda names: " ".join(names) or "nothing",
)
def test_without_a_neck_the_head_is_found_where_the_trunk_leads(without, out_of_reach):
    """No limb ties the head to the body then."""
    expected = person(32, 20, without=(*without, *out_of_reach))
    check(group_people(draw([person(32, 20, without=without)]), CONFIG), [expected])


def test_heads_without_necks_go_to_their_own_bodies():
    two = [person(22, 20, without=("neck",)), person(33, 22, without=("neck",))]
    check(group_people(draw(two), CONFIG), two, atol_px=1.5)


def test_a_head_alone_beside_a_body_without_one_is_not_taken_for_its_head():
    body, head = person(20, 20, without=("neck", *HEAD)), person(40, 26)
    head[[j for j, name in enumerate(JOINTS) if name not in HEAD]] = np.nan
    check(group_people(draw([body, head]), CONFIG), [body])


TRUNK_GONE = ("pelvis", "spine", "r_shoulder", "r_elbow", "r_wrist", "r_hand", "l_hip", "l_knee", "l_ankle", "l_toe")


@pytest.mark.parametrize("has_centre", [True, False], ids=["centre map", "no centre map"])
def test_a_peak_of_the_centre_map_joins_the_halves_of_a_person(has_centre):
    """No limb is left between what is above and what is below the waist."""
    expected = person(32, 20, without=TRUNK_GONE)
    maps = draw([expected])
    if not has_centre:
        maps = dataclasses.replace(maps, centre=torch.zeros(HEIGHT, WIDTH))
    people = group_people(maps, dataclasses.replace(CONFIG, min_joints=3, person_threshold=0.0))
    assert len(people) == (1 if has_centre else 2)
    if has_centre:
        check(people, [expected])


def test_a_centre_that_is_somebody_elses_joins_nothing():
    """Shoulders on the left, hips on the right, and the whole person who stands between them."""
    above, below = person(20, 16, without=("spine", "pelvis")), person(44, 24, without=("spine", "pelvis"))
    lower = [INDEX[f"{s}_{n}"] for s in "rl" for n in ("hip", "knee", "ankle", "toe")]
    above[lower] = np.nan
    below[[j for j in range(NUM_JOINTS) if j not in lower]] = np.nan
    between = person(32, 20)
    people = group_people(draw([above, between, below]), dataclasses.replace(CONFIG, min_joints=3, person_threshold=0.0))
    assert sorted(np.isfinite(people.joints_px[..., 0]).sum(1).tolist())[-2:] == [14, 24]


def _twice(offset: float) -> Maps:
    """A large person, and the same once more, fainter and ``offset`` cells aside, in all maps."""
    one, again = draw([person(30, 19, 1.4)], sigma=0.6), draw([person(30 + offset, 19, 1.4)], strength=0.5, sigma=0.6)
    pafs = one.pafs.unflatten(0, (-1, 2))
    pafs = torch.where(pafs.norm(dim=1, keepdim=True) > 0, pafs, again.pafs.unflatten(0, (-1, 2)))
    return dataclasses.replace(one, heatmaps=torch.maximum(one.heatmaps, again.heatmaps), pafs=pafs.flatten(0, 1))


@pytest.mark.parametrize(("offset", "found"), [(2.1, 1), (6.0, 2)], ids=["a double", "somebody else"])
def test_a_double_detection_is_dropped(offset, found, monkeypatch):
    people = group_people(_twice(offset), CONFIG)
    assert len(people) == found
    np.testing.assert_allclose(people.joints_px[0], to_px(person(30, 19, 1.4)), atol=3)
    monkeypatch.setattr("xnect_lite.stages.grouping.group._doubles", lambda j: np.zeros((len(j), len(j)), bool))
    assert len(group_people(_twice(offset), CONFIG)) == 2


@pytest.mark.parametrize(("offset", "found"), [(0.5, 1), (6.0, 2)], ids=["a half taken for both", "somebody else's half"])
def test_a_side_that_is_found_as_the_other_side_too_is_dropped(offset, found):
    """Whoever is seen from the side has a left arm and leg where a right arm and leg seem to be as well."""
    body, again = person(30, 19, 1.4), np.full((NUM_JOINTS, 2), np.nan)
    right = [j for j, name in enumerate(JOINTS) if name.startswith("r_") and name != "r_ear"]
    again[right] = body[FLIP][right] + (offset, 0)
    people = group_people(draw([body, again], sigma=0.6), CONFIG)
    assert len(people) == found
    check(people.take(np.array([0])), [body])


@pytest.mark.parametrize(("most", "found"), [(10, 4), (4, 4), (3, 3), (1, 1)])
def test_max_people_keeps_the_surest(most, found):
    crowd = [person(8 + 15 * i, 20) for i in range(4)]
    people = group_people(draw(crowd), dataclasses.replace(CONFIG, max_people=most))
    assert len(people) == found
    evidence = people.joint_score.sum(1)
    assert (np.diff(evidence) <= 1e-6).all()


@pytest.mark.parametrize(
    ("names", "found"), [(("l_shoulder", "l_elbow", "l_wrist"), 0), (("neck", "l_shoulder", "l_elbow", "l_wrist"), 1)]
)
def test_fewer_than_min_joints_are_no_person(names, found):
    config = dataclasses.replace(CONFIG, person_threshold=0.0, min_joints=4)
    only = person(32, 20, without=tuple(n for n in JOINTS if n not in names))
    assert len(group_people(draw([only]), config)) == found


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["heatmaps", "centre", "pafs", "locations"])
def test_where_a_map_is_not_finite_there_is_nothing(name, value):
    one = person(44, 20)
    maps = draw([person(12, 20), one])
    broken = getattr(maps, name).clone()
    broken[..., :26] = value
    people = group_people(dataclasses.replace(maps, **{name: broken}), CONFIG)
    check(people, [one] if name in ("heatmaps", "pafs") else [person(12, 20), one])
    for field in ("joints_px", "joint_score", "person_score", "bones_ray_m", "locations_ray_m"):
        assert not np.isinf(getattr(people, field)).any()
    nothing = dataclasses.replace(maps, **{name: torch.full_like(broken, value)})
    assert len(group_people(nothing, CONFIG)) == (0 if name in ("heatmaps", "pafs") else 2)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), peaks=st.integers(1, 12), density=st.floats(0, 1))
def test_whatever_the_scores_no_peak_is_used_twice_and_no_person_has_a_joint_twice(seed, peaks, density):
    rng = np.random.default_rng(seed)
    scores = rng.uniform(-1, 1, (NUM_LIMBS, peaks, peaks)) * (rng.random((NUM_LIMBS, peaks, peaks)) < density)
    xy_map = rng.uniform(0, 64, (NUM_JOINTS, peaks, 2))
    rows = associate(scores, rng.random((NUM_JOINTS, peaks)), 0.1)
    assert (rows.max(1, initial=-1) >= 0).all() if len(rows) else True
    for joined in (rows, join_fragments(rows, xy_map, rng.uniform(0, 64, (rng.integers(0, 6), 2)))):
        for joint in range(NUM_JOINTS):
            used = joined[joined[:, joint] >= 0, joint]
            assert len(set(used.tolist())) == len(used)
        assert (joined >= 0).sum() == (rows >= 0).sum(), "joining loses no joint"


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), hot=st.floats(0, 0.2))
def test_whatever_the_maps_the_answer_is_finite_or_nan(seed, hot):
    generator = torch.Generator().manual_seed(seed)

    def noise(channels: int, spread: float) -> torch.Tensor:
        maps = spread * torch.randn(channels, 12, 16, generator=generator)
        bad = torch.tensor([torch.nan, torch.inf, -torch.inf, 1e30]).repeat(maps.numel() // 4).view_as(maps)
        return torch.where(torch.rand(maps.shape, generator=generator) < hot, bad, maps)

    box = Letterbox.fit(128, 96, 128, 96)
    maps = Maps(noise(NUM_JOINTS, 1).sigmoid(), noise(1, 1)[0].sigmoid(), noise(2 * NUM_LIMBS, 1), noise(3 * NUM_JOINTS, 1),
                noise(1, 1)[0], 8, box)  # fmt: skip
    people = group_people(maps, dataclasses.replace(CONFIG, min_joints=1, person_threshold=0.0))
    assert len(people) <= CONFIG.max_people
    for field in ("joints_px", "joint_score", "person_score", "bones_ray_m", "locations_ray_m"):
        assert not np.isinf(getattr(people, field)).any()
    assert np.isfinite(people.joint_score).all() and np.isfinite(people.person_score).all()


def test_faint_people_need_enough_evidence():
    faint = draw([person(32, 20)], strength=0.2)
    assert len(group_people(faint, dataclasses.replace(CONFIG, person_threshold=0.18))) == 1
    assert len(group_people(faint, dataclasses.replace(CONFIG, person_threshold=0.25))) == 0
