"""The camera's own numbers: focal lengths, principal point, lens distortion; given in a file, by a field of view, or assumed.

A file is JSON or YAML with the keys

    width, height            pixels of the pictures it was calibrated with
    fx, fy, cx, cy           pixels; integer coordinates are pixel centres
    distortion               optional: k1, k2, p1, p2[, k3[, k4, k5, k6]] as OpenCV has them

or a file as OpenCV's and ROS's calibration tools write it: image_width, image_height, camera_matrix, distortion_coefficients.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import ArrayLike

from xnect_lite.camera.pinhole import default_focal_px, image_centre_px, project
from xnect_lite.config import CameraConfig
from xnect_lite.errors import XnectError
from xnect_lite.files.untrusted import MOST_SETTINGS_BYTES, load_yaml, read_bytes

_SAME_ASPECT = 0.01  # relative difference of width / height up to which a picture is the calibrated one, scaled
_KEYS = ("width", "height", "fx", "fy", "cx", "cy")
_DISTORTIONS = ("distortion_coefficients", "distCoeffs", "dist_coeffs", "distortion_coeffs")
_DISTORTION_LENGTHS = (0, 4, 5, 8)


@dataclasses.dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera with lens distortion, for pictures of one size. All in pixels; ``distortion`` as OpenCV has it."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, ...] = ()

    @property
    def focal_px(self) -> np.ndarray:
        """(2,) focal lengths along x and y."""
        return np.array([self.fx, self.fy])

    @property
    def centre_px(self) -> np.ndarray:
        """(2,) principal point."""
        return np.array([self.cx, self.cy])

    def rays(self, xy_px: ArrayLike) -> np.ndarray:
        """(..., 2) pixels -> (..., 2) viewing directions (x / z, y / z), the lens's bending undone; NaN stays NaN."""
        xy = np.asarray(xy_px, np.float64)
        if not self.distortion:
            return (xy - self.centre_px) / self.focal_px
        flat = np.ascontiguousarray(np.where(np.isfinite(xy), xy, 0.0)).reshape(-1, 1, 2)
        straight = cv2.undistortPoints(flat, self._matrix(), np.array(self.distortion)) if len(flat) else flat
        return np.where(np.isfinite(xy).all(-1, keepdims=True), straight.reshape(xy.shape), np.nan)

    def ideal_px(self, xy_px: ArrayLike) -> np.ndarray:
        """(..., 2) where these pixels would be without distortion."""
        return self.rays(xy_px) * self.focal_px + self.centre_px

    def project(self, points_cam_mm: ArrayLike) -> np.ndarray:
        """(..., 2) pixels of (..., 3) points in camera space; NaN at or behind the camera."""
        ideal = project(points_cam_mm, self.focal_px, self.centre_px)
        if not self.distortion:
            return ideal
        rays = np.where(np.isfinite(ideal), (ideal - self.centre_px) / self.focal_px, 0.0)
        flat = np.concatenate([rays, np.ones((*rays.shape[:-1], 1))], -1).reshape(-1, 1, 3)
        if not len(flat):
            return ideal
        bent, _ = cv2.projectPoints(flat, np.zeros(3), np.zeros(3), self._matrix(), np.array(self.distortion))
        return np.where(np.isfinite(ideal), bent.reshape(ideal.shape), np.nan)

    def scaled_to(self, width: int, height: int) -> Camera:
        """The same camera for pictures of another size. Raises XnectError if they have another shape."""
        if (width, height) == (self.width, self.height):
            return self
        across, down = width / self.width, height / self.height
        if abs(across / down - 1.0) > _SAME_ASPECT:
            raise XnectError(
                "camera.intrinsics",
                f"are of {self.width}x{self.height} pictures, the source has {width}x{height}, which is another shape",
                "Calibrate with the same format, or leave the file out",
            )
        cx, cy = (self.cx + 0.5) * across - 0.5, (self.cy + 0.5) * down - 0.5
        return Camera(width, height, self.fx * across, self.fy * down, cx, cy, self.distortion)

    def _matrix(self) -> np.ndarray:
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])


def camera_for(size: tuple[int, int], config: CameraConfig) -> Camera:
    """The camera that ``config`` describes, for pictures of one size.

    Args:
        size: (width, height) of the picture, pixels.
        config: a calibration file, a focal length or a field of view; without any, the focal length is the longer side.

    Raises:
        XnectError: for a file that cannot be read or is of pictures of another shape.
    """
    if config.intrinsics:
        return _load_again_if_changed(config.intrinsics, _modified_ns(config.intrinsics)).scaled_to(*size)
    width, height = size
    focal = config.focal_px or default_focal_px(width, height)
    if config.fov_deg:
        focal = 0.5 * width / math.tan(math.radians(config.fov_deg) / 2)
    cx, cy = image_centre_px(width, height)
    return Camera(width, height, focal, focal, float(cx), float(cy))


def _modified_ns(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0  # reading it says what is wrong


@lru_cache(maxsize=8)
def _load_again_if_changed(path: str, _modified_ns: int) -> Camera:
    """The camera is asked for in every frame, and the file read only when it is new."""
    return load_intrinsics(path)


def _without_opencv_marks(text: str) -> str:
    """OpenCV's first line is none of YAML's, and its matrices carry a tag of its own."""
    return re.sub(r"\A%YAML:[\d.]+\s*(---)?", "", text).replace("!!opencv-matrix", "")


def _in_our_words(values: Any) -> Any:
    """What OpenCV's and ROS's tools write, under our keys; anything else as it is."""
    matrix = values.get("camera_matrix", values.get("cameraMatrix")) if isinstance(values, dict) else None
    if not isinstance(matrix, dict) or not isinstance(matrix.get("data"), list) or len(matrix["data"]) != 9:
        return values
    distortion: dict[str, Any] = next((values[k] for k in _DISTORTIONS if isinstance(values.get(k), dict)), {})
    bent = distortion.get("data") or []
    if str(values.get("distortion_model", "plumb_bob")) not in ("plumb_bob", "rational_polynomial"):
        raise ValueError(f"its distortion_model is {values['distortion_model']!s:.40}, which is not known here")
    if isinstance(bent, list) and len(bent) > _DISTORTION_LENGTHS[-1] and not any(bent[_DISTORTION_LENGTHS[-1] :]):
        bent = bent[: _DISTORTION_LENGTHS[-1]]  # thin prisms and tilts of nothing
    fx, _, cx, _, fy, cy, *_ = matrix["data"]
    size = {ours: values[theirs] for ours, theirs in (("width", "image_width"), ("height", "image_height")) if theirs in values}
    return {**size, "fx": fx, "fy": fy, "cx": cx, "cy": cy, "distortion": bent}


def load_intrinsics(path: str | Path) -> Camera:
    """Read a calibration file. Raises XnectError naming what is wrong with it."""
    try:
        text = read_bytes(path, MOST_SETTINGS_BYTES).decode("utf-8-sig")
        values = _in_our_words(load_yaml(_without_opencv_marks(text)))  # YAML reads JSON too
    except OSError as error:
        raise XnectError(str(path), f"cannot be read ({error.strerror})", "Check camera.intrinsics") from error
    except ValueError as error:
        raise XnectError(str(path), f"is neither JSON nor YAML ({error})", "Mend the file") from error
    return camera_of_values(values, str(path))


def camera_of_values(values: object, where: str) -> Camera:
    """The camera that a file's keys describe. Raises XnectError naming ``where`` and what is wrong."""
    if not isinstance(values, dict) or (missing := [k for k in _KEYS if k not in values]):
        lacks = ", ".join(missing) if isinstance(values, dict) else "its keys"
        raise XnectError(where, f"lacks {lacks}", f"Give {', '.join(_KEYS)} and, if need be, distortion")
    if unknown := set(values) - {*_KEYS, "distortion"}:
        raise XnectError(where, f"has unknown keys {sorted(map(str, unknown))}", f"Known: {', '.join(_KEYS)}, distortion")
    distortion = values.get("distortion") or []
    numbers = [values[k] for k in _KEYS] + (distortion if isinstance(distortion, list) else [None])
    if not all(isinstance(n, (int, float)) and not isinstance(n, bool) and math.isfinite(n) for n in numbers):
        raise XnectError(where, "holds something that is not a number", "Give plain numbers, distortion as a list")
    if min(values[k] for k in ("width", "height", "fx", "fy")) <= 0 or len(distortion) not in _DISTORTION_LENGTHS:
        raise XnectError(
            where, "has a size or focal length that is not positive, or not 4, 5 or 8 distortion values", "Mend the file"
        )
    fx, fy, cx, cy = (float(values[k]) for k in ("fx", "fy", "cx", "cy"))
    return Camera(int(values["width"]), int(values["height"]), fx, fy, cx, cy, tuple(float(d) for d in distortion))


def save_intrinsics(camera: Camera, path: str | Path) -> None:
    """Write a calibration file that `load_intrinsics` reads back."""
    values = {key: getattr(camera, key) for key in _KEYS}
    Path(path).write_text(yaml.safe_dump(values | {"distortion": list(camera.distortion)}), encoding="utf-8")
