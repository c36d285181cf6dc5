"""Leeds Sports Poses: PCK of the one annotated person in each picture."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from xnect_lite.data.pictures import read_rgb
from xnect_lite.data.readers.lsp import LSP, LSPET, read_joints
from xnect_lite.data.readers.photokit import is_validation
from xnect_lite.data.sample import evenly
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.finding import Picture
from xnect_lite.evaluate.keypoints import PCK_SHARE, oks_matrix
from xnect_lite.evaluate.predictions import Found
from xnect_lite.skeleton import LSP14

_TRAIN = 1000
_COLUMNS = {
    "head": ("head_top", "neck"),
    **{name: (f"r_{name}", f"l_{name}") for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")},
}
_SHOULDER, _HIP = LSP14.names.index("l_shoulder"), LSP14.names.index("r_hip")
_LIMBS = [i for i, name in enumerate(LSP14.names) if name not in ("head_top", "neck")]


class LspSet:
    """The test pictures of LSP (the second 1,000), or of LSPET (``extended``) those that are held back from training.

    About ``limit`` of them, evenly spread (0 = all). Raises XnectError for what is missing.
    """

    def __init__(self, folder: Path, extended: bool, limit: int = 0) -> None:
        self._origin, self._folder = LSPET if extended else LSP, folder
        self.data_set = "lspet" if extended else "lsp"
        joints = read_joints(self._origin.find(folder, "joints.mat"), extended)
        count = len(joints.labelled)
        held_back = [i for i in range(count) if is_validation(f"im{i + 1:05d}.webp")]
        rows = held_back if extended else list(range(min(_TRAIN, count), count))
        if not rows:
            cause = f"is of {count} people: none is left to test on"
            raise XnectError(str(folder / "joints.mat"), cause, f"Get it from {self._origin.page}")
        chosen = evenly(rows, limit)
        self.part = "" if len(chosen) == len(rows) else f"{len(chosen):,} of {len(rows):,}"
        self._names = [f"im{i + 1:05d}.jpg" if extended else f"im{i + 1:04d}.jpg" for i in chosen]
        self._truth_px, self._labelled = joints.joints_px[chosen].astype(np.float64), joints.labelled[chosen]
        bad = np.flatnonzero((~np.isfinite(self._truth_px).all(-1) & self._labelled).any(1))
        if len(bad):
            raise XnectError(
                str(folder / "joints.mat"), f"holds joints that are not numbers: {self._names[bad[0]]}",
                f"Get it again from {self._origin.page}",
            )  # fmt: skip

    @property
    def data(self) -> str:
        """What is scored, in words."""
        split = "held-back pictures" if self.data_set == "lspet" else "test pictures"
        return f"{self._origin.title}: {len(self._names):,} {split}"

    def records(self) -> list[str]:
        """Names of the pictures."""
        return self._names

    def clips(self) -> list[list[Picture]]:
        """The pictures. Raises XnectError if one is missing."""
        images = self._folder / "images"
        absent = [name for name in self._names if not (images / name).is_file()]
        if absent:
            raise self._origin.missing(f"{len(absent)} pictures, the first images/{absent[0]}", self._folder)
        return [[Picture(name, partial(read_rgb, images / name)) for name in self._names]]

    def score(self, found: Mapping[str, Found]) -> dict[str, float]:
        """PCK@0.2 in percent: a joint is right within 0.2 of the way from left shoulder to right hip; exactly on it, too.

        All labelled joints count, hidden ones as well; of several people found in a picture whoever fits best is asked. People
        without that torso are left out.
        """
        truth, labelled = self._truth_px, self._labelled
        torso = np.linalg.norm(truth[:, _SHOULDER] - truth[:, _HIP], axis=-1)
        counted = labelled & (labelled[:, _SHOULDER] & labelled[:, _HIP] & (torso > 0))[:, None]
        px = np.array([_whom(found[name], truth[i], labelled[i]) for i, name in enumerate(self._names)])
        away = np.linalg.norm(px - truth, axis=-1)
        with np.errstate(invalid="ignore"):
            right = away <= PCK_SHARE * torso[:, None]

        def share(columns: list[int]) -> float:
            chosen = counted[:, columns]
            return 100.0 * float(right[:, columns][chosen].mean()) if chosen.any() else np.nan

        columns = {name: [LSP14.names.index(joint) for joint in joints] for name, joints in _COLUMNS.items()}
        return {
            **{name: share(members) for name, members in columns.items()},
            "mean": share(list(range(len(LSP14.names)))), "mean_of_limbs": share(_LIMBS),
            "people": int(counted.any(1).sum()),
        }  # fmt: skip


def _whom(found: Found, truth_px: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """(14, 2) of the person found who is the one annotated; NaN if nobody was."""
    if not len(found.joints_px):
        return np.full(truth_px.shape, np.nan)
    truth = LSP14.to_xnect(np.where(labelled[:, None], truth_px, np.nan))[None]
    return found.joints_px[int(oks_matrix(truth, LSP14.to_xnect(found.joints_px))[0].argmax())]
