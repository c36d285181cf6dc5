"""Targets by hand, and everyone encoded is everyone decoded."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from people import random_mover

from xnect_lite.config import GroupingConfig
from xnect_lite.data.labels import Labels
from xnect_lite.data.target_people import person_centre
from xnect_lite.data.targets import Targets, encode
from xnect_lite.skeleton import INDEX, LIMBS, NUM_JOINTS, PARENTS, ROOT
from xnect_lite.stages.grouping.group import group_people
from xnect_lite.types import Letterbox, Maps

WIDTH, HEIGHT, STRIDE = 256, 192, 8
W, H = WIDTH // STRIDE, HEIGHT // STRIDE
CENTRE = NUM_JOINTS


def cell(x: float, y: float) -> tuple[float, float]:
    """Network pixel at the middle of map cell (x, y)."""
    return (x + 0.5) * STRIDE - 0.5, (y + 0.5) * STRIDE - 0.5


def make_labels(*people: dict, negative_weight: float = 1.0, ignore: tuple[int, int, int, int] | None = None) -> Labels:
    """One canvas. A person: joint name -> map cell, with optional 'bones', 'weight', 'weight_3d', 'log_depth' and 'layer'."""
    most = max(1, len(people))
    labels = Labels(
        joints_net_px=torch.full((1, most, NUM_JOINTS, 2), torch.nan), weight_2d=torch.zeros(1, most, NUM_JOINTS),
        bones_m=torch.full((1, most, NUM_JOINTS, 3), torch.nan), weight_3d=torch.zeros(1, most, NUM_JOINTS),
        log_depth=torch.full((1, most), torch.nan), present=torch.zeros(1, most, dtype=torch.bool),
        ignore=torch.zeros(1, H, W, dtype=torch.bool), negative_weight=torch.full((1, H, W), negative_weight),
        layer=torch.full((1, most), torch.nan),
    )  # fmt: skip
    for p, person in enumerate(people):
        labels.present[0, p] = True
        for name, value in person.items():
            if name in INDEX:
                labels.joints_net_px[0, p, INDEX[name]] = torch.tensor(cell(*value))
                labels.weight_2d[0, p, INDEX[name]] = person.get("weight", 1.0)
        for name, bone in person.get("bones", {}).items():
            labels.bones_m[0, p, INDEX[name]] = torch.tensor(bone)
            labels.weight_3d[0, p, INDEX[name]] = person.get("weight_3d", 1.0)
        labels.log_depth[0, p] = person.get("log_depth", torch.nan)
        labels.layer[0, p] = person.get("layer", torch.nan)
    if ignore is not None:
        x0, y0, x1, y1 = ignore
        labels.ignore[0, y0:y1, x0:x1] = True
    return labels


def targets_of(*people: dict, **canvas) -> Targets:
    return encode(make_labels(*people, **canvas), STRIDE, WIDTH, HEIGHT)


# -- heatmaps --------------------------------------------------------------------------------------------------------

TALL = {"r_wrist": (10, 4), "l_ankle": (12, 17.75)}  # 110 network px: sigma = 1.25 * sqrt(110 / 200) cells


@pytest.mark.parametrize(("x", "y"), [(10, 4), (11, 4), (10, 3), (12, 6)])
def test_the_bell_of_one_joint(x, y):
    sigma = 1.25 * (110 / 200) ** 0.5
    expected = np.exp(-0.5 * ((x - 10) ** 2 + (y - 4) ** 2) / sigma**2)
    heat = targets_of(TALL).heat[0]
    assert heat[INDEX["r_wrist"], y, x] == pytest.approx(expected, rel=1e-5)
    assert (heat[INDEX["nose"]] == 0).all()


def test_between_cells():
    heat = targets_of({"r_wrist": (10.25, 4), "l_ankle": (12, 17.75)}).heat[0, INDEX["r_wrist"]]
    sigma2 = 1.25**2 * 110 / 200
    assert heat[4, 10] == pytest.approx(np.exp(-0.5 * 0.0625 / sigma2), rel=1e-5)
    assert heat[4, 11] == pytest.approx(np.exp(-0.5 * 0.5625 / sigma2), rel=1e-5)


@pytest.mark.parametrize(("height_cells", "sigma"), [(25.0, 1.25), (1.0, 0.7), (100.0, 2.0)], ids=["200 px", "tiny", "huge"])
def test_bells_grow_with_the_person_within_bounds(height_cells, sigma):
    heat = targets_of({"r_wrist": (10, 4), "l_ankle": (10, 4 + height_cells)}).heat[0, INDEX["r_wrist"]]
    assert heat[4, 11] == pytest.approx(np.exp(-0.5 / sigma**2), rel=1e-5)


def test_where_bells_meet_the_higher_counts():
    heat = targets_of(TALL, {"r_wrist": (14, 4), "l_ankle": (14, 17.75)}).heat[0, INDEX["r_wrist"]]
    sigma2 = 1.25**2 * 110 / 200
    assert heat[4, 12] == pytest.approx(np.exp(-0.5 * 4 / sigma2), rel=1e-5)
    assert heat[4, 13] == pytest.approx(np.exp(-0.5 * 1 / sigma2), rel=1e-5)


# -- what carries loss -----------------------------------------------------------------------------------------------


def test_a_joint_without_a_label_is_unknown_in_its_persons_box_and_absent_elsewhere():
    weight = targets_of(TALL).heat_weight[0]
    nose, wrist = weight[INDEX["nose"]], weight[INDEX["r_wrist"]]
    assert nose[10, 11] == 0 and nose[4, 10] == 0, "in the box: no loss"
    assert nose[10, 25] == 1 and nose[22, 2] == 1, "outside: nobody's nose is there"
    assert (wrist == 1).all(), "a labelled joint is absent wherever it is not"
    paf = targets_of(TALL).paf_weight[0, LIMBS.index((INDEX["r_elbow"], INDEX["r_wrist"]))]
    assert paf[10, 11] == 0 and paf[10, 25] == 1, "a limb with one end unknown"


def test_trust_is_the_weight_of_the_bell_but_not_of_its_surroundings():
    targets = targets_of({**TALL, "weight": 0.3}, negative_weight=0.6)
    wrist = targets.heat_weight[0, INDEX["r_wrist"]]
    assert wrist[4, 10] == pytest.approx(0.3) and wrist[4, 11] == pytest.approx(0.3)
    assert wrist[4, 14] == pytest.approx(0.6), "four cells away the bell is below .02: empty"
    assert wrist[15, 25] == pytest.approx(0.6)


def test_negative_weight_is_that_of_empty_places():
    targets = targets_of(negative_weight=0.3)
    for weight in (targets.heat_weight, targets.paf_weight):
        assert (weight == 0.3).all()
    assert (targets.location_weight == 0).all() and (targets.depth_weight == 0).all()


def test_in_ignored_cells_empty_places_carry_no_loss_and_labelled_people_are_taught():
    person = {**TALL, "pelvis": (11, 10), "l_knee": (12, 14), "bones": {"l_ankle": (0, 0.4, 0)}, "log_depth": 2.0}
    targets, everywhere = targets_of(person, ignore=(5, 2, 16, 22)), targets_of(person)
    ignored = torch.zeros_like(targets.depth_weight[0]).bool()
    ignored[2:22, 5:16] = True
    for name, on in (("heat_weight", everywhere.heat[0] > 0.02), ("paf_weight", everywhere.paf_on[0] > 0)):
        here, there = getattr(targets, name)[0], getattr(everywhere, name)[0]
        assert (here[~on & ignored] == 0).all(), name
        assert torch.equal(here[on | ~ignored], there[on | ~ignored]) and (here[on & ignored] > 0).any(), name
    assert torch.equal(targets.location_weight, everywhere.location_weight) and targets.location_weight.sum() > 0
    assert torch.equal(targets.depth_weight, everywhere.depth_weight) and targets.depth_weight.sum() > 0


def test_nobody_and_people_without_known_joints_give_finite_empty_targets():
    for targets in (targets_of(), targets_of({}), targets_of({}, TALL)):
        assert all(torch.isfinite(getattr(targets, f.name)).all() for f in dataclasses.fields(targets))
    assert (targets_of({}).heat == 0).all() and (targets_of({}).heat_weight == 1).all()
    torch.testing.assert_close(targets_of({}, TALL).heat, targets_of(TALL).heat)


# -- the person's centre ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("joints", "centre"),
    [
        ({"r_shoulder": (8, 5), "l_shoulder": (12, 5), "r_hip": (9, 11), "l_hip": (11, 11)}, (10, 8)),
        ({"l_shoulder": (12, 5), "r_hip": (8, 11)}, (10, 8)),
        ({"r_shoulder": (8, 5), "l_shoulder": (12, 5)}, None),
        ({"r_hip": (8, 5), "l_hip": (12, 5)}, None),
        ({"nose": (10, 3), "r_knee": (10, 14)}, None),
    ],
    ids=["whole torso", "one of each", "no hip", "no shoulder", "neither"],
)
def test_the_centre_needs_a_shoulder_and_a_hip(joints, centre):
    targets = targets_of(joints)
    heat, weight = targets.heat[0, CENTRE], targets.heat_weight[0, CENTRE]
    if centre is None:
        assert (heat == 0).all() and weight[6, 10] == 0 and weight[20, 28] == 1
    else:
        assert heat[centre[1], centre[0]] == pytest.approx(1) and heat.argmax() == centre[1] * W + centre[0]
        assert weight[centre[1], centre[0]] == 1


def test_centres_by_hand():
    labels = make_labels({"r_shoulder": (8, 5), "r_hip": (9, 11), "l_hip": (13, 11)})
    xy, has = person_centre(labels.joints_net_px, labels.weight_2d > 0)
    assert has.item() and xy[0, 0].tolist() == pytest.approx(list(cell(10, 9)))


# -- part affinity fields --------------------------------------------------------------------------------------------

FOREARM = LIMBS.index((INDEX["l_elbow"], INDEX["l_wrist"]))


def test_a_limb_is_a_unit_vector_within_one_cell():
    targets = targets_of({"l_elbow": (8, 6), "l_wrist": (14, 6)})
    on, field = targets.paf_on[0, FOREARM], targets.pafs[0, FOREARM]
    inside = torch.zeros(H, W, dtype=torch.bool)
    inside[5:8, 7:16] = True  # one cell aside, and one beyond either end
    assert torch.equal(on.bool(), inside)
    assert (field[0][inside] == 1).all() and (field[1] == 0).all() and (field[0][~inside] == 0).all()
    assert (targets.paf_on[0].sum((1, 2)) > 0).sum() == 1


def test_a_slanted_limb():
    field = targets_of({"l_elbow": (8, 6), "l_wrist": (11, 10)}).pafs[0, FOREARM]
    assert field[:, 8, 9].tolist() == pytest.approx([0.6, 0.8])  # 0.4 cells beside the line
    assert field[:, 8, 12].tolist() == [0, 0]  # 2 cells beside it


def test_limbs_that_overlap_are_averaged():
    targets = targets_of({"l_elbow": (8, 6), "l_wrist": (14, 6)}, {"l_elbow": (11, 3), "l_wrist": (11, 9)})
    assert targets.pafs[0, FOREARM, :, 6, 11].tolist() == pytest.approx([0.5, 0.5])
    assert targets.pafs[0, FOREARM, :, 6, 8].tolist() == [1, 0] and targets.pafs[0, FOREARM, :, 9, 11].tolist() == [0, 1]


def test_a_limb_is_trusted_as_its_less_sure_end():
    labels = make_labels({"l_elbow": (8, 6), "l_wrist": (14, 6)})
    labels.weight_2d[0, 0, INDEX["l_wrist"]] = 0.25
    weight = encode(labels, STRIDE, WIDTH, HEIGHT).paf_weight[0, FOREARM]
    assert weight[6, 10] == 0.25 and weight[20, 28] == 1


# -- location maps ---------------------------------------------------------------------------------------------------

ARM = {"l_elbow": (8, 6), "l_wrist": (14, 6), "bones": {"l_wrist": (0.1, -0.2, 0.3), "l_elbow": (0.4, 0.5, 0.6)}}


def test_a_bone_stands_within_two_cells_of_both_ends():
    targets = targets_of(ARM)
    ys, xs = np.mgrid[:H, :W]
    near_elbow, near_wrist = (np.hypot(xs - x, ys - 6) <= 2 for x in (8, 14))
    weight = targets.location_weight[0].numpy() > 0
    np.testing.assert_array_equal(weight[INDEX["l_wrist"]], near_elbow | near_wrist)
    np.testing.assert_array_equal(weight[INDEX["l_elbow"]], near_elbow)  # its parent, the shoulder, has no position
    assert not weight[INDEX["l_hand"]].any(), "its bone is unknown"
    assert not weight[INDEX["r_wrist"]].any()
    for name, bone in ARM["bones"].items():
        j = INDEX[name]
        np.testing.assert_allclose(targets.locations[0, :, j].numpy()[:, weight[j]].T, [bone] * weight[j].sum())


def test_the_roots_own_channels_are_unsupervised():
    targets = targets_of({"pelvis": (10, 10), "bones": {"pelvis": (1, 1, 1), "spine": (0, -0.2, 0)}})
    assert (targets.location_weight[0, ROOT] == 0).all()
    assert targets.location_weight[0, INDEX["spine"], 10, 10] == 1


def test_bones_are_trusted_as_their_labels():
    assert targets_of({**ARM, "weight_3d": 0.4}).location_weight[0, INDEX["l_wrist"], 6, 14] == pytest.approx(0.4)


def _two_wrists(first: dict, second: dict) -> tuple[Targets, int]:
    return targets_of(first, second), INDEX["l_wrist"]


NEAR = {"l_wrist": (14, 6), "nose": (14, 20), "bones": {"l_wrist": (1, 1, 1)}}
FAR = {"l_wrist": (16, 6), "nose": (16, 10), "bones": {"l_wrist": (2, 2, 2)}}


@pytest.mark.parametrize("swapped", [False, True], ids=["near listed first", "far listed first"])
@pytest.mark.parametrize(
    ("near", "far"),
    [
        (NEAR, FAR),
        ({**NEAR, "log_depth": 1.0}, {**FAR, "log_depth": 2.0}),
        ({**FAR, "log_depth": 1.0}, {**NEAR, "log_depth": 2.0}),
        (NEAR, {**FAR, "log_depth": 0.1}),
        ({**FAR, "log_depth": 2.0, "layer": 1.0}, {**NEAR, "log_depth": 1.0, "layer": 0.0}),
    ],
    ids=["larger", "nearer and larger", "nearer though smaller", "depth of one alone says nothing: larger", "pasted over"],
)
def test_where_people_overlap_the_nearer_wins(near, far, swapped):
    targets, wrist = _two_wrists(far, near) if swapped else _two_wrists(near, far)
    x_near, x_far = near["l_wrist"][0], far["l_wrist"][0]
    middle = (x_near + x_far) // 2
    bone = near["bones"]["l_wrist"][0]
    assert targets.locations[0, 0, wrist, 6, middle] == bone and targets.locations[0, 0, wrist, 6, x_near] == bone
    assert targets.locations[0, 0, wrist, 6, x_far + np.sign(x_far - x_near)] == far["bones"]["l_wrist"][0]


def test_somebody_in_front_without_a_known_bone_hides_the_one_behind():
    targets, wrist = _two_wrists({k: v for k, v in NEAR.items() if k != "bones"}, FAR)
    assert targets.location_weight[0, wrist, 6, 15] == 0 and targets.location_weight[0, wrist, 6, 17] == 1


def test_depth_stands_around_pelvis_and_centre():
    person = {"pelvis": (10, 14), "r_shoulder": (10, 6), "r_hip": (10, 14), "log_depth": 1.5}
    targets = targets_of(person)
    ys, xs = np.mgrid[:H, :W]
    near = (np.hypot(xs - 10, ys - 14) <= 2) | (np.hypot(xs - 10, ys - 10) <= 2)
    np.testing.assert_array_equal(targets.depth_weight[0].numpy() > 0, near)
    assert (targets.depth[0].numpy()[near] == 1.5).all()
    assert (targets_of({k: v for k, v in person.items() if k != "log_depth"}).depth_weight == 0).all()


# -- a batch is its canvases -----------------------------------------------------------------------------------------


def test_canvases_of_a_batch_do_not_touch_each_other():
    one = make_labels(NEAR, FAR)
    other = make_labels(ARM, negative_weight=0.3)
    padded = make_labels({}, {})
    padded.present[:] = False
    for field in ("joints_net_px", "weight_2d", "bones_m", "weight_3d", "log_depth", "present"):
        getattr(padded, field)[:, :1] = getattr(other, field)
    padded.negative_weight[:] = 0.3
    tensors = [f.name for f in dataclasses.fields(Labels) if isinstance(getattr(one, f.name), torch.Tensor)]
    both = Labels(**{name: torch.cat([getattr(one, name), getattr(padded, name)]) for name in tensors})
    batch = encode(both, STRIDE, WIDTH, HEIGHT)
    for row, alone in enumerate((one, other)):
        single = encode(alone, STRIDE, WIDTH, HEIGHT)
        for f in dataclasses.fields(Targets):
            torch.testing.assert_close(getattr(batch, f.name)[row], getattr(single, f.name)[0], msg=f"{f.name} of {row}")


# -- people cut off by the canvas ------------------------------------------------------------------------------------


def _cut_off() -> Labels:
    """A shoulder on the canvas, the ankle known to lie 30 cells below it; the knee is unknown."""
    labels = make_labels({"l_shoulder": (10, 10)})
    labels.joints_net_px[0, 0, INDEX["l_ankle"]] = torch.tensor(cell(10, 40))
    return labels


def test_a_joint_that_was_cut_off_is_absent_and_an_unknown_one_stays_unknown():
    weight = encode(_cut_off(), STRIDE, WIDTH, HEIGHT).heat_weight[0]
    assert weight[INDEX["l_ankle"], 12, 10] == 1, "nobody's ankle is on the canvas"
    assert weight[INDEX["l_knee"], 12, 10] == 0, "the knee may be anywhere in the person's box"
    assert weight[INDEX["l_knee"], 20, 10] == 0, "which reaches down to the ankle"
    assert weight[INDEX["l_knee"], 12, 28] == 1, "and not across the canvas"


def test_a_person_cut_off_is_as_large_as_before():
    whole = make_labels({"l_shoulder": (10, 2), "l_ankle": (10, 22)})
    part = make_labels({"l_shoulder": (10, 10)})
    part.joints_net_px[0, 0, INDEX["l_ankle"]] = torch.tensor(cell(10, 30))
    heats = [encode(labels, STRIDE, WIDTH, HEIGHT).heat[0, INDEX["l_shoulder"]] for labels in (whole, part)]
    assert heats[0][2, 12] == pytest.approx(float(heats[1][10, 12]), rel=1e-5), "the same spread two cells away"
    alone = encode(make_labels({"l_shoulder": (10, 10)}), STRIDE, WIDTH, HEIGHT).heat[0, INDEX["l_shoulder"]]
    assert alone[10, 12] < 0.5 * heats[1][10, 12]


# -- everyone encoded is everyone decoded ----------------------------------------------------------------------------


def _crowd(seed: int, count: int) -> tuple[np.ndarray, np.ndarray, int, int]:
    """(P, 24, 2) network px and (P, 24, 3) bones in metres of people side by side in random poses, and the canvas size."""
    rng = np.random.default_rng(seed)
    size_px, width, height = rng.uniform(90, 260, count), 640, 320
    joints, bones = [], []
    for p in range(count):
        mm = random_mover(np.array([rng.uniform(0, 60)]), seed=int(rng.integers(1 << 30)), swing_deg=40)[0][0]
        scale = size_px[p] / np.ptp(mm[:, :2], axis=0).max()
        scale = min(scale, (width / count - 24) / np.ptp(mm[:, 0]))  # keep to one's own column
        xy = mm[:, :2] * scale
        column = (p + 0.5) * width / count, height / 2
        joints.append(xy - (xy.min(0) + xy.max(0)) / 2 + column + rng.uniform(-1, 1, 2))
        bones.append((mm - mm[PARENTS]) / 1000)
    return np.array(joints), np.array(bones), width, height


def _as_maps(targets: Targets, box: Letterbox) -> Maps:
    return Maps(
        targets.heat[0, :NUM_JOINTS], targets.heat[0, NUM_JOINTS], targets.pafs[0].flatten(0, 1),
        targets.locations[0].flatten(0, 1), targets.depth[0], STRIDE, box,
    )  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), count=st.integers(1, 4))
def test_everyone_encoded_is_everyone_decoded(seed, count):
    joints, bones, width, height = _crowd(seed, count)
    limbs = joints[:, [b for _, b in LIMBS]] - joints[:, [a for a, _ in LIMBS]]
    assume((np.linalg.norm(limbs, axis=-1) > 0.02 * STRIDE).all())  # ends on one point have no direction: no limb joins them
    labels = Labels(
        joints_net_px=torch.from_numpy(joints[None]).float(), weight_2d=torch.ones(1, count, NUM_JOINTS),
        bones_m=torch.from_numpy(bones[None]).float(), weight_3d=torch.ones(1, count, NUM_JOINTS),
        log_depth=torch.zeros(1, count), present=torch.ones(1, count, dtype=torch.bool),
        ignore=torch.zeros(1, height // 8, width // 8, dtype=torch.bool),
        negative_weight=torch.ones(1, height // 8, width // 8),
    )  # fmt: skip
    box = Letterbox.fit(2 * width, 2 * height, width, height)
    people = group_people(_as_maps(encode(labels, STRIDE, width, height), box), GroupingConfig())
    assert len(people) == count
    away_cells = np.linalg.norm(people.joints_px[:, None] - box.to_source(joints)[None], axis=-1) * box.scale / STRIDE
    partner = np.nanmean(away_cells, axis=-1).argmin(1)
    assert sorted(partner) == list(range(count))
    for row, p in enumerate(partner):
        assert np.isfinite(people.joints_px[row]).all(), "a joint was lost"
        assert away_cells[row, p].max() < 0.1, "a fraction of a cell"
        body = np.arange(NUM_JOINTS) != ROOT
        np.testing.assert_allclose(people.bones_ray_m[row, body], bones[p, body], atol=1e-4)


def test_a_limb_whose_ends_lie_on_one_point_leaves_the_fields_alone():
    """Hips labelled on one pixel put the pelvis there too: that limb has no direction, and no other place may suffer."""
    joints = np.full((1, 1, NUM_JOINTS, 2), np.nan, np.float32)
    weight = np.zeros((1, 1, NUM_JOINTS), np.float32)
    for name in ("pelvis", "r_hip", "l_hip"):
        joints[0, 0, INDEX[name]], weight[0, 0, INDEX[name]] = (60.0, 60.0), 1.0
    unknown = torch.full((1, 1, NUM_JOINTS, 3), torch.nan)
    labels = Labels(
        torch.from_numpy(joints), torch.from_numpy(weight), unknown, torch.zeros(1, 1, NUM_JOINTS),
        torch.full((1, 1), torch.nan), torch.ones(1, 1, dtype=torch.bool),
        torch.zeros(1, 16, 16, dtype=torch.bool), torch.ones(1, 16, 16),
    )  # fmt: skip
    targets = encode(labels, 8, 128, 128)
    assert not targets.paf_on.any() and not targets.pafs.any()
