"""Whatever is drawn at random, labels stay on the pixels they belong to."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest
import torch

from xnect_lite.data.archives.packed import PackedSet, pack
from xnect_lite.data.canvases.canvas import canvas_people, to_labels
from xnect_lite.data.canvases.config import AugmentConfig
from xnect_lite.data.canvases.photometric import blur, photometric, resample
from xnect_lite.data.canvases.sampler import CanvasSampler
from xnect_lite.data.canvases.views import Subjects, draw_plan
from xnect_lite.data.labels import Labels, bones_from_joints
from xnect_lite.data.sample import LabelledPeople, Sample
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import FLIP, INDEX, JOINTS, NUM_JOINTS, PARENTS, ROOT

WIDTH, HEIGHT, STRIDE = 256, 192, 8
NO_COLOUR = dict.fromkeys(("colour", "blur", "low_resolution", "cut_out", "noise", "background", "jpeg", "paste", "grey"), 0.0)
PALETTE = np.array([c for c in itertools.product((20, 130, 245), repeat=3) if len(set(c)) > 1], np.uint8)  # no greys
MAGENTA = (255, 0, 255)


def dotted_picture(seed: int, ignore: bool = False) -> Sample:
    """Black, with one "person" whose joints are big dots of a colour each, scattered without overlap.

    The 3D joints are the 2D ones with a made-up depth: an orthographic view.
    """
    rng = np.random.default_rng(seed)
    width, height = 640, 420
    grid = np.stack(np.meshgrid(np.arange(6), np.arange(4)), -1).reshape(-1, 2)[rng.permutation(24)]
    xy = (grid + 0.5) * (width / 6, height / 4) + rng.uniform(-14, 14, (24, 2))
    ys, xs = np.mgrid[:height, :width]
    image = np.zeros((height, width, 3), np.uint8)
    boxes = np.zeros((0, 4), np.float32)
    if ignore:
        boxes = np.array([[200, 100, 420, 330]], np.float32)
        image[100:331, 200:421] = MAGENTA
    else:
        for j in range(NUM_JOINTS):
            image[(xs - xy[j, 0]) ** 2 + (ys - xy[j, 1]) ** 2 <= 30**2] = PALETTE[j]
    people = LabelledPeople.empty(1)
    people.joints_px[0], people.weight_2d[0], people.weight_3d[0] = xy, 1.0, 0.5
    people.joints_ray_mm[0, :, :2] = 3 * (xy - xy[ROOT])
    people.joints_ray_mm[0, :, 2] = rng.normal(0, 300, NUM_JOINTS)
    return Sample(lambda: image, (width, height), people, boxes, negative_weight=0.2 + 0.1 * (seed % 8))


def background() -> Sample:
    image = np.full((300, 400, 3), (0, 90, 0), np.uint8)
    return Sample(lambda: image, (400, 300), LabelledPeople.empty(), provenance="background")


@pytest.fixture(scope="module")
def dots() -> PackedSet:
    return pack([dotted_picture(seed) for seed in range(3)])


def sampler(packed: PackedSet, seed: int = 0, **changes) -> CanvasSampler:
    return CanvasSampler(packed, AugmentConfig(**{**NO_COLOUR, **changes}), STRIDE, np.random.default_rng(seed))


def people_of(labels: Labels) -> list[tuple[int, int]]:
    return [tuple(row) for row in labels.present.nonzero().tolist()]


def shows(image: torch.Tensor, xy: torch.Tensor, joints: np.ndarray) -> np.ndarray:
    """(n,) whether one of the four pixels around (n, 2) has the colour of this joint's dot."""
    out = np.zeros(len(joints), bool)
    for dx, dy in itertools.product((0, 1), repeat=2):  # at a tile's edge, the nearest pixel may be the neighbour's
        x = (xy[:, 0].floor().long() + dx).clamp(0, WIDTH - 1)
        y = (xy[:, 1].floor().long() + dy).clamp(0, HEIGHT - 1)
        out |= np.abs(image[:, y, x].T.numpy() - PALETTE[joints]).max(-1) < 30
    return out


VIEWS = {
    "as it comes": {},
    "flipped": {"flip": 1.0},
    "not flipped": {"flip": 0.0},
    "turned by any angle": {"any_rotation": 1.0},
    "stretched": {"aspect": 0.3},
    "whole pictures": {"whole_picture": 1.0, "mosaic": 0.0},
    "mosaics": {"mosaic": 1.0},
    "no mosaics": {"mosaic": 0.0},
    "large": {"min_person_net_px": 400.0, "max_person_share": 3.0},
    "cut by the border": {"cut_by_border": 1.0, "mosaic": 0.0, "whole_picture": 0.0, "any_rotation": 0.5},
    "small": {"max_person_share": 0.3, "fill": 0.0},
}


@pytest.mark.parametrize("changes", VIEWS.values(), ids=VIEWS.keys())
def test_every_label_lies_on_its_dot(dots, changes):
    """A joint's colour is found where the joint was moved to; in a mirrored picture it is the other side's."""
    image, labels = sampler(dots, seed=1, **changes).batch(24, WIDTH, HEIGHT)
    assert image.shape == (24, 3, HEIGHT, WIDTH) and labels.joints_net_px.shape[2:] == (24, 2)
    seen, mirrored = 0, []
    sided = np.arange(NUM_JOINTS) != FLIP
    for b, p in people_of(labels):
        joints = np.flatnonzero(labels.weight_2d[b, p] > 0)
        xy = labels.joints_net_px[b, p, joints]
        assert ((xy > -0.5) & (xy < torch.tensor([WIDTH, HEIGHT]) - 0.5)).all()
        plain, flipped = shows(image[b], xy, joints), shows(image[b], xy, FLIP[joints])
        assert plain.all() or flipped.all(), (b, p)
        if sided[joints].any():
            mirrored.append(bool(flipped.all()))
        seen += len(joints)
    assert seen > 100
    if "flip" in changes:
        assert set(mirrored) == {changes["flip"] == 1.0}
    else:
        assert set(mirrored) == {True, False}


def test_a_place_without_weight_is_off_the_canvas(dots):
    _, labels = sampler(dots, mosaic=0.0).batch(32, WIDTH, HEIGHT)
    known, placed = labels.weight_2d > 0, torch.isfinite(labels.joints_net_px).all(-1)
    assert placed[known].all()
    x, y = labels.joints_net_px[placed & ~known].T
    assert len(x) > 10, "large people are cut off"
    assert ((x < 0) | (x > WIDTH - 1) | (y < 0) | (y > HEIGHT - 1)).all()


def test_mosaics_hold_up_to_four_people_and_single_views_one(dots):
    _, labels = sampler(dots, mosaic=1.0).batch(24, WIDTH, HEIGHT)
    assert labels.present.sum(1).max() == 4 and labels.present.sum(1).float().mean() > 3
    _, labels = sampler(dots, mosaic=0.0).batch(24, WIDTH, HEIGHT)
    assert labels.present.sum(1).max() == 1


def test_mosaics_keep_people_in_their_tile(dots):
    """Everyone's joints lie in one rectangle of the four, so people of one canvas are separable by two lines."""
    _, labels = sampler(dots, seed=3, mosaic=1.0).batch(24, WIDTH, HEIGHT)
    low = torch.where(labels.weight_2d[..., None] > 0, labels.joints_net_px, torch.inf).amin(2)
    high = torch.where(labels.weight_2d[..., None] > 0, labels.joints_net_px, -torch.inf).amax(2)
    for b in range(24):
        for p, q in itertools.combinations(torch.nonzero(labels.present[b]).flatten().tolist(), 2):
            apart = (low[b, p] > high[b, q]) | (low[b, q] > high[b, p])
            assert apart.any(), (b, p, q)


# -- bones -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes", [{}, {"flip": 1.0}, {"any_rotation": 1.0}, {"mosaic": 1.0}], ids=["", "flip", "turn", "mosaic"]
)
def test_bones_turn_with_the_picture(dots, changes):
    """Of an orthographic figure, the bones' xy stay parallel to the limbs in the picture; depth and length stay as they are."""
    _, labels = sampler(dots, seed=2, aspect=0.0, **changes).batch(24, WIDTH, HEIGHT)
    lengths = np.stack([np.linalg.norm(b, axis=-1) for b in bones_from_joints(dots.people.joints_ray_mm) / 1000])
    depths = bones_from_joints(dots.people.joints_ray_mm)[..., 2] / 1000
    checked = 0
    for b, p in people_of(labels):
        xy, bones = labels.joints_net_px[b, p].numpy(), labels.bones_m[b, p].numpy()
        limb = xy - xy[PARENTS]
        both = np.isfinite(limb[:, 0]) & (np.arange(NUM_JOINTS) != ROOT)
        for j in np.flatnonzero(both):
            across = limb[j, 0] * bones[j, 1] - limb[j, 1] * bones[j, 0]
            size = np.linalg.norm(limb[j]) * np.linalg.norm(bones[j, :2])
            assert abs(across) < 1e-3 * size and limb[j] @ bones[j, :2] > 0.99 * size, JOINTS[j]
            checked += 1
        own = np.linalg.norm(bones, axis=-1)
        person = int(np.nanargmin([np.nanmax(np.abs(np.sort(own) - np.sort(truth))) for truth in lengths]))
        same = np.allclose(own, lengths[person], atol=1e-5, equal_nan=True)
        swapped = np.allclose(own, lengths[person][FLIP], atol=1e-5, equal_nan=True)
        assert same or swapped
        z = depths[person] if same else depths[person][FLIP]
        np.testing.assert_allclose(bones[:, 2], z, atol=1e-5)
    assert checked > 100


def test_stretching_a_picture_does_not_stretch_bodies(dots):
    _, labels = sampler(dots, aspect=0.5).batch(16, WIDTH, HEIGHT)
    lengths = np.linalg.norm(bones_from_joints(dots.people.joints_ray_mm) / 1000, axis=-1)
    for b, p in people_of(labels):
        own = np.sort(torch.linalg.vector_norm(labels.bones_m[b, p], dim=-1).numpy())
        assert min(np.nanmax(np.abs(own - np.sort(truth))) for truth in lengths) < 1e-5


def test_a_bone_is_as_sure_as_the_less_sure_of_its_ends():
    sample = dotted_picture(0)
    sample.people.weight_3d[0, INDEX["l_elbow"]] = 0.0
    sample.people.weight_3d[0, INDEX["r_wrist"]] = 0.1
    _, labels = sampler(pack([sample]), flip=0.0, mosaic=0.0, whole_picture=1.0).batch(1, WIDTH, HEIGHT)
    weight = labels.weight_3d[0, 0]
    got = {
        name: round(float(weight[INDEX[name]]), 3) for name in ("l_elbow", "l_wrist", "l_hand", "r_wrist", "r_hand", "r_elbow")
    }
    assert got == {"l_elbow": 0, "l_wrist": 0, "l_hand": 0.5, "r_wrist": 0.1, "r_hand": 0.1, "r_elbow": 0.5}
    assert weight[ROOT] == 0, "the root has no bone"


def test_unknown_3d_stays_unknown():
    sample = dotted_picture(0)
    sample.people.joints_ray_mm[:] = np.nan
    _, labels = sampler(pack([sample])).batch(4, WIDTH, HEIGHT)
    assert torch.isnan(labels.bones_m).all() and (labels.weight_3d == 0).all()


def test_bones_by_hand():
    joints = np.zeros((NUM_JOINTS, 3))
    joints[INDEX["l_elbow"]], joints[INDEX["l_wrist"]] = (1, 2, 3), (2, 4, 7)
    bones = bones_from_joints(joints)
    assert bones[INDEX["l_wrist"]].tolist() == [1, 2, 4] and bones[INDEX["l_hand"]].tolist() == [-2, -4, -7]
    assert np.isnan(bones[ROOT]).all()


# -- areas -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mosaic", [0.0, 1.0])
def test_ignored_areas_move_with_the_picture(mosaic):
    packed = pack([dotted_picture(seed, ignore=True) for seed in range(2)])
    image, labels = sampler(packed, seed=4, mosaic=mosaic).batch(16, WIDTH, HEIGHT)
    cells = image.unfold(2, STRIDE, STRIDE).unfold(3, STRIDE, STRIDE)  # (B, 3, h, w, 8, 8)
    magenta = (cells - torch.tensor(MAGENTA).view(1, 3, 1, 1, 1, 1)).abs().amax(1) < 8
    whole, none = magenta.all(-1).all(-1), ~magenta.any(-1).any(-1)
    assert labels.ignore.shape == whole.shape == (16, HEIGHT // STRIDE, WIDTH // STRIDE)
    assert labels.ignore[whole].all() and not labels.ignore[none].any()
    assert whole.sum() > 100 and none.sum() > 100


def test_negative_weights_are_those_of_the_picture_in_each_tile():
    packed = pack([dotted_picture(seed) for seed in (1, 5)])  # 0.3 and 0.7
    _, labels = sampler(packed, mosaic=0.0).batch(8, WIDTH, HEIGHT)
    assert all(len(w.unique()) == 1 for w in labels.negative_weight)
    assert sorted(round(float(v), 3) for v in labels.negative_weight.unique()) == [0.3, 0.7]
    _, labels = sampler(packed, mosaic=1.0).batch(8, WIDTH, HEIGHT)
    assert any(len(w.unique()) == 2 for w in labels.negative_weight)


# -- what is shown ---------------------------------------------------------------------------------------------------


STANDING = {"head_top": (200, 40), "l_shoulder": (220, 80), "r_shoulder": (180, 80), "l_hip": (212, 160), "r_hip": (188, 160),
            "l_knee": (212, 230), "r_knee": (188, 230), "l_ankle": (212, 300), "r_ankle": (188, 300)}  # fmt: skip


def standing_picture(labelled: tuple[str, ...] = tuple(STANDING), turned: bool = False, size: int = 1) -> Sample:
    """One person, 260 px tall or a part of it, upright or lying."""
    people = LabelledPeople.empty(1)
    for name in labelled:
        x, y = np.array(STANDING[name]) / size
        people.joints_px[0, INDEX[name]] = (y, x) if turned else (x, y)
        people.weight_2d[0, INDEX[name]] = 1
    image = np.full((400, 400, 3), 90, np.uint8)
    return Sample(lambda: image, (400, 400), people)


UPRIGHT = {"mosaic": 0.0, "whole_picture": 0.0, "rotation_deg": 10.0, "any_rotation": 0.0}


def labels_of(sample: Sample, count: int, **changes) -> Labels:
    """Of many canvases, without making their pixels."""
    packed, rng = pack([sample]), np.random.default_rng(0)
    config = AugmentConfig(**{**NO_COLOUR, **UPRIGHT, **changes})
    plan = draw_plan(Subjects.of(packed), config, rng, lambda n: np.zeros(n, int), count, (WIDTH, HEIGHT))
    cells = torch.zeros(count, 1, 1)
    return to_labels(canvas_people(packed, plan), cells > 0, cells)


def ends_at_waist(labels: Labels) -> torch.Tensor:
    """(B,) whether the lower border lies between waist and chest, and half of the canvas or more is filled by what is above."""
    y = labels.joints_net_px[:, 0, :, 1]
    hip, shoulder = (y[:, [INDEX[f"{s}_{n}"] for s in "lr"]].mean(1) for n in ("hip", "shoulder"))
    at = (HEIGHT - 0.5 - hip) / (shoulder - hip)
    filled = (HEIGHT - 0.5 - y.nan_to_num(torch.inf).amin(1)) / HEIGHT
    return (at > 0.249) & (at < 0.701) & (filled > 0.499) & (filled < 1.001)


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_the_lower_border_cuts_people_between_waist_and_chest(flip):
    """As before a webcam: shoulders are on the canvas, hips, knees and ankles below it."""
    labels = labels_of(standing_picture(), 64, cut_by_border=1.0, flip=flip)
    assert ends_at_waist(labels).all()
    below = labels.weight_2d[:, 0, [INDEX[f"{s}_{n}"] for s in "lr" for n in ("knee", "ankle")]] == 0
    assert below.all() and (labels.weight_2d[:, 0] > 0).any(1).all()


def test_so_many_single_views_are_cut_at_the_waist():
    share = {0.0: 0.0, 0.3: 0.3}
    for asked, got in share.items():
        labels = labels_of(standing_picture(), 400, cut_by_border=asked)
        by_chance = 0.05
        assert got - 0.08 < ends_at_waist(labels).float().mean() < got + 0.08 + by_chance


@pytest.mark.parametrize(
    "sample",
    [
        standing_picture(turned=True),
        standing_picture(tuple(name for name in STANDING if "hip" not in name)),
        standing_picture(tuple(name for name in STANDING if "shoulder" not in name)),
        standing_picture(size=8),
    ],
    ids=["lying", "hips not labelled", "shoulders not labelled", "too small"],
)
def test_whoever_cannot_be_cut_at_the_waist_is_shown_as_ever(sample):
    one, other = (sampler(pack([sample]), **UPRIGHT, cut_by_border=share) for share in (0.0, 1.0))
    assert_same(one.batch(4, WIDTH, HEIGHT), other.batch(4, WIDTH, HEIGHT))


def test_every_picture_once_before_any_comes_again(dots):
    """However many are asked for at a time."""
    seen = sampler(dots, mosaic=0.0)
    drawn = np.concatenate([seen._next_images(count) for count in (1, 2, 5, 0, 4, 9, 3)])
    assert all(sorted(epoch) == [0, 1, 2] for epoch in drawn.reshape(-1, 3).tolist())


def test_backgrounds_show_nobody_at_the_share_asked_for():
    packed = pack([dotted_picture(0), background()])
    image, labels = sampler(packed, background=1.0, mosaic=0.0).batch(6, WIDTH, HEIGHT)
    assert not labels.present.any()
    np.testing.assert_allclose(image[:, :, HEIGHT // 2, WIDTH // 2], np.tile((0, 90, 0), (6, 1)), atol=0.1)
    _, labels = sampler(packed, background=0.0, mosaic=0.0).batch(6, WIDTH, HEIGHT)
    assert labels.present.any(1).all()
    _, labels = sampler(packed, background=0.3, mosaic=0.0).batch(200, 32, 32)
    assert labels.present.any(1).float().mean() == pytest.approx(0.7, abs=0.1)


def test_a_set_without_people_is_refused():
    with pytest.raises(XnectError, match="the training set: holds no picture with a labelled person"):
        sampler(pack([background()]))


# -- colours ---------------------------------------------------------------------------------------------------------

STRONG = {"colour": 0.4, "blur": 1.0, "low_resolution": 1.0, "cut_out": 1.0, "noise": 1.0}


def test_colours_change_and_stay_in_range_and_labels_do_not_care(dots):
    plain, labels = sampler(dots, seed=5).batch(4, WIDTH, HEIGHT)
    strong, same = sampler(dots, seed=5, **STRONG).batch(4, WIDTH, HEIGHT)
    assert strong.min() >= 0 and strong.max() <= 255 and torch.isfinite(strong).all()
    assert (strong - plain).abs().mean() > 5
    for f in dataclasses.fields(Labels):
        assert_equal_field(f.name, labels, same)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_so_many_canvases_are_grey_or_almost(share):
    """A colour keeps at most 15 % of its distance from grey (200 - 50 over a mean of 100); the mean stays."""
    red = torch.tensor([200.0, 50.0, 50.0]).view(1, 3, 1, 1).expand(400, 3, 4, 4)
    out = photometric(red.clone(), AugmentConfig(**{**NO_COLOUR, "grey": share}), np.random.default_rng(0))
    left = (out[:, 0] - out[:, 1]).mean((1, 2)) / 150
    grey = left < 0.5
    assert float(grey.float().mean()) == pytest.approx(share, abs=0.08)
    assert (left[grey] <= 0.1501).all() and ((left[~grey] - 1).abs() < 1e-4).all()
    assert (out.mean(1) - 100).abs().max() < 0.01


@pytest.mark.parametrize(
    "change",
    [lambda image: resample(image, 0.3), lambda image: resample(image, 0.77), lambda image: blur(image, 1.7)],
    ids=["resolution .3", "resolution .77", "blur"],
)
def test_blurring_moves_nothing(change):
    ys, xs = torch.meshgrid(torch.arange(64.0), torch.arange(96.0), indexing="ij")
    for x, y in ((30.3, 20.8), (71.0, 44.0)):
        bell = torch.exp(-0.5 * ((xs - x) ** 2 + (ys - y) ** 2) / 16).expand(1, 3, -1, -1)
        out = change(bell)[0, 0]
        assert out.shape == (64, 96) and out.sum() == pytest.approx(float(bell[0, 0].sum()), rel=0.03)
        assert ((out * xs).sum() / out.sum()).item() == pytest.approx(x, abs=0.15)
        assert ((out * ys).sum() / out.sum()).item() == pytest.approx(y, abs=0.15)


# -- resuming --------------------------------------------------------------------------------------------------------


def assert_equal_field(name: str, one: Labels, other: Labels) -> None:
    a, b = getattr(one, name), getattr(other, name)
    assert torch.equal(a.nan_to_num(-7), b.nan_to_num(-7)) if isinstance(a, torch.Tensor) else a == b, name


def assert_same(one: tuple[torch.Tensor, Labels], other: tuple[torch.Tensor, Labels]) -> None:
    assert torch.equal(one[0], other[0])
    for f in dataclasses.fields(Labels):
        assert_equal_field(f.name, one[1], other[1])


def test_the_same_seed_gives_the_same_batches_and_another_seed_others(dots):
    one, other, third = (sampler(dots, seed=s, **STRONG) for s in (7, 7, 8))
    for _ in range(2):
        batch = one.batch(3, 64, 64)
        assert_same(batch, other.batch(3, 64, 64))
        assert not torch.equal(batch[0], third.batch(3, 64, 64)[0])


def test_restoring_goes_on_exactly_where_it_stopped(dots):
    one = sampler(dots, seed=7, **STRONG)
    one.batch(2, 64, 64)
    state = one.state()
    on_disk = json.loads(json.dumps({"queue": state["queue"].tolist(), "rng": state["rng"]}))
    expected = [one.batch(2, 64, 64) for _ in range(3)]
    other = sampler(dots, seed=99, **STRONG)
    other.restore(on_disk)
    for batch in expected:
        assert_same(batch, other.batch(2, 64, 64))
    one.restore(state)  # the state is a copy: drawing on did not change it
    assert_same(expected[0], one.batch(2, 64, 64))


# -- what exact labels add ---------------------------------------------------------------------------------------------


def exact_picture(focal_px: float | None) -> Sample:
    """A dotted picture whose person is 4 m away."""
    sample = dotted_picture(0)
    sample.people.root_cam_mm[0] = (0, 0, 4000)
    return dataclasses.replace(sample, focal_px=focal_px)


def test_distance_is_in_focal_lengths_of_the_canvas():
    """However the picture is turned, mirrored or cropped, only its scale changes f: 500 px become 500 times the scale."""
    packed = pack([exact_picture(500.0)])
    rng, config = np.random.default_rng(3), AugmentConfig(**{**NO_COLOUR, **STRONG})
    for _ in range(6):
        plan = draw_plan(Subjects.of(packed), config, rng, lambda count: np.zeros(count, int), 1, (WIDTH, HEIGHT))
        scales = [1 / np.sqrt(abs(np.linalg.det(plan.to_source[0, t, :, :2]))) for t in range(4)]
        found = np.exp(canvas_people(packed, plan).log_depth)
        assert len(found) and all(np.isclose(found[:, None], 4000 / (500 * np.array(scales))).any(1))


@pytest.mark.parametrize("focal_px", [None, 500.0])
def test_without_a_focal_length_or_a_place_there_is_no_distance(focal_px):
    sample = exact_picture(focal_px)
    if focal_px:
        sample.people.root_cam_mm[:] = np.nan
    labels = sampler(pack([sample])).batch(4, WIDTH, HEIGHT)[1]
    assert torch.isnan(labels.log_depth).all()


def test_joints_that_the_picture_itself_cuts_off_are_absent():
    """Their place may lie on the grey around it, where nothing shows them."""
    sample = dotted_picture(0)
    sample.people.joints_px[0, INDEX["r_ankle"]] = (300, 460)  # the picture ends at 419
    whole = {"whole_picture": 1.0, "mosaic": 0.0, "flip": 0.5, "rotation_deg": 0.0, "any_rotation": 0.0, "aspect": 0.0}
    for seed in range(6):
        _, labels = sampler(pack([sample]), seed, **whole).batch(1, WIDTH, WIDTH)
        assert torch.isfinite(labels.joints_net_px[0, 0]).all()
        absent = (labels.weight_2d[0, 0] == 0).nonzero().ravel().tolist()
        in_canvas = ((labels.joints_net_px[0, 0] > -0.5) & (labels.joints_net_px[0, 0] < WIDTH - 0.5)).all(-1)
        cut = set((~in_canvas).nonzero().ravel().tolist())
        ankle = {INDEX["r_ankle"], INDEX["l_ankle"]} & set(absent)
        assert len(ankle) == 1 and set(absent) <= cut | ankle
