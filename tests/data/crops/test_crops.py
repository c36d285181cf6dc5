"""Crops of one person each: geometry, targets, peaks, and the photo kit's people."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kit import write_kit

from xnect_lite.data.crops.augment import CropAugment, drawn_matrix
from xnect_lite.data.crops.geometry import crop_matrix, cut, inverse, moved
from xnect_lite.data.crops.maps import gaussian_targets, heat_loss, network_input, peaks
from xnect_lite.data.crops.person import MIN_LABELLED, mirror_order, people_of_samples
from xnect_lite.data.readers.photokit import read_photokit
from xnect_lite.skeleton import JOINT_MAPS, MPII16

CENTRE, BOX = np.array([100.0, 50.0]), np.array([40.0, 40.0])


@pytest.mark.parametrize(
    ("size", "rotation", "flip", "place", "crop"),
    [
        ((256, 256), 0, False, (100, 50), (128, 128)),
        ((256, 256), 0, False, (80, 30), (0, 0)),
        ((256, 256), 0, True, (80, 30), (256, 0)),
        ((192, 256), 0, False, (80, 50), (0, 128)),  # the box grows to the crop's shape: up and down
        ((256, 256), 90, False, (100, 30), (0, 128)),  # what was above is left
        ((256, 256), 90, True, (80, 50), (128, 0)),
    ],
)
def test_the_box_comes_to_the_whole_crop(size, rotation, flip, place, crop):
    matrix = crop_matrix(CENTRE, BOX, size, rotation, flip)
    np.testing.assert_allclose(moved(matrix, np.array(place)), crop, atol=1e-9)


@given(st.floats(-180, 180), st.booleans(), st.floats(5, 500), st.tuples(st.floats(-50, 300), st.floats(-50, 300)))
def test_the_way_back_is_the_inverse(rotation, flip, side, place):
    matrix = crop_matrix(CENTRE, np.full(2, side), (256, 192), rotation, flip)
    np.testing.assert_allclose(moved(inverse(matrix), moved(matrix, np.array(place))), place, atol=1e-6)


def test_pixels_go_where_places_go():
    image = np.zeros((120, 200, 3), np.uint8)
    image[40, 90] = 255
    matrix = crop_matrix(CENTRE, BOX, (40, 40), 20, True)
    seen = cut(image, matrix, (40, 40))[..., 0].astype(float)
    y, x = np.indices(seen.shape)
    middle = np.array([(seen * x).sum(), (seen * y).sum()]) / seen.sum()
    np.testing.assert_allclose(middle, moved(matrix, np.array([90, 40])), atol=0.15)


def test_what_is_drawn_stays_within_its_limits():
    augment, rng = CropAugment(scale=0.25, rotation_deg=30, rotation_chance=0.5, flip=0.5), np.random.default_rng(0)
    drawn = [drawn_matrix(CENTRE, BOX, (256, 256), augment, rng) for _ in range(400)]
    sizes = np.array([256 / 40 / np.sqrt(abs(np.linalg.det(m[:, :2]))) for m, _ in drawn])
    angles = np.array([np.degrees(np.arctan2(-m[1, 0] * (-1 if f else 1), m[1, 1])) for m, f in drawn])
    assert 0.75 - 1e-9 <= sizes.min() < 0.76 and 1.24 < sizes.max() <= 1.25 + 1e-9
    assert np.abs(angles).max() <= 60 + 1e-9 and 0.4 < (np.abs(angles) < 1e-9).mean() < 0.6
    assert 0.4 < np.mean([f for _, f in drawn]) < 0.6
    still, flipped = drawn_matrix(CENTRE, BOX, (256, 256), CropAugment(0, 0, 0, 0), rng)
    np.testing.assert_allclose(still, crop_matrix(CENTRE, BOX, (256, 256)))
    assert not flipped


@pytest.mark.parametrize("name", list(JOINT_MAPS))
def test_mirroring_twice_is_nothing_and_swaps_sides(name):
    joints = JOINT_MAPS[name]
    if name == "bvh":
        pytest.skip("its names have no sides of this form")
    order = mirror_order(joints)
    assert (order[order] == np.arange(len(order))).all()
    assert all(joints.names[k].startswith("l_") for k, n in zip(order, joints.names, strict=True) if n.startswith("r_"))


@pytest.mark.parametrize(
    ("place", "cell", "weight"),
    [
        ((40.0, 80.0), (10, 20), 1),  # on a cell
        ((41.9, 80.0), (10, 20), 1),  # int(x / 4 + .5)
        ((42.1, 80.0), (11, 20), 1),
        ((-20.0, 80.0), None, 1),  # -4.5 truncates to -4: a part of it is in the map
        ((-40.0, 80.0), None, 0),  # nothing of it is
        ((float("nan"), 80.0), None, 0),
        ((300.0, 80.0), None, 0),
    ],
)
def test_a_joint_is_taught_as_a_gaussian_at_its_nearest_cell(place, cell, weight):
    maps, weights = gaussian_targets(torch.tensor([[place]]), torch.ones(1, 1), (256, 256), 4, 2.0)
    assert maps.shape == (1, 1, 64, 64) and weights.item() == weight
    if cell is not None:
        x, y = cell
        assert maps[0, 0, y, x] == 1 and maps[0, 0, y, x + 2] == pytest.approx(np.exp(-0.5))
        assert maps[0, 0, y, x + 6] > 0 and maps[0, 0, y, x + 7] == 0


def test_peaks_lean_a_quarter_towards_the_higher_neighbour_but_not_at_the_border():
    maps = torch.zeros(1, 3, 8, 8)
    maps[0, 0, 4, 3], maps[0, 0, 4, 4], maps[0, 0, 3, 3] = 1.0, 0.5, 0.4
    maps[0, 1, 1, 3], maps[0, 1, 1, 4] = 1.0, 0.5  # second row: not moved
    maps[0, 2, 4, 4] = 2.0  # alone: nothing to lean to
    places, score = peaks(maps)
    assert places[0].tolist() == [[3.25, 3.75], [3.0, 1.0], [4.0, 4.0]] and score[0].tolist() == [1, 1, 2]


@given(st.floats(20, 230), st.floats(20, 230))
def test_what_was_taught_is_found_to_half_a_cell(x, y):
    maps, _ = gaussian_targets(torch.tensor([[[x, y]]]), torch.ones(1, 1), (256, 256), 4, 2.0)
    assert np.abs(4 * peaks(maps)[0][0, 0].numpy() - [x, y]).max() <= 2.01


def test_the_loss_is_summed_over_outputs_and_left_out_where_nothing_is_known():
    target = torch.zeros(1, 2, 2, 2)
    one, two = torch.ones(1, 2, 2, 2), torch.full((1, 2, 2, 2), 2.0)
    assert heat_loss([one, two], target, torch.ones(1, 2)).item() == pytest.approx(0.5 * 1 + 0.5 * 4)
    assert heat_loss([one], target, torch.tensor([[1.0, 0.0]])).item() == pytest.approx(0.25)
    assert heat_loss([one], target, torch.tensor([[0.5, 0.0]])).item() == pytest.approx(0.5 * 0.25 / 2)


def test_blue_comes_first_where_checkpoints_want_it_with_the_constants_in_their_order():
    crop = torch.tensor([10, 20, 30], dtype=torch.uint8).expand(1, 1, 1, 3)
    rgb, bgr = network_input(crop, False)[0, :, 0, 0], network_input(crop, True)[0, :, 0, 0]
    assert rgb.tolist() == pytest.approx([(10 / 255 - 0.485) / 0.229, (20 / 255 - 0.456) / 0.224, (30 / 255 - 0.406) / 0.225])
    assert bgr.tolist() == pytest.approx([(30 / 255 - 0.485) / 0.229, (20 / 255 - 0.456) / 0.224, (10 / 255 - 0.406) / 0.225])


def test_the_photo_kits_people_become_crops_that_hold_them(tmp_path):
    samples = list(read_photokit(write_kit(tmp_path), "train", ("lspet",)))
    people = people_of_samples(samples)
    assert len(people) == sum(len(s.people) for s in samples)
    for one in people:
        inside = moved(crop_matrix(one.centre_px, one.box_px, (100, 100)), one.joints_px[one.weight > 0])
        assert (inside > 0).all() and (inside < 100).all() and (one.weight > 0).sum() >= MIN_LABELLED
        assert one.weight[MPII16.names.index("upper_neck")] == 0 and np.isnan(one.joints_px[8]).all()
        torso = np.linalg.norm(one.truth_px[MPII16.names.index("l_shoulder")] - one.truth_px[MPII16.names.index("r_hip")])
        assert one.unit_px == pytest.approx(torso)
