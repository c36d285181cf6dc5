"""The orbit camera, against cases that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from xnect_lite.gui.framing import Framing
from xnect_lite.gui.orbit import PRESETS, OrbitView, world_from_cam_mm

WIDTH, HEIGHT = 800, 600
ORIGIN = (0.0, 0.0, 0.0)


def _view(**angles):
    return OrbitView(target_m=ORIGIN, distance_m=5.0, **angles)


def test_camera_space_becomes_world():
    # One metre right, two down, three away from the camera.
    np.testing.assert_allclose(world_from_cam_mm(np.array([1000, 2000, 3000])), (1, -2, -3))


@pytest.mark.parametrize(
    ("preset", "right_of_screen", "up_of_screen", "toward_eye"),
    [
        ("front", (1, 0, 0), (0, 1, 0), (0, 0, 1)),  # as the film camera sees it
        ("side", (0, 0, -1), (0, 1, 0), (1, 0, 0)),  # from the right; away from the camera is to the right
        ("top", (1, 0, 0), (0, 0, -1), (0, 1, 0)),  # from above; away from the camera is up
    ],
)
def test_presets(preset, right_of_screen, up_of_screen, toward_eye):
    view = _view().preset(preset)
    np.testing.assert_allclose(view.axes, (right_of_screen, up_of_screen, toward_eye), atol=1e-12)
    np.testing.assert_allclose(view.eye_m, 5 * np.array(toward_eye), atol=1e-12)


def test_projection_by_hand():
    view = _view(azimuth_deg=0.0, elevation_deg=0.0, fov_deg=90.0)  # focal length is half the width: 400 px
    middle, right, above, behind = view.project(np.array([ORIGIN, (1, 0, 0), (0, 1, 1), (0, 0, 6)]), WIDTH, HEIGHT)
    np.testing.assert_allclose(middle, (400, 300, 5))
    np.testing.assert_allclose(right, (400 + 400 / 5, 300, 5))
    np.testing.assert_allclose(above, (400, 300 - 400 / 4, 4))  # a metre nearer
    assert np.isnan(behind).all()


@pytest.mark.parametrize("azimuth_deg", [-170.0, -30.0, 0.0, 77.0, 180.0])
@pytest.mark.parametrize("elevation_deg", [-90.0, -20.0, 0.0, 45.0, 90.0])
def test_axes_are_a_right_handed_frame(azimuth_deg, elevation_deg):
    axes = _view(azimuth_deg=azimuth_deg, elevation_deg=elevation_deg).axes
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1)


def test_segments_are_cut_at_the_eye():
    view = _view(azimuth_deg=0.0, elevation_deg=0.0)
    segments = np.array([[ORIGIN, (0, -1, 20)], [(0, -1, 20), ORIGIN], [(0, 0, 9), (0, 0, 8)], [ORIGIN, (1, 0, 0)]])
    cut = view.project_segments(segments, WIDTH, HEIGHT)
    assert np.isfinite(cut[[0, 1, 3]]).all() and np.isnan(cut[2]).all()
    np.testing.assert_allclose(cut[0], cut[1, ::-1])
    np.testing.assert_allclose(cut[3], view.project(segments[3], WIDTH, HEIGHT))
    assert view.project_segments(np.zeros((0, 2, 3)), WIDTH, HEIGHT).shape == (0, 2, 3)


@pytest.mark.parametrize("distance_m", [0.3, 1.0, 4.0, 50.0])
def test_no_line_runs_far_outside_the_window(distance_m):
    view = OrbitView(target_m=ORIGIN, distance_m=distance_m)
    segments = np.random.default_rng(1).normal(0, 3, (2000, 2, 3))
    cut = view.project_segments(segments, WIDTH, HEIGHT)
    kept = np.isfinite(cut).all((1, 2))
    assert (np.isfinite(cut).any((1, 2)) == kept).all()
    assert (np.abs(cut[kept][..., :2] - (WIDTH / 2, HEIGHT / 2)) <= np.array((WIDTH, HEIGHT)) * 0.76).all()
    whole = view.project(segments, WIDTH, HEIGHT)  # what is in the window stays as it is
    visible = ((whole[..., :2] > 0) & (whole[..., :2] < (WIDTH, HEIGHT))).all((1, 2))
    np.testing.assert_allclose(cut[visible], whole[visible])


def test_panning_follows_the_mouse():
    view = _view(azimuth_deg=35.0, elevation_deg=20.0)
    before = view.project(np.array(ORIGIN), WIDTH, HEIGHT)
    after = view.panned(60, -25, WIDTH).project(np.array(ORIGIN), WIDTH, HEIGHT)
    np.testing.assert_allclose(after[:2] - before[:2], (60, -25), atol=0.5)


def test_limits():
    view = _view()
    assert view.orbited(0, 500).elevation_deg == 90 and view.orbited(0, -500).elevation_deg == -90
    assert -180 <= view.orbited(1000, 0).azimuth_deg < 180
    assert view.zoomed(1e-9).distance_m > 0 and view.zoomed(1e9).distance_m < 1e3


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("size", [(800, 600), (300, 900), (1600, 300)])
def test_framing_shows_everything_and_not_too_small(preset, size):
    points = np.random.default_rng(0).normal((0.3, -0.4, -4.0), (1.0, 0.8, 0.6), (50, 3))
    xy = OrbitView().preset(preset).framing(points, *size).project(points, *size)[:, :2]
    assert (xy >= 0).all() and (xy <= size).all()
    assert (np.ptp(xy, axis=0) / size).max() > 0.5


def test_framing_ignores_what_is_not_known():
    view = OrbitView()
    assert view.framing(np.full((5, 3), np.nan), WIDTH, HEIGHT) == view
    assert view.framing(np.zeros((0, 3)), WIDTH, HEIGHT) == view


def _people(x=0.0):
    return np.array([(x - 0.5, -1.0, -4.0), (x + 0.5, 0.8, -4.0), (np.nan,) * 3])


def test_people_are_framed_at_once_and_small_moves_do_not_rock_the_view():
    framing = Framing()
    framing.follow(_people(), WIDTH, HEIGHT)
    first = framing.view
    assert first.target_m[0] == pytest.approx(0)
    framing.follow(_people(0.2), WIDTH, HEIGHT)
    assert framing.view == first


def test_the_view_glides_after_people_who_walk_away_until_the_user_takes_over():
    framing = Framing()
    framing.follow(_people(), WIDTH, HEIGHT)
    for _ in range(60):
        framing.follow(_people(3.0), WIDTH, HEIGHT)
    assert framing.view.target_m[0] == pytest.approx(3.0, abs=0.2)
    framing.orbit(30, 0)
    held = framing.view
    framing.follow(_people(-3.0), WIDTH, HEIGHT)
    assert framing.view == held
    framing.preset("front")
    framing.follow(_people(-3.0), WIDTH, HEIGHT)
    assert framing.view.target_m[0] == pytest.approx(-3.0)


def test_an_empty_scene_or_a_window_without_size_changes_nothing():
    framing = Framing()
    before = framing.view
    framing.follow(np.zeros((0, 3)), WIDTH, HEIGHT)
    assert framing.view == before
    framing.follow(_people(), 0, 0)
    assert np.isfinite(framing.view.distance_m)
