"""A clip filmed by several calibrated cameras, and where people's joints were in the room: each camera alone against that.

A reference is an ``.npz`` with

    joints    (K,) names of `skeleton.JOINTS`
    xyz_mm    (F, P, K, 3) in the room, NaN = not known
    frames    (F,) optional: numbers of the frames in the videos; without it 0, 1, 2 ...

and, optionally, the cameras it was made with: ``cameras`` (C,) names, ``cam_K`` and ``cam_R`` (..., C, 3, 3), ``cam_C`` (C, 3)
millimetres, ``cam_dist`` (C, 4, 5 or 8), with x_cam = R (X - C).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from xnect_lite.camera.calibration import PlacedCamera
from xnect_lite.camera.intrinsics import Camera, save_intrinsics
from xnect_lite.capture import open_source
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.clips import Clip
from xnect_lite.files.npz import read_npz
from xnect_lite.skeleton import INDEX, LIMB_JOINTS_12, NUM_JOINTS, ROOT, derive_joints
from xnect_lite.synth.truth import Truth

STAGES = ("+ lifting", "+ filtering", "+ fitting (live)", "+ second pass (recordings)")
"""Rows of `stages.score_stages` that are asked for."""

SCORED_3D = np.array([ROOT, INDEX["neck"], *LIMB_JOINTS_12])
"""Joints scored in 3D. Where hands, feet and faces are, estimators that make references do not agree on."""


@dataclasses.dataclass(frozen=True)
class Reference:
    """Where people's joints were: joints_mm (F, P, 24, 3) in the room, NaN = not known, of the video frames 0 to F - 1.

    camera_values: name -> (matrix, rotation, centre_mm, distortion) as used for it; {} if it does not say.
    """

    joints_mm: np.ndarray
    camera_values: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]

    def cameras(self, sizes: Mapping[str, tuple[int, int]]) -> dict[str, PlacedCamera]:
        """The cameras it was made with, for pictures of these sizes (width, height)."""
        out = {}
        for name, (matrix, rotation, centre, bending) in self.camera_values.items():
            if name in sizes:
                focal, middle = (float(matrix[0, 0]), float(matrix[1, 1])), (float(matrix[0, 2]), float(matrix[1, 2]))
                out[name] = PlacedCamera(Camera(*sizes[name], *focal, *middle, tuple(bending.tolist())), rotation, centre)
        return out


def load_reference(path: str | Path) -> Reference:
    """Raises XnectError naming what is wrong with the file."""
    try:
        stored = read_npz(path)
        names, xyz = [str(name) for name in stored["joints"]], stored["xyz_mm"].astype(np.float64)
        known = [(k, INDEX[name]) for k, name in enumerate(names) if name in INDEX]
        if xyz.ndim != 4 or xyz.shape[2:] != (len(names), 3) or not known or not len(xyz):
            raise ValueError(f"has xyz_mm {xyz.shape} for {len(names)} joints, {len(known)} of them known")
        frames = stored["frames"].astype(int) if "frames" in stored else np.arange(len(xyz))
        if len(frames) != len(xyz) or frames.min() < 0 or len(set(frames.tolist())) != len(frames):
            raise ValueError("has frame numbers that repeat, are negative, or not as many as frames")
        joints = np.full((frames.max() + 1, xyz.shape[1], NUM_JOINTS, 3), np.nan)
        for k, j in known:
            joints[frames, :, j] = np.where(np.isfinite(xyz[:, :, k]).all(-1, keepdims=True), xyz[:, :, k], np.nan)
        cameras = {}
        if "cameras" in stored:
            matrices, turns = (stored[key].reshape(-1, 3, 3) for key in ("cam_K", "cam_R"))
            columns = (matrices, turns, stored["cam_C"].reshape(-1, 3), stored["cam_dist"])
            cameras = {str(name): tuple(values) for name, *values in zip(stored["cameras"], *columns, strict=True)}
    except (ValueError, KeyError, TypeError) as error:
        cause = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise XnectError(str(path), f"is no reference: it {cause}", "See docs/pipeline.md for what it holds") from error
    return Reference(derive_joints(joints), cameras)


def video_sizes(videos: Mapping[str, Path]) -> dict[str, tuple[int, int]]:
    """Name -> (width, height). Raises XnectError for a video that cannot be read."""
    sizes = {}
    for name, path in videos.items():
        with open_source(path) as source:
            sizes[name] = source.size
    return sizes


def views(
    videos: Mapping[str, Path], cameras: Mapping[str, PlacedCamera], reference: Reference, folder: Path
) -> dict[str, Clip]:
    """Name -> the clip of that camera, whose truth is the reference as that camera sees it.

    ``folder`` takes a calibration file for each. Raises XnectError for a video without a camera, or of another shape.
    """
    out = {}
    for name, size in video_sizes(videos).items():
        if name not in cameras:
            known = ", ".join(cameras) or "no camera"
            raise XnectError(f"video {name}", f"has no camera of its name: the calibration has {known}", "Name them alike")
        placed = dataclasses.replace(cameras[name], camera=cameras[name].camera.scaled_to(*size))
        intrinsics = folder / f"{name}.yaml"
        save_intrinsics(placed.camera, intrinsics)
        out[name] = Clip(videos[name], seen_by(placed, reference.joints_mm), intrinsics)
    return out


def seen_by(placed: PlacedCamera, joints_room_mm: np.ndarray) -> Sequence[Truth]:
    """The truth of every frame, from joints (F, P, 24, 3) in the room, without people of whom no pelvis is known."""
    camera, truths = placed.camera, []
    size = np.array([camera.width, camera.height])
    for joints in placed.to_camera(joints_room_mm):
        joints = joints[np.isfinite(joints[:, ROOT]).all(-1)]
        px = camera.project(joints)
        with np.errstate(invalid="ignore"):
            inside = ((px > -0.5) & (px < size - 0.5)).all(-1)
        scored = np.full_like(joints, np.nan)
        scored[:, SCORED_3D] = joints[:, SCORED_3D]
        whose = np.broadcast_to(np.int16(0), (camera.height, camera.width))  # whose which pixel is, is not known
        area = np.full(len(joints), camera.width * camera.height)
        truths.append(Truth(px, scored, np.asarray(inside), area, whose, camera.fx, np.full(4, np.nan)))
    return truths
