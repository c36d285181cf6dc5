"""People as the stages before fitting report them: true motion, seen through a camera, with noise that lasts."""

from __future__ import annotations

import dataclasses

import numpy as np
from people import walking_person

from xnect_lite.camera.intrinsics import Camera
from xnect_lite.camera.pinhole import place_root
from xnect_lite.skeleton import INDEX, NUM_JOINTS, ROOT
from xnect_lite.types import People

CAMERA = Camera(1280, 720, 1280.0, 1280.0, 639.5, 359.5)
FPS = 30.0
_LASTING = 0.8  # share of a joint's error that stays from frame to frame, as a network's errors do


def seconds(count: int, fps: float = FPS) -> np.ndarray:
    return np.arange(count) / fps


def planted(t_s: np.ndarray, **walk) -> tuple[np.ndarray, np.ndarray]:
    """A walker of `people.walking_person` who is carried along by the lower toe, which therefore does not slide."""
    joints_mm, root_cam_mm = walking_person(t_s, **walk)
    toes = joints_mm[:, [INDEX["l_toe"], INDEX["r_toe"]]]
    root = root_cam_mm.copy()
    for f in range(1, len(t_s)):
        lower = toes[f - 1, :, 1].argmax()
        root[f, [0, 2]] = root[f - 1, [0, 2]] - (toes[f, lower] - toes[f - 1, lower])[[0, 2]]
    return joints_mm, root


def observe(
    joints_mm: np.ndarray, root_cam_mm: np.ndarray, noise_mm: float = 40.0, noise_px: float = 4.0, seed: int = 0
) -> list[People]:
    """What one person (F, 24, 3), (F, 3) looks like to the stages before fitting; id 1."""
    rng, frames = np.random.default_rng(seed), []
    in_3d, in_2d = rng.normal(size=(NUM_JOINTS, 3)), rng.normal(size=(NUM_JOINTS, 2))
    for pose, root in zip(joints_mm, root_cam_mm, strict=True):
        in_3d = _LASTING * in_3d + np.sqrt(1 - _LASTING**2) * rng.normal(size=in_3d.shape)
        in_2d = _LASTING * in_2d + np.sqrt(1 - _LASTING**2) * rng.normal(size=in_2d.shape)
        seen_mm = pose + noise_mm * in_3d
        seen_mm -= seen_mm[ROOT]
        seen_px = CAMERA.project(pose + root) + noise_px * in_2d
        placed = place_root(seen_mm, seen_px, np.ones(NUM_JOINTS), CAMERA.focal_px, CAMERA.centre_px)
        frames.append(
            dataclasses.replace(
                People.empty(1),
                joints_px=seen_px[None].astype(np.float32),
                joint_score=np.full((1, NUM_JOINTS), 0.7, np.float32),
                person_score=np.full(1, 0.7, np.float32),
                joints_mm=seen_mm[None].astype(np.float32),
                root_cam_mm=placed[None].astype(np.float32),
                ids=np.array([1]),
            )
        )
    return frames


def together(*people: People) -> People:
    """Everybody of these in one frame, numbered from 1."""
    stacked = People(*(np.concatenate([getattr(p, name) for p in people]) for name in People.__slots__))
    return dataclasses.replace(stacked, ids=np.arange(1, len(stacked) + 1))


def jitter_mm_s2(points_mm: np.ndarray, t_s: np.ndarray) -> float:
    """Mean length of the second difference of (F, ..., 3) over time: acceleration, most of it trembling."""
    return float(np.linalg.norm(np.diff(points_mm, 2, axis=0), axis=-1).mean() / np.median(np.diff(t_s)) ** 2)


def root_relative_error_mm(seen_mm: np.ndarray, true_mm: np.ndarray) -> float:
    """Mean distance of root-relative joints (F, 24, 3)."""
    return float(np.linalg.norm((seen_mm - seen_mm[:, [ROOT]]) - (true_mm - true_mm[:, [ROOT]]), axis=-1).mean())
