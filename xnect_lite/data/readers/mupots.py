"""MuPoTS-3D, for evaluation only: ``TS1..TS20/{img_000000.jpg, annot.mat, occlusion.mat}``, or the json made from them.

Up to three people a frame are annotated, others in the picture are not. The json (``MuPoTS-3D.json``) has the camera but
not the height-normalised joints that the official score uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xnect_lite.data.bodies import Intrinsics, fit_intrinsics
from xnect_lite.data.readers.assemble import SOME_LABELLED, make_sample, person
from xnect_lite.data.readers.matfile import number, only, read_mat
from xnect_lite.data.readers.origin import ODD_RECORD, Origin
from xnect_lite.data.sample import Sample
from xnect_lite.data.tally import Reason, Tally
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import MUPOTS17

ORIGIN = Origin("MuPoTS-3D", "https://vcai.mpi-inf.mpg.de/projects/SingleShotMultiPerson/")
_JOINTS = len(MUPOTS17.names)


@dataclass(frozen=True, slots=True)
class MupotsSequence:
    """One sequence: F frames, P person slots; NaN where a slot holds nothing.

    name:        'TS1' .. 'TS20'.
    images       (F,) picture files.
    annot2       (F, P, 17, 2) pixels.
    annot3       (F, P, 17, 3) camera space, mm.
    univ_annot3  (F, P, 17, 3) the same, height-normalised: the truth of the relative metric. All NaN from the json.
    valid        (F, P) bool, the frame counts for this person.
    occluded     (F, P, 17) bool.
    camera:      given (json) or fitted to the labels; None if there is too little to fit.
    """

    name: str
    images: tuple[Path, ...]
    annot2: np.ndarray
    annot3: np.ndarray
    univ_annot3: np.ndarray
    valid: np.ndarray
    occluded: np.ndarray
    camera: Intrinsics | None

    def __len__(self) -> int:
        return len(self.images)


def _blank(frames: int, people: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    def nan(axes: int) -> np.ndarray:
        return np.full((frames, people, _JOINTS, axes), np.nan, np.float32)

    return nan(2), nan(3), nan(3), np.zeros((frames, people), bool), np.zeros((frames, people, _JOINTS), bool)


def read_sequence(folder: Path, tally: Tally | None = None) -> MupotsSequence:
    """One sequence from its ``annot.mat`` and ``occlusion.mat``: cells of frames x people.

    Slots that cannot be read are counted. Raises XnectError if a file is missing or something else.
    """
    tally = tally if tally is not None else Tally()
    path = ORIGIN.find(folder, "annot.mat")
    cells = _cells(path, "annotations")
    hidden = _cells(ORIGIN.find(folder, "occlusion.mat"), "occlusion_labels")
    if hidden.shape != cells.shape:
        raise XnectError(
            str(folder / "occlusion.mat"), f"is of {hidden.shape} frames and people, annot.mat of {cells.shape}",
            f"Get both from {ORIGIN.page}",
        )  # fmt: skip
    annot2, annot3, univ, valid, occluded = _blank(*cells.shape)
    for at in np.ndindex(cells.shape):
        entry = only(cells[at]) if not isinstance(cells[at], dict) else cells[at]
        if entry is None:
            continue  # an empty cell: nobody in this slot
        try:
            annot2[at] = _points(entry["annot2"], 2)
            annot3[at] = _points(entry["annot3"], 3)
            univ[at] = _points(entry["univ_annot3"], 3)
            valid[at] = number(entry["isValidFrame"]) > 0
            flags = np.asarray(hidden[at], np.float64).ravel()
            occluded[at] = flags > 0 if flags.size == _JOINTS else False
            if flags.size not in (0, _JOINTS):
                raise ValueError("occlusion labels")
        except ODD_RECORD:
            tally.add(Reason.RECORD, f"{path}, frame {at[0]}, person {at[1] + 1}")
            annot2[at], annot3[at], univ[at], valid[at] = np.nan, np.nan, np.nan, False
    images = tuple(folder / f"img_{i:06d}.jpg" for i in range(len(cells)))
    camera = fit_intrinsics(annot3[valid], annot2[valid])
    return MupotsSequence(folder.name, images, annot2, annot3, univ, valid, occluded, camera)


def _cells(path: Path, name: str) -> np.ndarray:
    cells = read_mat(path).get(name)
    if not isinstance(cells, np.ndarray) or cells.dtype != object or cells.ndim != 2:
        raise XnectError(str(path), f"holds no cell array {name} of frames x people", f"Get it from {ORIGIN.page}")
    return cells


def _points(values: Any, axes: int) -> np.ndarray:
    """(17, axes) of MATLAB's axes x 17."""
    values = np.asarray(values, np.float32)
    if values.shape != (axes, _JOINTS):
        raise ValueError(f"shape {values.shape}")
    return values.T


def read_json(path: Path, images: Path, tally: Tally) -> list[MupotsSequence]:
    """All sequences of ``MuPoTS-3D.json``, pictures under ``images``; people of a frame in the file's order.

    Records that cannot be read are counted. Raises XnectError if it is no such file.
    """
    pictures_list, annotations = ORIGIN.images_and_annotations(path)
    people: dict[Any, list[dict[str, Any]]] = {}
    for i, record in enumerate(annotations):
        try:
            people.setdefault(record["image_id"], []).append(_json_person(record))
        except ODD_RECORD:
            tally.add(Reason.RECORD, f"{path.name}, annotation {i}")
    frames: dict[str, list[tuple[int, str, Intrinsics, list[dict[str, Any]]]]] = {}
    for i, record in enumerate(pictures_list):
        try:
            found = re.fullmatch(r"(?:.*/)?(TS\d+)/(img_(\d+)\.jpg)", record["file_name"])
            if not found:
                raise ValueError(record["file_name"])
            camera = Intrinsics(*(float(v) for v in record["intrinsic"]))
            entry = (int(found[3]), f"{found[1]}/{found[2]}", camera, people.get(record["id"], []))
            frames.setdefault(found[1], []).append(entry)
        except ODD_RECORD:
            tally.add(Reason.RECORD, f"{path.name}, image {i}")
    return [_json_sequence(name, sorted(frames[name], key=lambda f: f[0]), images) for name in sorted(frames, key=_by_number)]


def _json_person(record: dict[str, Any]) -> dict[str, Any]:
    seen = record.get("keypoints_vis")
    return {
        "annot2": np.asarray(record["keypoints_img"], np.float32).reshape(_JOINTS, 2),
        "annot3": np.asarray(record["keypoints_cam"], np.float32).reshape(_JOINTS, 3),
        "valid": bool(record["is_valid"]),
        "occluded": np.zeros(_JOINTS, bool) if seen is None else np.asarray(seen, np.float32).reshape(_JOINTS) <= 0,
    }


def _json_sequence(name: str, frames: list[tuple[int, str, Intrinsics, list[dict[str, Any]]]], images: Path) -> MupotsSequence:
    annot2, annot3, univ, valid, occluded = _blank(len(frames), max((len(f[3]) for f in frames), default=0))
    for f, (_, _, _, people) in enumerate(frames):
        for p, one in enumerate(people):
            annot2[f, p], annot3[f, p] = one["annot2"], one["annot3"]
            valid[f, p], occluded[f, p] = one["valid"], one["occluded"]
    paths = tuple(images / picture for _, picture, _, _ in frames)
    return MupotsSequence(name, paths, annot2, annot3, univ, valid, occluded, frames[0][2])


def _by_number(name: str) -> int:
    return int(name.removeprefix("TS"))


def sequences(folder: Path, tally: Tally) -> Iterator[MupotsSequence]:
    """All sequences under ``folder``, TS1 first: from the .mat files where they are, else from the json.

    Raises XnectError if there is neither.
    """
    root = next((d for d in (folder, folder / "MultiPersonTestSet") if any(d.glob("TS*"))), None)
    if root is None:
        raise ORIGIN.missing("TS1 to TS20", folder)
    with_mat = [d for d in root.glob("TS*") if re.fullmatch(r"TS\d+", d.name) and (d / "annot.mat").is_file()]
    if with_mat:
        for path in sorted(with_mat, key=lambda d: _by_number(d.name)):
            yield read_sequence(path, tally)
    else:
        path = ORIGIN.find(folder, "MuPoTS-3D.json", "TS1/annot.mat")
        yield from read_json(path, root, tally)


def read_mupots(folder: Path, split: str, tally: Tally) -> Iterator[Sample]:
    """Samples of all sequences. It is a test set: ``split`` must be 'val'."""
    for sequence in sequences(folder, tally):
        yield from samples(sequence, tally)


def samples(sequence: MupotsSequence, tally: Tally) -> Iterator[Sample]:
    """Samples of one sequence; frames in which nobody is valid are counted."""
    everything = np.ones(_JOINTS, bool)
    for f, path in enumerate(sequence.images):
        slots = np.flatnonzero(sequence.valid[f])
        if len(slots) == 0:
            tally.add(Reason.FRAME, str(path))
            continue
        sample = make_sample(
            path,
            [
                person(
                    MUPOTS17, sequence.annot2[f, p], everything, ~sequence.occluded[f, p],
                    joints_cam_mm=sequence.annot3[f, p],
                )
                for p in slots
            ],
            tally,
            provenance=f"mupots {sequence.name} {path.name}",
            camera=sequence.camera,
            negative_weight=SOME_LABELLED,
        )  # fmt: skip
        if sample is not None:
            yield sample
