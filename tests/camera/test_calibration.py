"""Calibrations of several cameras: the same two cameras in every format, and files that are none."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from xnect_lite.camera.calibration import PlacedCamera, load_calibration
from xnect_lite.camera.intrinsics import Camera
from xnect_lite.errors import XnectError

# The room: x to the right, y into the wall, z up. One camera looks along y from 3 m before the origin and 1.5 m up, level; the
# other from the right, along -x, turned clockwise by 90 degrees, as a telephone held upright.
LEVEL = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
UPRIGHT = np.array([[0.0, 0, -1], [0, -1, 0], [-1, 0, 0]])
WIDE = Camera(1920, 1080, 1500.0, 1480.0, 970.0, 530.0, (-0.2, 0.05, 0.001, -0.002))
CAMERAS = {
    "front": PlacedCamera(WIDE, LEVEL, np.array([0.0, -3000, 1500])),
    "side": PlacedCamera(Camera(1080, 1920, 1600.0, 1600.0, 539.5, 959.5), UPRIGHT, np.array([4000.0, 0, 1000])),
}


def test_where_things_are_by_hand():
    front, side = CAMERAS["front"], CAMERAS["side"]
    np.testing.assert_allclose(front.to_camera(np.array([100.0, 0, 1500])), (100, 0, 3000))  # before it, a bit to the right
    np.testing.assert_allclose(front.to_camera(np.array([0.0, 0, 2000])), (0, -500, 3000))  # y down
    np.testing.assert_allclose(side.to_camera(np.array([0.0, 0, 1000])), (0, 0, 4000))
    np.testing.assert_allclose(side.to_room(side.to_camera(np.array([10.0, 20, 30]))), (10, 20, 30))


def qualisys(folder) -> str:
    parts = []
    for name, placed in CAMERAS.items():
        c, r, x = placed.camera, np.diag([1, -1, -1]) @ placed.rotation, placed.centre_mm
        k = [*c.distortion, 0, 0, 0, 0][:4]
        turn = " ".join(f'r{i + 1}{j + 1}="{r[i, j]}"' for i in range(3) for j in range(3))
        parts.append(
            f'<camera serial="{name}"><fov_video left="0" top="0" right="{c.width - 1}" bottom="{c.height - 1}"/>'
            f'<transform {turn} x="{x[0]}" y="{x[1]}" z="{x[2]}"/>'
            f'<intrinsic focalLengthU="{64 * c.fx}" focalLengthV="{64 * c.fy}" centerPointU="{64 * c.cx}" '
            f'centerPointV="{64 * c.cy}" radialDistortion1="{k[0]}" radialDistortion2="{k[1]}" '
            f'tangentalDistortion1="{k[2]}" tangentalDistortion2="{k[3]}"/></camera>'
        )
    path = folder / "Calib.qca.txt"
    path.write_text(f"<?xml version='1.0'?><calibration><cameras>{''.join(parts)}</cameras></calibration>")
    return str(path)


def matrix(c: Camera) -> list[list[float]]:
    return [[c.fx, 0.0, c.cx], [0.0, c.fy, c.cy], [0.0, 0.0, 1.0]]


def pose2sim(folder) -> str:
    text = ""
    for name, placed in CAMERAS.items():
        c, translation = placed.camera, -placed.rotation @ placed.centre_mm / 1000
        text += f'[{name}]\nname = "{name}"\nsize = [{c.width}.0, {c.height}.0]\nmatrix = {matrix(c)}\n'
        text += f"distortions = {list(c.distortion) or [0.0] * 4}\nfisheye = false\n"
        text += (
            f"rotation = {Rotation.from_matrix(placed.rotation).as_rotvec().tolist()}\ntranslation = {translation.tolist()}\n"
        )
    path = folder / "Calib.toml"
    path.write_text(text + "[metadata]\nadjusted = false\nerror = 0.0\n")
    return str(path)


def opencv(folder) -> str:
    """One in millimetres with a rotation vector, one in metres with a matrix."""
    inside = folder / "cameras"
    inside.mkdir(exist_ok=True)
    for name, placed in CAMERAS.items():
        c, translation = placed.camera, -placed.rotation @ placed.centre_mm
        storage = cv2.FileStorage(str(inside / f"{name}.yml"), cv2.FILE_STORAGE_WRITE)
        storage.write("image_width", c.width)
        storage.write("image_height", c.height)
        storage.write("camera_matrix", np.array(matrix(c)))
        storage.write("distortion_coefficients", np.array(c.distortion or (0.0,) * 4))
        if name == "front":
            storage.write("rvec", Rotation.from_matrix(placed.rotation).as_rotvec())
            storage.write("tvec", translation)
        else:
            storage.write("R", placed.rotation)
            storage.write("T", translation / 1000)
        storage.release()
    return str(inside)


def own(folder) -> str:
    cameras = {}
    for name, placed in CAMERAS.items():
        c = placed.camera
        inside = {key: getattr(c, key) for key in ("width", "height", "fx", "fy", "cx", "cy")}
        cameras[name] = inside | {
            "distortion": list(c.distortion), "rotation": placed.rotation.tolist(), "centre_mm": placed.centre_mm.tolist()
        }  # fmt: skip
    path = folder / "cameras.json"
    path.write_text(json.dumps({"cameras": cameras}))
    return str(path)


@pytest.mark.parametrize("write", [qualisys, pose2sim, opencv, own], ids=lambda w: w.__name__)
def test_every_format_says_the_same(write, tmp_path):
    read = load_calibration(write(tmp_path))
    assert sorted(read) == ["front", "side"]
    points = np.random.default_rng(0).uniform(-800, 800, (20, 3)) + np.array([0, 0, 1000])
    for name, placed in read.items():
        truth = CAMERAS[name]
        assert (placed.camera.width, placed.camera.height) == (truth.camera.width, truth.camera.height)
        np.testing.assert_allclose(placed.rotation, truth.rotation, atol=1e-9)
        np.testing.assert_allclose(placed.centre_mm, truth.centre_mm, atol=1e-6)
        seen, expected = (one.camera.project(one.to_camera(points)) for one in (placed, truth))
        np.testing.assert_allclose(seen, expected, atol=1e-6)


MIRRORED = '{"cameras": {"a": {"width": 8, "height": 8, "fx": 8, "fy": 8, "cx": 4, "cy": 4, "rotation": %s, "centre_mm": %s}}}'
MISTAKES = [
    ("no such file", "none.toml", None, "cannot be read"),
    ("half an XML file", "a.xml", "<calibration><cameras>", "cannot be understood"),
    ("a camera without a lens", "a.txt", "<c><camera serial='a'><fov_video/></camera></c>", "lacks 'intrinsic'"),
    ("XML of something else", "a.xml", "<html></html>", "holds no camera"),
    ("TOML of something else", "a.toml", "[project]\nname = 'x'\n", "holds no camera"),
    ("TOML without a place", "a.toml", "[a]\nsize = [8, 8]\nmatrix = [[8, 0, 4], [0, 8, 4], [0, 0, 1]]\n", "lacks 'rotation'"),
    ("one camera's intrinsics", "a.yaml", "width: 8\nheight: 8\n", "lacks 'cameras'"),
    ("OpenCV without a place", "a.yml", "%YAML:1.0\n---\nimage_width: 8\nimage_height: 8\n", "lacks 'camera_matrix'"),
    ("a mirror", "a.json", MIRRORED % ("[[-1, 0, 0], [0, 1, 0], [0, 0, 1]]", "[0, 0, 0]"), "has a rotation that is none"),
    ("a NaN", "a.json", MIRRORED % ("[[1, 0, 0], [0, 1, 0], [0, 0, 1]]", "[0, .nan, 0]"), "has no place"),
]


@pytest.mark.parametrize(("case", "name", "text", "message"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_mistakes(case, name, text, message, tmp_path):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(XnectError) as caught:
        load_calibration(tmp_path / name)
    assert message in str(caught.value) and name in str(caught.value), case
