"""MuCo-3DHP in its published parsed form: ``MuCo-3DHP.json`` beside the folders ``augmented_set`` and ``unaugmented_set``.

Composites of up to four people from MPI-INF-3DHP, everybody labelled in 2D and 3D, with the camera of each picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from xnect_lite.data.bodies import Intrinsics
from xnect_lite.data.readers.assemble import make_sample, person
from xnect_lite.data.readers.origin import ODD_RECORD, Origin, file_name
from xnect_lite.data.readers.photokit import is_validation
from xnect_lite.data.sample import Sample
from xnect_lite.data.tally import Reason, Tally
from xnect_lite.skeleton import MUCO21

ORIGIN = Origin("MuCo-3DHP", "https://vcai.mpi-inf.mpg.de/projects/SingleShotMultiPerson/")
_JOINTS = len(MUCO21.names)


@dataclass(frozen=True, slots=True)
class MucoPerson:
    """One annotation.

    joints_px      (21, 2) pixels.
    joints_cam_mm  (21, 3) camera space.
    visible        (21,) bool; all True in files without this field.
    box_xyxy       (4,) pixels.
    """

    joints_px: np.ndarray
    joints_cam_mm: np.ndarray
    visible: np.ndarray
    box_xyxy: np.ndarray


@dataclass(frozen=True, slots=True)
class MucoPicture:
    """One composite. ``complete``: no annotation of it had to be left out."""

    name: str
    size: tuple[int, int]
    camera: Intrinsics
    people: tuple[MucoPerson, ...]
    complete: bool = True


def read_annotations(path: Path, tally: Tally) -> list[MucoPicture]:
    """All pictures of the file, in its order. Records that cannot be read are counted. Raises XnectError."""
    pictures_list, annotations = ORIGIN.images_and_annotations(path)
    people: dict[Any, list[MucoPerson]] = {}
    broken: set[Any] = set()
    for i, record in enumerate(annotations):
        try:
            people.setdefault(record["image_id"], []).append(_person(record))
        except ODD_RECORD:
            tally.add(Reason.RECORD, f"{path.name}, annotation {i}")
            if isinstance(record, dict) and isinstance(record.get("image_id"), int | str):
                broken.add(record["image_id"])
    pictures = []
    for i, record in enumerate(pictures_list):
        try:
            (fx, fy), (cx, cy) = record["f"], record["c"]
            camera = Intrinsics(float(fx), float(fy), float(cx), float(cy))
            size = (int(record["width"]), int(record["height"]))
            name, key = _inside(record["file_name"]), record["id"]
            pictures.append(MucoPicture(name, size, camera, tuple(people.get(key, ())), key not in broken))
        except ODD_RECORD:
            tally.add(Reason.RECORD, f"{path.name}, image {i}")
    return pictures


def _person(record: dict[str, Any]) -> MucoPerson:
    x, y, width, height = (float(v) for v in record["bbox"])
    visible = record.get("keypoints_vis")
    return MucoPerson(
        np.asarray(record["keypoints_img"], np.float32).reshape(_JOINTS, 2),
        np.asarray(record["keypoints_cam"], np.float32).reshape(_JOINTS, 3),
        np.ones(_JOINTS, bool) if visible is None else np.asarray(visible, np.float32).reshape(_JOINTS) > 0,
        np.array([x, y, x + width, y + height], np.float32),
    )


def _inside(name: str) -> str:
    """A picture's name, if it stays inside the data set's folder."""
    parts = PurePosixPath(name)
    file_name(parts.name)
    if parts.is_absolute() or ".." in parts.parts:
        raise ValueError(f"{name} leads out of the folder")
    return name


def read_muco(folder: Path, split: str, tally: Tally) -> Iterator[Sample]:
    """Samples of ``split``: there is no official one, so pictures are held back by their file name's hash."""
    pictures = read_annotations(ORIGIN.find(folder, "MuCo-3DHP.json"), tally)
    if not any((folder / name).is_dir() for name in ("augmented_set", "unaugmented_set")):
        raise ORIGIN.missing("the folder augmented_set or unaugmented_set of pictures", folder)
    yield from samples([p for p in pictures if is_validation(p.name) == (split == "val")], folder, tally)


def samples(pictures: list[MucoPicture], folder: Path, tally: Tally) -> Iterator[Sample]:
    """Samples of pictures under ``folder``."""
    everything = np.ones(_JOINTS, bool)
    for picture in pictures:
        sample = make_sample(
            folder / picture.name,
            [
                person(MUCO21, p.joints_px, everything, p.visible, joints_cam_mm=p.joints_cam_mm, box_xyxy=p.box_xyxy)
                for p in picture.people
            ],
            tally,
            provenance=f"muco {picture.name}",
            size=picture.size,
            camera=picture.camera,
            complete=picture.complete,
        )
        if sample is not None:
            yield sample
