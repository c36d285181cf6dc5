"""MPI-INF-3DHP: training sequences ``S1..S8/Seq1..2/annot.mat``, test sequences ``TS1..TS6/annot_data.mat`` (MATLAB v7.3).

The training videos must have been turned into pictures, ``S1/Seq1/imageFrames/video_0/frame_000001.jpg`` (from 1); only
those there are read, so the rate at which they were extracted is the rate of the samples. One person per picture. No
calibration is needed: the camera is fitted to the 2D and 3D labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xnect_lite.data.bodies import fit_intrinsics
from xnect_lite.data.readers.assemble import SOME_LABELLED, make_sample, person
from xnect_lite.data.readers.matfile import each, read_mat
from xnect_lite.data.readers.origin import ODD_RECORD, Origin
from xnect_lite.data.sample import Sample
from xnect_lite.data.tally import Reason, Tally
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import MPI_INF_28, MUPOTS17, JointMap

ORIGIN = Origin("MPI-INF-3DHP", "https://vcai.mpi-inf.mpg.de/3dhp-dataset/")
_PICTURES = {".jpg", ".png"}


@dataclass(frozen=True, slots=True)
class Track:
    """One person through the N frames of one camera. K = 28 joints in training sequences, 17 in test sequences.

    annot2       (N, K, 2) pixels.
    annot3       (N, K, 3) camera space, mm.
    univ_annot3  (N, K, 3) the same, rescaled to a common height; what the benchmark scores.
    valid        (N,) bool; all True in training sequences.
    activity     (N,) 1..7 in test sequences, 0 = not known.
    """

    annot2: np.ndarray
    annot3: np.ndarray
    univ_annot3: np.ndarray
    valid: np.ndarray
    activity: np.ndarray


def read_train_sequence(path: Path) -> dict[int, Track]:
    """Cameras of one ``annot.mat``, by number: cells of N x 56 and N x 84. Raises XnectError naming the file."""
    data = read_mat(path)
    try:
        cells = [each(data[name]) for name in ("annot2", "annot3", "univ_annot3")]
        numbers = np.asarray(data["cameras"]).ravel() if "cameras" in data else range(len(cells[0]))
        return {int(c): _track(parts, len(MPI_INF_28.names)) for c, *parts in zip(numbers, *cells, strict=True)}
    except ODD_RECORD as error:
        raise XnectError(str(path), f"is no annot.mat of this data set ({error!r})", f"Get it from {ORIGIN.page}") from error


def read_test_sequence(path: Path) -> Track:
    """One ``annot_data.mat``: annot2 2 x 17 x 1 x N and so on. Raises XnectError naming the file."""
    data = read_mat(path)
    try:
        arrays = [np.asarray(data[name]).transpose(3, 2, 1, 0) for name in ("annot2", "annot3", "univ_annot3")]
        valid = np.asarray(data["valid_frame"]).ravel() != 0
        activity = np.asarray(data["activity_annotation"]).ravel().astype(np.int64) if "activity_annotation" in data else None
        return _track(arrays, len(MUPOTS17.names), valid, activity)
    except ODD_RECORD as error:
        raise XnectError(
            str(path), f"is no annot_data.mat of this data set ({error!r})", f"Get it from {ORIGIN.page}"
        ) from error


def _track(
    annotations: Sequence[np.ndarray], joints: int, valid: np.ndarray | None = None, activity: np.ndarray | None = None
) -> Track:
    """annotations: annot2, annot3 and univ_annot3, a row for each frame."""
    annot2, annot3, univ_annot3 = annotations
    frames = len(annot2)
    track = Track(
        np.asarray(annot2, np.float32).reshape(frames, joints, 2),
        np.asarray(annot3, np.float32).reshape(frames, joints, 3),
        np.asarray(univ_annot3, np.float32).reshape(frames, joints, 3),
        np.ones(frames, bool) if valid is None else valid,
        np.zeros(frames, np.int64) if activity is None else activity,
    )
    if len(track.valid) != frames or len(track.activity) != frames:
        raise ValueError(f"{frames} frames but {len(track.valid)} flags and {len(track.activity)} activities")
    return track


def read_mpi_inf_3dhp(folder: Path, split: str, tally: Tally) -> Iterator[Sample]:
    """Samples of the training sequences ('train') or of the valid frames of the test sequences ('val')."""
    yield from _train(folder, tally) if split == "train" else _test(folder, tally)


def _train(folder: Path, tally: Tally) -> Iterator[Sample]:
    paths = sorted(folder.glob("S[1-8]/Seq[12]/annot.mat"))
    if not paths:
        raise ORIGIN.missing("S1/Seq1/annot.mat to S8/Seq2/annot.mat", folder)
    found = False
    for path in paths:
        for number, track in read_train_sequence(path).items():
            images = path.parent / "imageFrames" / f"video_{number}"
            if images.is_dir():
                found = True
                name = f"3dhp {path.parent.parent.name} {path.parent.name} video_{number}"
                yield from samples(track, MPI_INF_28, images, name, tally)
    if not found:
        raise ORIGIN.missing("imageFrames/video_0 (pictures extracted from the videos) in any S*/Seq*", folder)


def _test(folder: Path, tally: Tally) -> Iterator[Sample]:
    root = next((d for d in (folder, folder / "mpi_inf_3dhp_test_set") if any(d.glob("TS[1-6]/annot_data.mat"))), None)
    if root is None:
        raise ORIGIN.missing("TS1/annot_data.mat to TS6/annot_data.mat", folder)
    for path in sorted(root.glob("TS[1-6]/annot_data.mat")):
        images = path.parent / "imageSequence"
        if not images.is_dir():
            raise ORIGIN.missing(f"{path.parent.name}/imageSequence", root)
        yield from samples(read_test_sequence(path), MUPOTS17, images, f"3dhp {path.parent.name}", tally, SOME_LABELLED)


def samples(
    track: Track, joint_map: JointMap, images: Path, name: str, tally: Tally, negative_weight: float = 1.0
) -> Iterator[Sample]:
    """Samples of the pictures in the folder ``images`` whose frames are valid; the number in a file name counts from 1."""
    camera = fit_intrinsics(track.annot3[track.valid], track.annot2[track.valid])
    everything = np.ones(len(joint_map.names), bool)
    for path in sorted(p for p in images.iterdir() if p.suffix.lower() in _PICTURES):
        digits = re.search(r"(\d+)$", path.stem)
        row = int(digits[1]) - 1 if digits else -1
        if not 0 <= row < len(track.valid) or not track.valid[row]:
            tally.add(Reason.FRAME, str(path))
            continue
        one = person(joint_map, track.annot2[row], everything, everything, joints_cam_mm=track.annot3[row])
        sample = make_sample(
            path, [one], tally, provenance=f"{name} {path.name}", camera=camera, negative_weight=negative_weight
        )
        if sample is not None:
            yield sample
