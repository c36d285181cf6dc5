"""From maps to people, on maps drawn here by hand (not by the training targets)."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xnect_lite.config import GroupingConfig
from xnect_lite.fragments import join_fragments
from xnect_lite.grouping import Peaks, associate, choose_bones, find_peaks, group_people, read_locations, score_limbs
from xnect_lite.skeleton import INDEX, JOINTS, LIMBS, MEETS, NUM_JOINTS, NUM_LIMBS, PARENTS, ROOT
from xnect_lite.types import Letterbox, Maps

CONFIG = GroupingConfig()
WIDTH, HEIGHT = 64, 40

# A person who stands upright and faces the camera, in units of a cell for a height of about 26 cells, pelvis at 0, 0.
STANDING = np.zeros((NUM_JOINTS, 2))
for _name, _xy in {
    "pelvis": (0, 0), "spine": (0, -4), "neck": (0, -8), "head": (0, -10.5), "head_top": (0, -12.5), "nose": (0.3, -10),
    "ear": (1, -10.6), "shoulder": (3, -8), "elbow": (4.4, -3.5), "wrist": (5.2, 0.5), "hand": (5.4, 2),
    "hip": (1.6, 0.2), "knee": (2, 6.5), "ankle": (2.2, 12.5), "toe": (3.2, 13.6),
}.items():  # fmt: skip
    for _side, _sign in (("", 1), ("r_", -1), ("l_", 1)):
        if _side + _name in INDEX:
            STANDING[INDEX[_side + _name]] = (_sign * _xy[0], _xy[1])


def person(x: float, y: float, size: float = 1.0, without: tuple[str, ...] = ()) -> np.ndarray:
    """(24, 2) the standing figure with its pelvis at map cell (x, y); joints ``without`` are NaN."""
    joints = STANDING * size + (x, y)
    joints[[INDEX[n] for n in without]] = np.nan
    return joints


def bones_of(number: int) -> np.ndarray:
    """(24, 3) made-up bones, different for every joint and person."""
    return np.random.default_rng(number).normal(0, 0.2, (NUM_JOINTS, 3))


def draw(people: list[np.ndarray], strength: float = 0.9, sigma: float = 1.0, box: Letterbox | None = None) -> Maps:
    """Maps of people given as (24, 2) map cells: bells at joints, unit vectors along limbs, bones around both ends."""
    ys, xs = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    heat, pafs = np.full((NUM_JOINTS, HEIGHT, WIDTH), 1e-4), np.zeros((NUM_LIMBS, 2, HEIGHT, WIDTH))
    locations, centre = np.zeros((3, NUM_JOINTS, HEIGHT, WIDTH)), np.full((HEIGHT, WIDTH), 1e-4)
    for number, joints in enumerate(people):
        bones = bones_of(number)
        for j in np.flatnonzero(np.isfinite(joints[:, 0])):
            distance2 = (xs - joints[j, 0]) ** 2 + (ys - joints[j, 1]) ** 2
            heat[j] = np.maximum(heat[j], strength * np.exp(-0.5 * distance2 / sigma**2))
            near = distance2 <= 2.5**2
            for bone in [j, *np.flatnonzero(j == PARENTS)]:
                locations[:, bone, near] = bones[bone][:, None]
        trunk = joints[[INDEX[n] for n in ("r_shoulder", "l_shoulder", "r_hip", "l_hip")]]
        if np.isfinite(trunk[:2]).any() and np.isfinite(trunk[2:]).any():
            x, y = np.nanmean(trunk, axis=0)
            centre = np.maximum(centre, strength * np.exp(-0.5 * ((xs - x) ** 2 + (ys - y) ** 2) / sigma**2))
        for k, (a, b) in enumerate(LIMBS):
            if np.isfinite(joints[[a, b]]).all():
                start, line = joints[a], joints[b] - joints[a]
                share = np.clip(((xs - start[0]) * line[0] + (ys - start[1]) * line[1]) / (line @ line), 0, 1)
                on = np.hypot(xs - start[0] - share * line[0], ys - start[1] - share * line[1]) <= 1
                pafs[k, :, on] = line / np.linalg.norm(line)

    def send(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array.astype(np.float32))

    box = box or Letterbox.fit(WIDTH * 8, HEIGHT * 8, WIDTH * 8, HEIGHT * 8)
    return Maps(
        send(heat), send(centre), send(pafs).flatten(0, 1), send(locations).flatten(0, 1),
        torch.zeros(HEIGHT, WIDTH), 8, box,
    )  # fmt: skip


def to_px(joints_map: np.ndarray) -> np.ndarray:
    """Map cells -> pixels of a source that has the network's size."""
    return (joints_map + 0.5) * 8 - 0.5


def check(people, expected: list[np.ndarray], atol_px: float = 0.8) -> list[int]:
    """Assert that exactly these people (map cells) were found; returns the row of each."""
    assert len(people) == len(expected)
    rows = []
    for joints in expected:
        away = np.linalg.norm(people.joints_px - to_px(joints), axis=-1)
        row = int(np.nanmean(away, axis=1).argmin())
        np.testing.assert_array_equal(np.isnan(people.joints_px[row, :, 0]), np.isnan(joints[:, 0]))
        np.testing.assert_allclose(people.joints_px[row], to_px(joints), atol=atol_px)
        rows.append(row)
    assert len(set(rows)) == len(rows)
    return rows


# -- peaks -----------------------------------------------------------------------------------------------------------


def _bells(*at: tuple[float, float], sigma: float = 1.0, top: float = 0.9) -> torch.Tensor:
    """(24, h, w) heatmaps, empty but for bells in joint 0's."""
    ys, xs = np.mgrid[:HEIGHT, :WIDTH]
    heat = np.zeros((NUM_JOINTS, HEIGHT, WIDTH), np.float32)
    for x, y in at:
        heat[0] = np.maximum(heat[0], top * np.exp(-0.5 * ((xs - x) ** 2 + (ys - y) ** 2) / sigma**2))
    return torch.from_numpy(heat)


@pytest.mark.parametrize(
    ("x", "y"),
    [(20, 10), (20.3, 10.4), (19.6, 9.51), (20.49, 9.99), (20.5, 10.0), (20.5, 10.5), (1, 1), (62, 38)],
    ids=lambda v: str(v),
)
@pytest.mark.parametrize("sigma", [0.7, 1.25, 2.0])
def test_a_bells_top_is_found_below_a_cell_and_once(x, y, sigma):
    peaks = find_peaks(_bells((x, y), sigma=sigma), 0.15, 20)
    assert (peaks.score[0] > 0).sum() == 1
    np.testing.assert_allclose(peaks.xy_map[0, 0], (x, y), atol=0.01)
    assert (peaks.score[1:] == 0).all()


@pytest.mark.parametrize(
    ("x", "y"), [(0, 20), (0.2, 20), (-0.3, 20), (63.2, 20), (30, 39.3), (0.3, -0.2)], ids=lambda v: str(v)
)
def test_at_the_border_the_outside_is_not_invented(x, y):
    """Half the bell is missing: the answer stays within a third of a cell."""
    peaks = find_peaks(_bells((x, y)), 0.15, 20)
    assert (peaks.score[0] > 0).sum() == 1
    np.testing.assert_allclose(peaks.xy_map[0, 0], (x, y), atol=0.34)


def test_peaks_come_best_first_and_only_so_many():
    heat = _bells((10, 10), (30, 10), (50, 10), top=0.5)
    heat[0, 10, 30] = 0.8
    heat[0, 10, 50] = 0.7
    peaks = find_peaks(heat, 0.15, 2)
    assert peaks.score[0].tolist() == pytest.approx([0.8, 0.7])
    np.testing.assert_allclose(peaks.xy_map[0, :, 0], (30, 50), atol=0.2)


@pytest.mark.parametrize(("top", "found"), [(0.16, 1), (0.14, 0)], ids=["above the threshold", "below"])
def test_the_threshold(top, found):
    assert (find_peaks(_bells((10, 10), top=top), 0.15, 20).score[0] > 0).sum() == found


def test_a_plateau_is_one_peak():
    """Coarse number formats make neighbouring cells equal."""
    heat = torch.zeros(NUM_JOINTS, HEIGHT, WIDTH)
    heat[0, 10:12, 20:22] = 0.75
    peaks = find_peaks(heat, 0.15, 20)
    assert (peaks.score[0] > 0).sum() == 1
    np.testing.assert_allclose(peaks.xy_map[0, 0], (20.5, 10.5), atol=0.01)


# -- limbs -----------------------------------------------------------------------------------------------------------


def _peaks(*xy: tuple[int, list[tuple[float, float]]]) -> Peaks:
    most = max(len(points) for _, points in xy)
    at, score = torch.zeros(NUM_JOINTS, most, 2), torch.zeros(NUM_JOINTS, most)
    for joint, points in xy:
        for i, point in enumerate(points):
            at[joint, i], score[joint, i] = torch.tensor(point, dtype=torch.float32), 1.0
    return Peaks(at, score)


ELBOW, WRIST = INDEX["l_elbow"], INDEX["l_wrist"]
FOREARM = LIMBS.index((ELBOW, WRIST))


@pytest.mark.parametrize(
    ("field", "to", "low", "high"),
    [
        ((1, 0), (20, 10), 0.99, 1.0),
        ((-1, 0), (20, 10), -1.0, 0.0),
        ((0, 1), (20, 10), -0.01, 0.01),
        ((1, 0), (10, 20), -0.01, 0.01),
        ((0.7071, 0.7071), (20, 20), 0.99, 1.01),
    ],
    ids=["along", "against", "across", "the line across the field", "diagonal"],
)
def test_agreement_of_field_and_line(field, to, low, high):
    pafs = torch.zeros(2 * NUM_LIMBS, HEIGHT, WIDTH)
    pafs[2 * FOREARM], pafs[2 * FOREARM + 1] = field
    scores = score_limbs(pafs, _peaks((ELBOW, [(10, 10)]), (WRIST, [to])), 10)
    assert scores.shape == (NUM_LIMBS, 1, 1) and low <= scores[FOREARM, 0, 0] <= high
    others = np.arange(NUM_LIMBS) != FOREARM
    assert (scores[others] == 0).all()


def test_a_line_half_of_which_lies_on_no_limb_scores_less_than_half():
    pafs = torch.zeros(2 * NUM_LIMBS, HEIGHT, WIDTH)
    pafs[2 * FOREARM, :, :20] = 1
    score = score_limbs(pafs, _peaks((ELBOW, [(10, 10)]), (WRIST, [(30, 10)])), 10)[FOREARM, 0, 0]
    assert 0.2 < score < 0.35


def test_padded_peaks_pair_with_nobody():
    pafs = torch.full((2 * NUM_LIMBS, HEIGHT, WIDTH), 0.7)
    scores = score_limbs(pafs, _peaks((ELBOW, [(10, 10), (10, 12)]), (WRIST, [(20, 20)])), 10)
    assert (scores[FOREARM, :, 0] > 0.5).all() and (scores[FOREARM, :, 1] == 0).all()


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
    monkeypatch.setattr("xnect_lite.grouping._doubles", lambda j: np.zeros((len(j), len(j)), bool))
    assert len(group_people(_twice(offset), CONFIG)) == 2


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


# -- bones -----------------------------------------------------------------------------------------------------------


def _tagged_locations() -> torch.Tensor:
    """Location maps in which every bone says at which column it was read."""
    columns = torch.arange(WIDTH, dtype=torch.float32).expand(3 * NUM_JOINTS, HEIGHT, WIDTH)
    return columns.clone()


def read_bones(locations: torch.Tensor, joints_map: np.ndarray) -> np.ndarray:
    return choose_bones(read_locations(locations, joints_map), joints_map)


def test_bones_meet_at_their_two_ends():
    assert MEETS.sum(0).tolist() == [0 if j == ROOT else 2 for j in range(NUM_JOINTS)]
    assert np.flatnonzero(MEETS[INDEX["l_elbow"]]).tolist() == [INDEX["l_elbow"], INDEX["l_wrist"]]
    pelvis = {JOINTS[k] for k in np.flatnonzero(MEETS[ROOT])}
    assert pelvis == {"spine", "r_hip", "l_hip"}


def test_only_bones_that_meet_at_a_joint_found_are_read():
    joints = np.full((1, NUM_JOINTS, 2), np.nan)
    joints[0, ELBOW] = (20, 10)
    read = read_locations(_tagged_locations(), joints)
    assert np.argwhere(np.isfinite(read[0, :, 0])).tolist() == [[ELBOW, ELBOW], [ELBOW, WRIST]]
    assert (read[0, ELBOW, :, WRIST] == 20).all()


def test_a_bone_is_read_at_the_end_farther_from_others_like_joints():
    nan = np.full((NUM_JOINTS, 2), np.nan)
    one, other = nan.copy(), nan.copy()
    one[ELBOW], one[WRIST] = (20, 10), (30, 10)
    other[ELBOW], other[WRIST] = (50, 30), (31, 10)  # wrist to wrist
    bones = read_bones(_tagged_locations(), np.stack([one, other]))
    assert bones[0, WRIST].tolist() == [20, 20, 20] and bones[1, WRIST].tolist() == [50, 50, 50]
    one[ELBOW], other[ELBOW] = (40, 10), (41, 10)  # now elbow to elbow, wrists apart
    one[WRIST], other[WRIST] = (30, 10), (51, 10)
    bones = read_bones(_tagged_locations(), np.stack([one, other]))
    assert bones[0, WRIST].tolist() == [30, 30, 30] and bones[1, WRIST].tolist() == [51, 51, 51]


@pytest.mark.parametrize(
    ("there", "expected"),
    [(("l_elbow", "l_wrist"), 30), (("l_wrist",), 30), (("l_elbow",), 20), ((), np.nan)],
    ids=["alone: at the joint itself", "only the joint", "only its parent", "neither end"],
)
def test_which_end_of_a_bone_is_read(there, expected):
    joints = np.full((1, NUM_JOINTS, 2), np.nan)
    for name in there:
        joints[0, INDEX[name]] = {"l_elbow": (20, 10), "l_wrist": (30, 10)}[name]
    bones = read_bones(_tagged_locations(), joints)
    np.testing.assert_array_equal(bones[0, WRIST], np.full(3, expected))
    assert np.isnan(bones[0, ROOT]).all()


def test_channels_are_x24_y24_z24():
    locations = torch.zeros(3 * NUM_JOINTS, HEIGHT, WIDTH)
    for axis in range(3):
        locations[axis * NUM_JOINTS + WRIST] = axis + 1
    joints = np.full((1, NUM_JOINTS, 2), np.nan)
    joints[0, WRIST] = (30, 10)
    assert read_bones(locations, joints)[0, WRIST].tolist() == [1, 2, 3]
