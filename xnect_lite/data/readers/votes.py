"""Our own network's opinion of the photo kit's people: one more vote beside the teachers', kept in a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from xnect_lite.data.archives.parts import replace
from xnect_lite.errors import XnectError
from xnect_lite.files.npz import read_npz
from xnect_lite.skeleton import NUM_JOINTS

SCHEMA_VERSION = 1
_AGREE = 0.2  # in torso lengths
_LEAST_PASSES = 2
AGAIN = "Make it again with xnect-lite data vote"


def agreed(passes_px: np.ndarray, torso_px: float) -> np.ndarray:
    """(24, 2) the median of what (K, 24, 2) passes found, NaN unless two of them lie within a fifth of the torso of it."""
    found = np.isfinite(passes_px[..., 0]).any(0)
    middle = np.full(passes_px.shape[1:], np.nan, np.float32)
    middle[found] = np.nanmedian(passes_px[:, found], 0)
    near = np.linalg.norm(passes_px - middle, axis=-1) < _AGREE * torso_px
    return np.where((near.sum(0) >= _LEAST_PASSES)[:, None], middle, np.nan)


def check_target(path: Path) -> None:
    """Raises XnectError unless votes can be written there; to be asked before the hours that voting takes."""
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise XnectError(str(path), "is a folder, or its folder does not exist or cannot be written", "Choose another file")


def save_votes(path: Path, votes: Mapping[str, np.ndarray]) -> None:
    """Write votes, picture -> (P, 24, 2) pixels, as .npz. Raises XnectError if it cannot be written."""
    arrays = {
        "schema_version": np.array(SCHEMA_VERSION),
        "name": np.array(list(votes), dtype=str),
        "people_count": np.array([len(people) for people in votes.values()], np.int64),
        "joints_px": np.concatenate([np.zeros((0, NUM_JOINTS, 2)), *votes.values()]).astype(np.float32),
    }

    def write(part: Path) -> None:
        with part.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # the stub takes every name for allow_pickle

    try:
        replace(path, write)
    except OSError as error:
        raise XnectError(str(path), f"cannot be written ({error.strerror})", "Choose another file") from error


def read_votes(path: str | Path) -> dict[str, np.ndarray]:
    """Read what `save_votes` wrote. Raises XnectError if it is something else."""
    try:
        arrays = read_npz(path, ["schema_version", "name", "people_count", "joints_px"])
        version, ends = int(arrays["schema_version"]), np.cumsum(arrays["people_count"])
        if version != SCHEMA_VERSION:
            raise XnectError(str(path), f"has version {version}, not {SCHEMA_VERSION}", AGAIN)
        joints = arrays["joints_px"].reshape(int(ends[-1]) if len(ends) else 0, NUM_JOINTS, 2)
        return dict(zip(map(str, arrays["name"]), np.split(joints, ends[:-1]) if len(ends) else [], strict=True))
    except (ValueError, TypeError, IndexError) as error:
        raise XnectError(str(path), f"holds no votes ({error})", AGAIN) from error
