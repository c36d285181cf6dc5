"""Cameras: from a file, a field of view, a focal length or nothing; other sizes; lens distortion."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from xnect_lite.camera.intrinsics import Camera, camera_for, load_intrinsics
from xnect_lite.config import CameraConfig, PipelineConfig, checked
from xnect_lite.errors import XnectError

BENT = Camera(1920, 1080, 1500.0, 1480.0, 970.0, 530.0, (-0.25, 0.08, 0.001, -0.002, 0.0))
FILE = {"width": 1920, "height": 1080, "fx": 1500, "fy": 1480, "cx": 970, "cy": 530.0}


def write(tmp_path, values) -> str:
    path = tmp_path / "camera.json"
    path.write_text(values if isinstance(values, str) else json.dumps(values), encoding="utf-8")
    return str(path)


def test_without_calibration_the_focal_length_is_the_longer_side():
    for size in ((1280, 720), (720, 1280)):
        camera = camera_for(size, CameraConfig())
        assert (camera.fx, camera.fy) == (1280, 1280)
        assert (camera.cx, camera.cy) == ((size[0] - 1) / 2, (size[1] - 1) / 2)


@pytest.mark.parametrize(
    ("config", "fx"),
    [
        (CameraConfig(focal_px=900.0), 900.0),
        (CameraConfig(fov_deg=90.0), 640.0),  # half the width at 45 degrees
        (CameraConfig(fov_deg=2 * np.degrees(np.arctan(0.5))), 1280.0),
    ],
)
def test_focal_length_and_field_of_view(config, fx):
    assert camera_for((1280, 720), config).fx == pytest.approx(fx)


def test_a_file_fills_in_everything(tmp_path):
    camera = load_intrinsics(write(tmp_path, FILE | {"distortion": list(BENT.distortion)}))
    assert camera == BENT
    assert (
        load_intrinsics(write(tmp_path, "{width: 1920, height: 1080, fx: 1500, fy: 1480, cx: 970, cy: 530}")).distortion == ()
    )


def test_a_smaller_picture_of_the_same_shape_scales_the_camera(tmp_path):
    camera = camera_for((960, 540), CameraConfig(intrinsics=write(tmp_path, FILE)))
    assert (camera.fx, camera.fy) == (750, 740)
    # The same corner of the picture: pixel -0.5 stays -0.5.
    full, half = load_intrinsics(write(tmp_path, FILE)), camera
    np.testing.assert_allclose(full.rays([-0.5, -0.5]), half.rays([-0.5, -0.5]))
    np.testing.assert_allclose(full.rays([1919.5, 1079.5]), half.rays([959.5, 539.5]))


def test_a_file_that_was_mended_is_read_again(tmp_path):
    config = CameraConfig(intrinsics=write(tmp_path, FILE))
    assert camera_for((1920, 1080), config).fx == 1500
    write(tmp_path, FILE | {"fx": 1234})
    os.utime(config.intrinsics, ns=(1, 1))
    assert camera_for((1920, 1080), config).fx == 1234


BAD = [
    ("another shape", FILE, (1080, 1920), ["1920x1080", "1080x1920", "another shape"]),
    ("no file", None, (1920, 1080), ["nowhere.json", "cannot be read"]),
    ("not JSON", "{", (1920, 1080), ["camera.json", "neither JSON nor YAML"]),
    ("not a table", "[1, 2]", (1920, 1080), ["lacks its keys"]),
    ("a key is missing", {k: v for k, v in FILE.items() if k != "fy"}, (1920, 1080), ["lacks fy"]),
    ("an unknown key", FILE | {"skew": 0}, (1920, 1080), ["skew"]),
    ("words for numbers", FILE | {"fx": "wide"}, (1920, 1080), ["not a number"]),
    ("not a number", FILE | {"fx": float("nan")}, (1920, 1080), ["not a number"]),
    ("no focal length", FILE | {"fx": 0}, (1920, 1080), ["not positive"]),
    ("three distortion values", FILE | {"distortion": [1, 2, 3]}, (1920, 1080), ["4, 5 or 8"]),
]


@pytest.mark.parametrize(("case", "values", "size", "words"), BAD, ids=[b[0] for b in BAD])
def test_files_that_do_not_fit_are_refused(case, values, size, words, tmp_path):
    path = "nowhere.json" if values is None else write(tmp_path, values)
    with pytest.raises(XnectError) as refusal:
        camera_for(size, CameraConfig(intrinsics=path))
    for word in words:
        assert word in str(refusal.value), case


def test_one_way_to_say_the_focal_length_is_enough():
    with pytest.raises(XnectError, match="focal_px and fov_deg say the same thing"):
        checked(PipelineConfig(camera=CameraConfig(focal_px=900.0, fov_deg=60.0)))


def test_distortion_goes_there_and_back():
    xy = np.random.default_rng(0).uniform((100, 100), (1800, 1000), (50, 2))
    points = np.concatenate([BENT.rays(xy), np.ones((50, 1))], 1) * np.linspace(1000, 5000, 50)[:, None]
    np.testing.assert_allclose(BENT.project(points), xy, atol=0.05)
    straight = Camera(1920, 1080, 1500.0, 1480.0, 970.0, 530.0)
    assert np.abs(straight.project(points) - xy).max() > 10, "the lens does bend"
    np.testing.assert_allclose(BENT.ideal_px(xy), straight.project(points), atol=1e-6)


def test_missing_pixels_and_points_behind_stay_missing():
    for camera in (BENT, Camera(1920, 1080, 1500.0, 1480.0, 970.0, 530.0)):
        rays = camera.rays([[np.nan, 3.0], [970.0, 530.0]])
        assert np.isnan(rays[0]).any() and rays[1] == pytest.approx([0, 0], abs=1e-9)
        assert np.isnan(camera.project([0.0, 0.0, -100.0])).all()
        assert camera.rays(np.zeros((0, 24, 2))).shape == (0, 24, 2)
        assert camera.project(np.zeros((0, 24, 3))).shape == (0, 24, 2)


OPENCV = """%YAML:1.0
---
calibration_time: "Fri Nov 27 2026"
image_width: 1920
image_height: 1080
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ 1500., 0., 970., 0., 1480., 530., 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: 5
   cols: 1
   dt: d
   data: [ -1.0e-01, 2.0e-02, 1.0e-03, -2.0e-03, 5.0e-03 ]
avg_reprojection_error: 0.21
"""
ROS = """image_width: 1920
image_height: 1080
camera_name: narrow_stereo
camera_matrix:
  rows: 3
  cols: 3
  data: [1500.0, 0.0, 970.0, 0.0, 1480.0, 530.0, 0.0, 0.0, 1.0]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.1, 0.02, 0.001, -0.002, 0.005]
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
"""


@pytest.mark.parametrize("text", [OPENCV, ROS, OPENCV.replace("---\n", "")], ids=["OpenCV", "ROS", "OpenCV before 3.2"])
def test_files_of_other_calibration_tools(tmp_path, text):
    (tmp_path / "camera.yaml").write_text(text)
    camera = camera_for((1920, 1080), CameraConfig(intrinsics=str(tmp_path / "camera.yaml")))
    assert camera == Camera(1920, 1080, 1500.0, 1480.0, 970.0, 530.0, (-0.1, 0.02, 0.001, -0.002, 0.005))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("image_width: 1920\n", ""), "lacks width"),
        (("plumb_bob", "equidistant"), "its distortion_model is equidistant, which is not known here"),
        (("[1500.0, 0.0", "[fx, 0.0"), "not a number"),
    ],
)
def test_files_of_other_tools_that_do_not_fit(tmp_path, change, words):
    (tmp_path / "camera.yaml").write_text(ROS.replace(*change))
    with pytest.raises(XnectError, match=words):
        camera_for((1920, 1080), CameraConfig(intrinsics=str(tmp_path / "camera.yaml")))
