"""Cameras that stand in one room: calibration files of several cameras.

Read are, by what they hold:

* Qualisys Track Manager's XML (``*.qca.txt``);
* Pose2Sim's TOML: a table per camera with size, matrix, distortions, rotation and translation (metres);
* OpenCV's YAML or XML, in a folder a file per camera: camera_matrix, distortion_coefficients, image_width, image_height and the
  place as rvec or R with tvec or T (millimetres; metres if a camera is less than 100 from the origin);
* our own YAML or JSON: under ``cameras`` one entry per name, with the keys of `intrinsics`, and ``rotation`` (3 x 3 in rows,
  room to camera axes) and ``centre_mm`` (3).
"""

from __future__ import annotations

import dataclasses
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from xnect_lite.camera.intrinsics import Camera, camera_of_values
from xnect_lite.errors import XnectError

_SUBPIXELS = 64.0  # Qualisys counts pixels in 64ths
_METRES_WITHIN = 100.0
_TURNED = 1e-3  # how far a rotation may be from one


@dataclasses.dataclass(frozen=True)
class PlacedCamera:
    """A camera and where it stands: x_cam = rotation @ (x_room - centre_mm), camera axes x right, y down, z away.

    camera       lens and sensor.
    rotation     (3, 3) room axes -> camera axes.
    centre_mm    (3,) in the room.
    """

    camera: Camera
    rotation: np.ndarray
    centre_mm: np.ndarray

    def to_camera(self, points_room_mm: np.ndarray) -> np.ndarray:
        """(..., 3) room -> (..., 3) camera axes."""
        return (points_room_mm - self.centre_mm) @ self.rotation.T

    def to_room(self, points_cam_mm: np.ndarray) -> np.ndarray:
        """(..., 3) camera axes -> (..., 3) room."""
        return points_cam_mm @ self.rotation + self.centre_mm


def load_calibration(path: str | Path) -> dict[str, PlacedCamera]:
    """Name -> camera, of several that were calibrated together.

    Args:
        path: a file of Qualisys, Pose2Sim (TOML) or our own, or a folder of OpenCV's files.

    Raises:
        XnectError: naming the file and what is wrong with it.
    """
    path = Path(path)
    try:
        if path.is_dir():
            files = [file for file in sorted(path.iterdir()) if file.suffix in (".yml", ".yaml", ".xml")]
            cameras = {file.stem: _of_opencv(file) for file in files}
        else:
            cameras = _read(path)
    except OSError as error:
        raise XnectError(str(path), f"cannot be read ({error.strerror})", "Check the path") from error
    except (ValueError, KeyError, TypeError, AttributeError, cv2.error, yaml.YAMLError, ElementTree.ParseError) as error:
        cause = f"lacks {error}" if isinstance(error, KeyError) else f"cannot be understood ({str(error).splitlines()[0]})"
        raise XnectError(str(path), f"is no calibration: it {cause}", "See docs/pipeline.md for the formats") from error
    if not cameras:
        raise XnectError(str(path), "holds no camera", "Give a calibration of several cameras: see docs/pipeline.md")
    for name, placed in cameras.items():
        _check(f"{path}: camera {name}", placed)
    return cameras


def _read(path: Path) -> dict[str, PlacedCamera]:
    text = path.read_text(encoding="utf-8-sig")
    if text.lstrip().startswith("%YAML") or "<opencv_storage>" in text:
        return {path.stem: _of_opencv(path)}
    if text.lstrip().startswith("<"):
        return _of_qualisys(text)
    return _of_pose2sim(text) if path.suffix == ".toml" else _of_own(text)


def _of_qualisys(text: str) -> dict[str, PlacedCamera]:
    """Rows of the transform are a camera's x right, y up, z towards it; pixels of the picture begin at ``left``, ``top``."""
    out: dict[str, PlacedCamera] = {}
    for element in ElementTree.fromstring(text).iter("camera"):
        video, lens, place = (_child(element, name) for name in ("fov_video", "intrinsic", "transform"))
        number = lambda of, key: float(of.attrib[key])  # noqa: E731
        left, top = number(video, "left"), number(video, "top")
        axes = np.array([[number(place, f"r{row}{column}") for column in (1, 2, 3)] for row in (1, 2, 3)])
        bending = (
            "radialDistortion1",
            "radialDistortion2",
            "tangentalDistortion1",
            "tangentalDistortion2",
            "radialDistortion3",
        )
        out[element.attrib.get("serial", f"camera{len(out) + 1}")] = PlacedCamera(
            Camera(
                round(number(video, "right") - left) + 1,
                round(number(video, "bottom") - top) + 1,
                number(lens, "focalLengthU") / _SUBPIXELS,
                number(lens, "focalLengthV") / _SUBPIXELS,
                number(lens, "centerPointU") / _SUBPIXELS - left,
                number(lens, "centerPointV") / _SUBPIXELS - top,
                tuple(float(lens.attrib.get(key, 0.0)) for key in bending),
            ),
            np.diag([1.0, -1.0, -1.0]) @ axes,
            np.array([number(place, key) for key in "xyz"]),
        )
    return out


def _child(element: ElementTree.Element, name: str) -> ElementTree.Element:
    found = element.find(name)
    if found is None:
        raise KeyError(name)
    return found


def _of_pose2sim(text: str) -> dict[str, PlacedCamera]:
    out = {}
    for key, table in tomllib.loads(text).items():
        if isinstance(table, dict) and "matrix" in table:
            place = _placed(table["rotation"], np.array(table["translation"], float) * 1000.0)
            camera = _camera(np.array(table["matrix"], float), table["size"], table.get("distortions", []))
            out[str(table.get("name", key))] = PlacedCamera(camera, *place)
    return out


def _of_opencv(path: Path) -> PlacedCamera:
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
    try:
        matrix = _matrix(storage, "camera_matrix", "K", "cameraMatrix")
        bending = _matrix(storage, "distortion_coefficients", "dist", "distCoeffs", optional=True)
        rotation, translation = _matrix(storage, "rvec", "R", "rotation"), _matrix(storage, "tvec", "T", "translation")
        size = [storage.getNode(name).real() for name in ("image_width", "image_height")]
    finally:
        storage.release()
    if not all(size):
        raise KeyError("image_width, image_height")
    translation = translation.ravel()
    unit = 1000.0 if np.linalg.norm(translation) < _METRES_WITHIN else 1.0
    return PlacedCamera(_camera(matrix, size, bending.ravel().tolist()), *_placed(rotation, translation * unit))


def _matrix(storage: cv2.FileStorage, *names: str, optional: bool = False) -> np.ndarray:
    for name in names:
        node = storage.getNode(name)
        if not node.empty():
            return np.asarray(node.mat(), float)
    if optional:
        return np.zeros(0)
    raise KeyError(names[0])


def _of_own(text: str) -> dict[str, PlacedCamera]:
    values = yaml.safe_load(text)
    if not isinstance(values, dict) or not isinstance(values.get("cameras"), dict):
        raise KeyError("cameras")
    out = {}
    for name, entry in values["cameras"].items():
        inside = dict(entry)
        rotation, centre = np.array(inside.pop("rotation"), float), np.array(inside.pop("centre_mm"), float)
        out[str(name)] = PlacedCamera(camera_of_values(inside, f"camera {name}"), rotation, centre)
    return out


def _camera(matrix: np.ndarray, size: Any, bending: list[float]) -> Camera:
    values = {
        "width": int(size[0]), "height": int(size[1]), "fx": float(matrix[0, 0]), "fy": float(matrix[1, 1]),
        "cx": float(matrix[0, 2]), "cy": float(matrix[1, 2]), "distortion": [float(k) for k in bending],
    }  # fmt: skip
    return camera_of_values(values, "camera")


def _placed(rotation: Any, translation_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation matrix and centre, of OpenCV's x_cam = R x_room + t with R a matrix or a rotation vector."""
    turn = np.asarray(rotation, float)
    if turn.size == 3:
        turn = cv2.Rodrigues(turn.reshape(3, 1))[0]
    turn = turn.reshape(3, 3)
    return turn, -turn.T @ translation_mm


def _check(what: str, placed: PlacedCamera) -> None:
    turn, centre = placed.rotation, placed.centre_mm
    if turn.shape != (3, 3) or centre.shape != (3,) or not (np.isfinite(turn).all() and np.isfinite(centre).all()):
        raise XnectError(what, "has no place: its rotation is not 3 x 3 or its centre not 3 numbers", "Mend the file")
    if np.abs(turn @ turn.T - np.eye(3)).max() > 10 * _TURNED or np.linalg.det(turn) < 0:
        raise XnectError(what, "has a rotation that is none", "Give right-handed orthogonal axes, in rows")
