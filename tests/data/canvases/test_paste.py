"""People pasted into canvases: pixels, hiding and labels agree, and the nearer one is in front everywhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xnect_lite.data.archives.packed import PackedSet, pack
from xnect_lite.data.canvases.canvas import CanvasPeople, canvas_people, to_labels
from xnect_lite.data.canvases.config import AugmentConfig
from xnect_lite.data.canvases.paste import Paster, Pastes
from xnect_lite.data.canvases.paste_pixels import paint
from xnect_lite.data.canvases.sampler import CanvasSampler
from xnect_lite.data.canvases.views import Plan
from xnect_lite.data.sample import LabelledPeople, Sample
from xnect_lite.data.silhouettes import Silhouette
from xnect_lite.data.targets import encode
from xnect_lite.skeleton import FLIP, INDEX, LIMB_JOINTS_12, NUM_JOINTS

WIDTH, HEIGHT, STRIDE = 240, 160, 8
AS_IT_IS = np.eye(2, 3)
RED, BLUE = (200.0, 30.0, 30.0), (30.0, 30.0, 200.0)


def picture(
    box: tuple[int, int, int, int], colour: tuple[float, float, float], outlined: bool = True, z: float = np.nan
) -> Sample:
    """Grey, with one person who is a rectangle; joints lie on a grid of 4 x 6 in it, 5 px or more from its edges."""
    x0, y0, x1, y1 = box
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    image[y0:y1, x0:x1] = colour
    people = LabelledPeople.empty(1)
    u, v = np.meshgrid(np.linspace(0.1, 0.9, 4), np.linspace(0.1, 0.9, 6))
    people.joints_px[0] = np.stack([x0 + u.ravel() * (x1 - x0), y0 + v.ravel() * (y1 - y0)], -1)
    people.joints_ray_mm[0] = np.arange(NUM_JOINTS)[:, None] * (10.0, 5.0, 1.0) * (1 if colour == RED else -1)
    people.weight_2d[0], people.weight_3d[0], people.visible[0] = 1, 1, True
    people.root_cam_mm[0] = (0, 0, z)
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[y0:y1, x0:x1] = True
    outline = (Silhouette.of(inside),) if outlined else ()
    return Sample(lambda: image, (WIDTH, HEIGHT), people, focal_px=200.0, silhouettes=outline)


def pasted(
    *samples: Sample, to_source: np.ndarray = AS_IT_IS, flipped: bool = False
) -> tuple[np.ndarray, CanvasPeople, np.ndarray]:
    """The first picture, with the people of the others in it: (H, W, 3) pixels, everybody, ignore boxes."""
    packed = pack(samples)
    plan = Plan(*(np.zeros((1, 4), kind) for kind in (int, float, bool)), np.array([[WIDTH, HEIGHT]]), (WIDTH, HEIGHT))
    plan = replace(plan, to_source=np.tile(AS_IT_IS, (1, 4, 1, 1)))
    image = torch.from_numpy(samples[0].read_image()).permute(2, 0, 1).float()[None]
    rows = np.arange(len(samples[0].people), len(packed.people))
    pastes = Pastes(0 * rows, rows, np.tile(to_source, (len(rows), 1, 1)), np.full(len(rows), flipped))
    found = Paster(packed).compose(canvas_people(packed, plan), plan, pastes)
    paint(packed, image, found.layers)
    assert (found.hidden_on == 0).all()
    return image[0].permute(1, 2, 0).numpy(), found.people, found.hidden_xyxy


FAR, NEAR = (40, 20, 100, 120), (70, 30, 130, 140)  # NEAR stands lower and covers the right half of FAR
COLUMNS = np.arange(NUM_JOINTS) % 4  # of the grid
BEHIND = (
    COLUMNS >= 2
)  # joints of FAR at x 76 and more; NEAR begins at 70. Only FAR's topmost row, y 30, is level with NEAR's edge


def row_of(people: CanvasPeople, row: int) -> CanvasPeople:
    return people.rows(people.row == row)


def test_somebody_pasted_in_front_hides_exactly_what_is_behind():
    image, people, hidden = pasted(picture(FAR, BLUE), picture(NEAR, RED))
    assert image[60, 50].tolist() == list(BLUE) and image[60, 90].tolist() == list(RED) and image[60, 120].tolist() == list(RED)
    assert image[10, 10].tolist() == [90, 90, 90]
    far, near = row_of(people, 0), row_of(people, 1)
    np.testing.assert_array_equal(far.seen[0], ~BEHIND)
    np.testing.assert_array_equal(far.weight_2d[0], np.where(BEHIND, 0.5, 1.0))
    assert near.seen.all() and (near.weight_2d == 1).all() and len(hidden) == 0
    assert near.layer[0] > far.layer[0]


def test_somebody_pasted_behind_is_hidden_by_the_base_pictures_people():
    image, people, _ = pasted(picture(NEAR, RED), picture(FAR, BLUE))
    assert image[60, 50].tolist() == list(BLUE) and image[60, 90].tolist() == list(RED)
    near, far = row_of(people, 0), row_of(people, 1)
    np.testing.assert_array_equal(far.seen[0], ~BEHIND)
    assert near.seen.all() and near.layer[0] > far.layer[0]


def test_without_their_silhouettes_base_people_cannot_come_before_anybody():
    image, people, _ = pasted(picture(NEAR, RED, outlined=False), picture(FAR, BLUE))
    assert image[60, 90].tolist() == list(BLUE)
    near, far = row_of(people, 0), row_of(people, 1)
    assert far.seen.all() and far.layer[0] > near.layer[0]
    assert near.seen[0, COLUMNS == 3].all()
    assert near.seen[0, COLUMNS == 0].tolist() == [False] * 5 + [True], "FAR ends above NEAR's lowest row"


def test_of_two_pasted_the_lower_one_is_in_front_whatever_their_order():
    base = picture((180, 30, 230, 120), RED)
    for order in ((FAR, NEAR), (NEAR, FAR)):
        image, people, _ = pasted(base, *(picture(box, BLUE if box is FAR else RED) for box in order))
        assert image[60, 90].tolist() == list(RED) and len(people) == 3
        np.testing.assert_array_equal(row_of(people, 1 + order.index(FAR)).seen[0], ~BEHIND)


def test_the_base_pictures_own_overlaps_are_left_to_their_labels():
    one, other = picture(FAR, BLUE), picture(NEAR, RED)
    both = replace(
        one, people=LabelledPeople.stack([one.people, other.people]), silhouettes=one.silhouettes + other.silhouettes
    )
    _, people, _ = pasted(both, picture((180, 30, 230, 120), RED))
    assert len(people) == 3 and people.seen.all() and (people.weight_2d == 1).all()


@pytest.mark.parametrize("who", ["base", "pasted"])
def test_whoever_is_hidden_becomes_an_ignore_box(who):
    small, wall = picture((80, 40, 100, 120), BLUE), picture((60, 20, 120, 140), RED)
    _, people, hidden = pasted(small, wall) if who == "base" else pasted(wall, small)
    assert people.row.tolist() == [1 if who == "base" else 0]
    np.testing.assert_allclose(hidden, [[82 - 6.4, 48 - 6.4, 98 + 6.4, 112 + 6.4]], err_msg="joints' box and a tenth")


def test_labels_move_with_the_pixels_and_3d_with_them():
    """Mirrored and half as large: a joint at (78, 30) comes to (240 - 39, 15), right becomes left, depth doubles."""
    to_source = np.array([[-2.0, 0, 480], [0, 2.0, 0]])
    base = picture((20, 20, 60, 120), BLUE, z=3000)
    image, people, _ = pasted(base, picture(FAR, RED, z=3000), to_source=to_source, flipped=True)
    plain, moved = row_of(people, 0), row_of(people, 1)
    source = picture(FAR, RED).people.joints_px[0]
    np.testing.assert_allclose(
        moved.joints_net_px[0], np.stack([240 - source[:, 0] / 2, source[:, 1] / 2], -1)[FLIP], atol=1e-4
    )
    x, y = np.rint(moved.joints_net_px[0, 5]).astype(int)
    assert image[y, x].tolist() == list(RED)
    np.testing.assert_allclose(moved.log_depth, np.log(3000 / (200 * 0.5)))
    np.testing.assert_allclose(plain.log_depth, np.log(3000 / 200))
    bone = moved.bones_m[0, INDEX["l_knee"]]
    knee, hip = INDEX["r_knee"], INDEX["r_hip"]
    np.testing.assert_allclose(bone, (knee - hip) * np.array([-0.01, 0.005, 0.001]), atol=1e-6)


def test_the_location_map_tells_of_whoever_is_in_front():
    """At a joint of FAR that NEAR covers with one of their own, the map holds NEAR's bone: by layer, though FAR is larger."""
    large = (10, 0, 220, 120)
    for samples in ((picture(large, BLUE), picture(NEAR, RED)), (picture(NEAR, RED), picture(large, BLUE))):
        _, people, _ = pasted(*samples)
        near = row_of(people, 0 if samples[0].people.joints_ray_mm[0, 1, 0] > 0 else 1)
        cells = torch.zeros(1, HEIGHT // STRIDE, WIDTH // STRIDE)
        labels = to_labels(people, cells > 0, cells)
        targets = encode(labels, STRIDE, WIDTH, HEIGHT)
        knee = INDEX["l_knee"]
        x, y = np.rint((near.joints_net_px[0, knee] + 0.5) / STRIDE - 0.5).astype(int)
        np.testing.assert_allclose(targets.locations[0, :, knee, y, x], near.bones_m[0, knee], atol=1e-6)


boxes = st.tuples(st.integers(5, 120), st.integers(5, 70), st.integers(30, 110), st.integers(30, 85)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@settings(max_examples=40, deadline=None)
@given(st.lists(boxes, min_size=2, max_size=4))
def test_a_joint_is_seen_where_the_canvas_shows_its_owner(found):
    """However people overlap: away from outlines, where a pixel may be either's, labels and pixels say the same."""
    colours = [(200.0, 30.0 + 50 * k, 250.0 - 60 * k) for k in range(len(found))]
    image, people, hidden = pasted(*(picture(box, colour) for box, colour in zip(found, colours, strict=True)))
    assert len(people) + len(hidden) == len(found)
    edges = np.array(found)
    for k, row in enumerate(people.row):
        for (x, y), seen, weight in zip(people.joints_net_px[k], people.seen[k], people.weight_2d[k], strict=True):
            if min(np.abs(edges[:, ::2] - x).min(), np.abs(edges[:, 1::2] - y).min()) > 2:
                assert seen == (image[round(y), round(x)].tolist() == list(colours[row])), (row, x, y)
                assert weight == (1.0 if seen else 0.5)
    assert sorted(people.layer) == list(people.layer), "far to near"


# -- in the sampler ----------------------------------------------------------------------------------------------------

ALWAYS = {"paste": 1.0, "mosaic": 0.0}


@pytest.fixture(scope="module")
def packed() -> PackedSet:
    return pack([picture(FAR, BLUE), picture(NEAR, RED), picture((20, 20, 60, 130), BLUE)])


def sampler(packed: PackedSet, seed: int = 0, **changes) -> CanvasSampler:
    return CanvasSampler(packed, AugmentConfig(**{**ALWAYS, **changes}), STRIDE, np.random.default_rng(seed))


def test_canvases_show_more_people_than_the_pictures(packed):
    _, labels = sampler(packed).batch(16, WIDTH, HEIGHT)
    assert labels.present.sum(1).max() == 3 and labels.present.sum() > 24
    assert torch.isfinite(labels.layer[labels.present]).all()


@pytest.mark.parametrize("changes", [{"paste": 0.0}, {"mosaic": 1.0}], ids=["none wanted", "mosaics"])
def test_nobody_is_pasted(packed, changes):
    _, labels = sampler(packed, **changes).batch(8, WIDTH, HEIGHT)
    assert labels.layer is None


def test_sets_without_silhouettes_draw_what_they_always_drew():
    """The same numbers are drawn whether or not pasting is wanted, so runs on such sets go on as they were."""
    plain = pack([picture(FAR, BLUE, outlined=False), picture(NEAR, RED, outlined=False)])
    one, other = (sampler(plain, paste=share).batch(8, WIDTH, HEIGHT) for share in (0.0, 1.0))
    assert torch.equal(one[0], other[0]) and torch.equal(one[1].weight_2d, other[1].weight_2d)


@pytest.mark.parametrize(("count", "cut_out"), [(4, True), (5, False)])
def test_people_of_whom_more_than_a_third_is_hidden_are_not_cut_out(count, cut_out):
    """Of twelve limb joints, eight must be in view."""
    one = picture(FAR, BLUE)
    one.people.visible[0, LIMB_JOINTS_12[:count]] = False
    _, labels = sampler(pack([one, one])).batch(8, WIDTH, HEIGHT)
    assert (labels.layer is not None) is cut_out


@pytest.mark.parametrize("somebody", [True, False])
def test_a_cut_out_person_is_never_larger_than_twice_the_picture(packed, somebody):
    """Beside somebody nine times as large as in their picture, or alone on a canvas of 2000 px."""
    config, flat = AugmentConfig(**ALWAYS), np.tile(AS_IT_IS / 9, (50, 4, 1, 1))
    plan = Plan(np.zeros((50, 4), int), flat, np.zeros((50, 4), bool), np.full((50, 2), 2000), (2000, 2000))
    people = canvas_people(packed, plan).rows(slice(None if somebody else 0))
    drawn = Paster(packed).draw(people, plan, config, np.random.default_rng(0))
    scales = 1 / np.sqrt(np.abs(np.linalg.det(drawn.to_source[..., :2])))
    assert scales.max() == pytest.approx(2.0) and set(drawn.flipped.tolist()) == {True, False}
    assert set(np.bincount(drawn.canvas)) == {1, 2}
