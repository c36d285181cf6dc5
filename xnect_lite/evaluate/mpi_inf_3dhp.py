"""MPI-INF-3DHP's test set as pictures to look at, and its score: 3DPCK, AUC and MPJPE of poses put on their pelvis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from xnect_lite.data.bodies import fit_intrinsics
from xnect_lite.data.pictures import read_rgb
from xnect_lite.data.readers.mpi_inf_3dhp import ORIGIN, Track, read_test_sequence
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.finding import Picture
from xnect_lite.evaluate.keypoints import oks_matrix
from xnect_lite.evaluate.predictions import Found
from xnect_lite.evaluate.protocols.mupots import PELVIS, with_middles
from xnect_lite.evaluate.protocols.pck3d import auc, mpjpe, pck, pck_by_group, relative_errors
from xnect_lite.evaluate.results import Table
from xnect_lite.skeleton import MUPOTS17

DATA_SET = "3dhp"
_OFFICIAL = tuple(f"TS{number}" for number in range(1, 7))
ACTIVITIES = (
    "standing and walking", "exercising", "sitting", "reaching and crouching", "on the floor", "sports", "miscellaneous",
)  # fmt: skip
"""In the order of the annotation's numbers, from 1."""


class Mpi3dhpSet:
    """The test sequences in a folder, or the ``chosen`` ones, and of these every ``every``-th frame that is valid.

    ``part``: '' if it is the whole set, else which part. Raises XnectError for what is missing.
    """

    def __init__(self, folder: Path, chosen: Sequence[str] = (), every: int = 1) -> None:
        inner = folder / "mpi_inf_3dhp_test_set"
        self._root, self._every = (inner if inner.is_dir() else folder), every
        names = chosen or _OFFICIAL
        missing = [f"{name}/annot_data.mat" for name in names if not (self._root / name / "annot_data.mat").is_file()]
        if missing:
            error = ORIGIN.missing(", ".join(missing), self._root)
            hint = "" if chosen else ", or score a part with --sequences"
            raise XnectError(error.thing, error.cause, error.next_step + hint)
        self._tracks = {name: self._read(name) for name in names}
        left_out = [f"{len(names)} of {len(_OFFICIAL)} sequences"] if len(names) < len(_OFFICIAL) else []
        left_out += [f"1 frame in {every}"] if every > 1 else []
        self.part = ", ".join(left_out)

    def _read(self, name: str) -> Track:
        path = self._root / name / "annot_data.mat"
        track = read_test_sequence(path)
        known = [np.isfinite(joints).all((1, 2)) for joints in (track.annot2, track.annot3, track.univ_annot3)]
        bad = np.flatnonzero(track.valid & ~np.logical_and.reduce(known))
        if not track.valid.any():
            raise XnectError(str(path), "has no valid frame", f"Get it again from {ORIGIN.page}")
        if len(bad):
            cause = f"holds joints that are not numbers: frame {bad[0] + 1}"
            raise XnectError(str(path), cause, f"Get it again from {ORIGIN.page}")
        return track

    @property
    def data(self) -> str:
        """What is scored, in words."""
        return f"MPI-INF-3DHP test set: {len(self._tracks)} sequences, {len(self.records()):,} valid frames"

    def _frames(self, track: Track) -> list[int]:
        return np.flatnonzero(track.valid)[:: self._every].tolist()

    def records(self) -> list[str]:
        """Names of the pictures that are scored."""
        return [_record(name, frame) for name, track in self._tracks.items() for frame in self._frames(track)]

    def other_records(self) -> list[str]:
        """Names of the pictures that are not."""
        scored = set(self.records())
        names = (_record(name, frame) for name, track in self._tracks.items() for frame in range(len(track.valid)))
        return [name for name in names if name not in scored]

    def clips(self) -> list[list[Picture]]:
        """The pictures that are scored, by sequence. Raises XnectError if one is missing."""
        return [self._pictures(name, track) for name, track in self._tracks.items()]

    def _pictures(self, name: str, track: Track) -> list[Picture]:
        camera = fit_intrinsics(track.annot3[track.valid], track.annot2[track.valid])
        out = []
        for frame in self._frames(track):
            record = _record(name, frame)
            path = self._root / record
            if not path.is_file():
                raise ORIGIN.missing(f"the picture {record} of a valid frame", self._root)
            out.append(Picture(record, partial(read_rgb, path), focal_px=camera.focal_px if camera else None))
        return out

    def score(self, found: Mapping[str, Found]) -> tuple[dict[str, float], dict[str, Table]]:
        """Figures and tables; of several people found in a picture whoever fits the person's 2D joints best."""
        sequences, activities, errors = [], [], []
        for name, track in self._tracks.items():
            frames = self._frames(track)
            poses = np.array([_pose(found[_record(name, frame)], track.annot2[frame]) for frame in frames])
            errors.append(relative_errors(with_middles(poses), track.univ_annot3[frames].astype(np.float64), PELVIS))
            sequences += [name] * len(frames)
            activities += track.activity[frames].tolist()
        every = np.concatenate(errors)
        figures = _figures(every)
        by_activity = {
            title: _figures(every[np.array(activities) == number])
            for number, title in enumerate(ACTIVITIES, 1)
            if number in activities
        }
        by_sequence = {name: _figures(every[np.array(sequences) == name]) for name in self._tracks}
        return figures, {
            "Root-relative, by sequence": by_sequence | {"all": figures},
            "Root-relative, by activity": by_activity,
            "3DPCK by joint": {"all": pck_by_group(every)},
        }


def _record(name: str, frame: int) -> str:
    return f"{name}/imageSequence/img_{frame + 1:06d}.jpg"


def _pose(found: Found, truth_px: np.ndarray) -> np.ndarray:
    """(17, 3) mm of the person who is the one annotated; NaN if nobody was found."""
    if not len(found.joints_px):
        return np.full((17, 3), np.nan)
    similar = oks_matrix(MUPOTS17.to_xnect(truth_px)[None], MUPOTS17.to_xnect(found.joints_px))[0]
    return found.joints_mm[int(similar.argmax())]


def _figures(errors_mm: np.ndarray) -> dict[str, float]:
    found = np.isfinite(errors_mm).any(1)
    return {
        "pck": pck(errors_mm), "auc": auc(errors_mm), "mpjpe_mm": mpjpe(errors_mm),
        "found": 100.0 * float(found.mean()) if len(found) else np.nan, "frames": len(errors_mm),
    }  # fmt: skip
