"""What stands in the 3D view."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from gui_fakes import make_people

from xnect_lite.gui.scene import FloorEstimate, Scene, build_scene, frustum_lines, grid_lines, triangles
from xnect_lite.record.painting import person_color
from xnect_lite.skeleton import BONES, INDEX, NUM_JOINTS
from xnect_lite.types import Frame, People, PoseResult

SIZE = (640, 360)


def _result(people):
    return PoseResult(Frame(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), 0.0, 0), people, 640.0)


def test_people_stand_where_they_are():
    scene = build_scene(make_people([(-500, 0, 3000), (800, 100, 5000)], SIZE))
    assert scene.bones_m.shape == (2 * len(BONES), 2, 3) and scene.joints_m.shape == (2 * NUM_JOINTS, 3)
    np.testing.assert_allclose(scene.joints_m[INDEX["pelvis"]], (-0.5, 0, -3.0))
    assert tuple(scene.joint_rgb[0]) == person_color(1) and tuple(scene.joint_rgb[-1]) == person_color(2)
    assert [text for _, text, _ in scene.labels] == ["1", "2"]
    assert scene.labels[0][0][1] > scene.joints_m[:NUM_JOINTS, 1].max()  # above the head
    assert len(scene.extent_m) == 2 * NUM_JOINTS + 2


def test_what_is_not_known_is_left_out():
    people = make_people([(0, 0, 3000), (0, 0, 4000)], SIZE)
    people.root_cam_mm[1] = np.nan  # somebody without a place
    people.joints_mm[0, INDEX["r_wrist"]] = np.nan
    scene = build_scene(people)
    assert len(scene.joints_m) == NUM_JOINTS - 1 and len(scene.labels) == 1
    assert len(scene.bones_m) == len(BONES) - 2  # forearm and hand
    assert np.isfinite(scene.bones_m).all()


@pytest.mark.parametrize("scene", [Scene.empty(), build_scene(People.empty(0)), build_scene(People.empty(3))])
def test_an_empty_scene_has_no_triangles(scene):
    corners, colors = triangles(scene)
    assert corners.shape == (0, 3, 3) and colors.shape == (0, 3, 4) and scene.extent_m.shape == (0, 3)


def test_solids_face_outward_and_lie_along_their_bones():
    scene = build_scene(make_people([(0, 0, 3000)], SIZE))
    corners, colors = triangles(scene)
    assert len(corners) == 8 * (len(BONES) + NUM_JOINTS) and colors.shape == (len(corners), 3, 4)
    assert np.isfinite(corners).all() and colors.min() >= 0 and colors.max() <= 1
    middles = np.concatenate([scene.bones_m.mean(1), scene.joints_m]).repeat(8, axis=0)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((corners.mean(1) - middles) * normals).sum(1).min() > 0
    assert np.linalg.norm(corners.mean(1) - middles, axis=1).max() < 0.4


def test_a_bone_without_length_breaks_nothing():
    scene = dataclasses.replace(Scene.empty(), bones_m=np.zeros((1, 2, 3)), bone_rgb=np.zeros((1, 3), np.uint8))
    assert np.isfinite(triangles(scene)[0]).all()


def test_the_floor_is_where_feet_are():
    floor = FloorEstimate()
    people = make_people([(0, 0, 3000)], SIZE)
    lowest = build_scene(people).joints_m[:, 1].min()
    for _ in range(30):
        floor.update(_result(people))
    jumping = make_people([(0, -400, 3000)], SIZE)  # does not lift the floor
    assert floor.update(_result(jumping)) == pytest.approx(lowest, abs=0.01)
    assert np.isfinite(floor.update(_result(People.empty(0))))


def test_grid_lines_stay_on_their_half_metres():
    near, far = (grid_lines(-1.0, (x, 0.0, -4.0)) for x in (0.1, 2.2))
    for lines in (near, far):
        assert (lines[..., 1] == -1.0).all()
        np.testing.assert_allclose(lines[..., (0, 2)] * 2 % 1, 0, atol=1e-9)
    assert far[..., 0].max() > near[..., 0].max()


def test_the_frustum_looks_away_from_the_viewer():
    lines = frustum_lines(1280, 720, 1280.0)
    assert lines.shape[1:] == (2, 3) and lines[..., 2].max() == 0 and lines[..., 2].min() < 0
    corner = np.abs(lines[..., 0]).max() / np.abs(lines[..., 2]).max()
    assert corner == pytest.approx(0.5)  # half the width over the focal length
