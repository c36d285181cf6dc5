"""The pinhole camera: numbers worked out by hand, and there-and-back round trips."""

from __future__ import annotations

import numpy as np
import pytest

from xnect_lite.camera.pinhole import NEAR_MM, default_focal_px, image_centre_px, place_root, project, ray_rotation

FOCAL = 1000.0
CENTRE = image_centre_px(1281, 721)  # (640, 360)


def random_people(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Root-relative joints (count, 24, 3) about as large as people, and roots (count, 3) in view; mm."""
    rng = np.random.default_rng(seed)
    joints = rng.normal(size=(count, 24, 3)) * (250, 450, 200)
    joints[:, 14] = 0
    roots = np.stack([rng.uniform(-1500, 1500, count), rng.uniform(-300, 300, count), rng.uniform(2500, 8000, count)], -1)
    return joints, roots


def test_focal_and_centre_of_a_picture_without_calibration():
    assert default_focal_px(640, 480) == 640
    assert default_focal_px(480, 640) == 640
    np.testing.assert_allclose(image_centre_px(640, 480), (319.5, 239.5))  # pixel centres are integers


@pytest.mark.parametrize(
    ("point_mm", "pixel"),
    [
        ((0, 0, 2000), (640, 360)),  # on the axis
        ((1000, 0, 2000), (1140, 360)),  # x goes right
        ((0, 500, 2000), (640, 610)),  # y goes down
        ((1000, 0, 4000), (890, 360)),  # twice as far, half the offset
        ((0, 0, 0), (np.nan, np.nan)),  # at the camera
        ((1, 1, -5), (np.nan, np.nan)),  # behind it
    ],
)
def test_projection_by_hand(point_mm, pixel):
    np.testing.assert_allclose(project(point_mm, FOCAL, CENTRE), pixel)


@pytest.mark.parametrize(
    ("pixel", "ray"),
    [
        ((640, 360), (0, 0, 1)),  # the centre looks along the axis
        ((1640, 360), (np.sqrt(0.5), 0, np.sqrt(0.5))),  # one focal length to the right is 45 degrees
        ((640, -640), (0, -np.sqrt(0.5), np.sqrt(0.5))),  # one focal length up
    ],
)
def test_axis_turns_to_the_ray(pixel, ray):
    np.testing.assert_allclose(ray_rotation(pixel, FOCAL, CENTRE) @ (0, 0, 1), ray, atol=1e-12)


def test_ray_rotation_is_the_shortest_arc():
    pixels = np.random.default_rng(1).uniform(-500, 1800, (50, 2))
    rotation = ray_rotation(pixels, FOCAL, CENTRE)
    np.testing.assert_allclose(rotation @ np.swapaxes(rotation, -1, -2), np.broadcast_to(np.eye(3), (50, 3, 3)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(rotation), 1, atol=1e-12)
    # The shortest arc turns about an axis at right angles to the optical axis, which therefore stays where it is.
    turned_about = np.stack([-(pixels - CENTRE)[:, 1], (pixels - CENTRE)[:, 0], np.zeros(50)], -1)
    np.testing.assert_allclose((rotation @ turned_about[..., None])[..., 0], turned_about, atol=1e-9)


def test_ray_rotation_passes_missing_pixels_through():
    rotation = ray_rotation([[np.nan, np.nan], [640, 360]], FOCAL, CENTRE)
    assert np.isnan(rotation[0]).all()
    np.testing.assert_array_equal(rotation[1], np.eye(3))


def test_round_trip_finds_the_root():
    joints, roots = random_people(8)
    pixels = project(joints + roots[:, None], FOCAL, CENTRE)
    np.testing.assert_allclose(place_root(joints, pixels, np.ones((8, 24)), FOCAL, CENTRE), roots, atol=1e-6)


def test_one_person_needs_no_batch():
    joints, roots = random_people(1)
    pixels = project(joints[0] + roots[0], FOCAL, CENTRE)
    np.testing.assert_allclose(place_root(joints[0], pixels, np.ones(24), FOCAL, CENTRE), roots[0], atol=1e-6)


def test_missing_and_weightless_joints_are_left_out():
    joints, roots = random_people(3)
    pixels = project(joints + roots[:, None], FOCAL, CENTRE)
    weights = np.ones((3, 24))
    pixels[0, :12] = np.nan  # not found in the picture
    joints[1, 3] = np.nan  # not lifted
    pixels[2, 5], weights[2, 5] = (0, 0), 0.0  # found, but not to be trusted
    np.testing.assert_allclose(place_root(joints, pixels, weights, FOCAL, CENTRE), roots, atol=1e-6)


def test_outliers_lose_their_weight():
    joints, roots = random_people(20, seed=2)
    pixels = project(joints + roots[:, None], FOCAL, CENTRE) + np.random.default_rng(3).normal(scale=2, size=(20, 24, 2))
    pixels[:, [4, 10, 19]] += (150, -120)  # three joints taken from somebody else
    error = np.linalg.norm(place_root(joints, pixels, np.ones((20, 24)), FOCAL, CENTRE) - roots, axis=-1) / roots[:, 2]
    assert np.median(error) < 0.02
    assert error.max() < 0.05


@pytest.mark.parametrize(
    ("keep", "what"),
    [
        (0, "nobody"),
        (1, "one joint fixes a direction, not a distance"),
    ],
)
def test_too_few_joints_give_no_root(keep, what):
    joints, roots = random_people(1)
    pixels = project(joints + roots[:, None], FOCAL, CENTRE)
    pixels[:, keep:] = np.nan
    assert np.isnan(place_root(joints, pixels, np.ones((1, 24)), FOCAL, CENTRE)).all(), what


def test_joints_on_one_pixel_give_no_root():
    joints, _ = random_people(1)
    assert np.isnan(place_root(joints, np.full((1, 24, 2), 300.0), np.ones((1, 24)), FOCAL, CENTRE)).all()


def test_depth_is_positive_even_where_3d_and_2d_contradict_each_other():
    joints, roots = random_people(30, seed=4)
    pixels = project(joints + roots[:, None], FOCAL, CENTRE)
    mirrored = 2 * pixels[:, 14:15] - pixels  # the least-squares depth of an upside-down person is negative
    placed = place_root(joints, mirrored, np.ones((30, 24)), FOCAL, CENTRE)
    assert np.isfinite(placed).all()
    assert ((joints + placed[:, None])[..., 2] >= NEAR_MM - 1e-6).all()


def test_empty_picture():
    assert place_root(np.zeros((0, 24, 3)), np.zeros((0, 24, 2)), np.zeros((0, 24)), FOCAL, CENTRE).shape == (0, 3)
