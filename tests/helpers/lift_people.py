"""People for Stage II's tests: a walker as a Stage I that is always right would see them, and clips of motion capture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from people import walking_person
from scipy.spatial.transform import Rotation

from xnect_lite.skeleton import MEETS, PARENTS
from xnect_lite.train.lifter.data import LiftSet

PX_PER_M = 100.0


def walkers(count: int) -> LiftSet:
    """People seen without perspective by a Stage I that is always right."""
    truth = walking_person(np.arange(count) / 7)[0] / 1000
    bones = truth - truth[:, PARENTS]
    locations = np.where(MEETS[None, :, None], bones.transpose(0, 2, 1)[:, None], np.nan)
    xy = truth[..., :2] * PX_PER_M + 300
    return LiftSet(*(
        torch.from_numpy(a.astype(np.float32))
        for a in (xy, np.full(truth.shape[:2], 0.8), locations, truth, np.ones(truth.shape[:2]), xy)
    ))  # fmt: skip


_LIMBS = (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
_JOINTS = ("root", "chest", "neck", *(f"{s}_{joint}" for s in ("right", "left") for limb in _LIMBS for joint in limb))
_PARENTS = (-1, 0, 1, 0, 3, 4, 1, 6, 7, 0, 9, 10, 1, 12, 13)
_LEG, _ARM = ((0.1, 0, 0), (0, -0.5, 0), (0, -0.5, 0)), ((0.2, 0.2, 0), (0, -0.3, 0), (0, -0.3, 0))
_OFFSETS = np.array([(0, 0, 0), (0, 0.25, 0), (0, 0.2, 0), *_LEG, *_ARM, *_LEG, *_ARM], np.float32)
_OFFSETS[3:9, 0] *= -1  # the right side


def write_motion(folder: Path, clips: int = 24, frames: int = 4) -> None:
    """A motion folder of one file: people who wave arms and legs at random."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    turns = Rotation.from_rotvec(rng.normal(0, 0.35, (clips * frames * len(_JOINTS), 3))).as_quat()[:, [3, 0, 1, 2]]
    np.savez(
        folder / "deepmimic.npz",
        joint_names=np.array(_JOINTS), parents=np.array(_PARENTS), offsets_m=_OFFSETS,
        local_quat_wxyz=turns.reshape(clips * frames, len(_JOINTS), 4).astype(np.float16),
        root_pos_m=np.tile(np.array([0, 1.03, 0], np.float32), (clips * frames, 1)), fps=np.array(30.0),
        clip_start=np.arange(clips) * frames, clip_names=np.array([f"clip_{i}" for i in range(clips)]),
        clip_subject=np.zeros(clips, int),
    )  # fmt: skip
