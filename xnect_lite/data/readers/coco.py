"""COCO keypoints: ``annotations/person_keypoints_{train,val}2017.json`` and the pictures in ``{train,val}2017/``.

Everybody in a picture is annotated. Crowds, and people without a labelled joint, become ignore boxes; a picture without
anybody is a background.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xnect_lite.data.readers.assemble import Person, make_sample, person
from xnect_lite.data.readers.origin import ODD_RECORD, Origin, file_name
from xnect_lite.data.sample import Sample
from xnect_lite.data.tally import Reason, Tally
from xnect_lite.skeleton import COCO17

ORIGIN = Origin("COCO keypoints 2017", "https://cocodataset.org/#download")
_JOINTS = len(COCO17.names)


@dataclass(frozen=True, slots=True)
class CocoPerson:
    """One annotation.

    joints_px   (17, 2) 0-based pixels; (0, 0) where not labelled.
    visibility  (17,) 0 = not labelled, 1 = labelled but hidden, 2 = seen.
    box_xyxy    (4,) pixels.
    crowd:      the box holds a group whom nobody told apart.
    area:       of the outline, square pixels; NaN if not given.
    """

    id: int
    joints_px: np.ndarray
    visibility: np.ndarray
    box_xyxy: np.ndarray
    crowd: bool
    area: float


@dataclass(frozen=True, slots=True)
class CocoPicture:
    """One picture and everybody annotated in it. ``complete``: no annotation of it had to be left out."""

    id: int
    name: str
    size: tuple[int, int]
    people: tuple[CocoPerson, ...]
    complete: bool = True


def read_annotations(path: Path, tally: Tally) -> list[CocoPicture]:
    """All pictures of a keypoint file, in its order. Records that cannot be read are counted.

    Raises XnectError if the file is no COCO annotation.
    """
    pictures_list, annotations = ORIGIN.images_and_annotations(path)
    people: dict[Any, list[CocoPerson]] = {}
    broken: set[Any] = set()
    for number, record in enumerate(annotations):
        try:
            people.setdefault(record["image_id"], []).append(_person(record))
        except ODD_RECORD:
            tally.add(Reason.RECORD, f"{path.name}, annotation {number}")
            if isinstance(record, dict) and isinstance(record.get("image_id"), int):
                broken.add(record["image_id"])
    pictures = []
    for number, record in enumerate(pictures_list):
        try:
            key, size = record["id"], (int(record["width"]), int(record["height"]))
            name = record["file_name"]
            file_name(name.rpartition("/")[2])
            pictures.append(CocoPicture(key, name, size, tuple(people.get(key, ())), key not in broken))
        except ODD_RECORD:
            tally.add(Reason.RECORD, f"{path.name}, image {number}")
    return pictures


def _person(record: dict[str, Any]) -> CocoPerson:
    keypoints = np.asarray(record["keypoints"], np.float32).reshape(_JOINTS, 3)
    if not np.isin(keypoints[:, 2], (0, 1, 2)).all():
        raise ValueError("visibility is 0, 1 or 2")
    x, y, width, height = (float(v) for v in record["bbox"])
    return CocoPerson(
        int(record["id"]),
        keypoints[:, :2],
        keypoints[:, 2].astype(np.int8),
        np.array([x, y, x + width, y + height], np.float32),
        bool(record.get("iscrowd", 0)),
        float(record.get("area", np.nan)),
    )


def read_coco(folder: Path, split: str, tally: Tally) -> Iterator[Sample]:
    """Samples of ``split`` ('train' or 'val')."""
    path = ORIGIN.find(folder, f"annotations/person_keypoints_{split}2017.json", f"person_keypoints_{split}2017.json")
    images = next((d for d in (folder / f"{split}2017", folder / "images" / f"{split}2017") if d.is_dir()), None)
    if images is None:
        raise ORIGIN.missing(f"the folder {split}2017 of pictures", folder)
    yield from samples(read_annotations(path, tally), images, tally)


def samples(pictures: list[CocoPicture], images: Path, tally: Tally) -> Iterator[Sample]:
    """Samples of pictures that lie in the folder ``images``."""
    for picture in pictures:
        sample = make_sample(
            images / Path(picture.name).name,
            [_labelled(p) for p in picture.people if not p.crowd],
            tally,
            provenance=f"coco {picture.name}",
            size=picture.size,
            ignore=[p.box_xyxy for p in picture.people if p.crowd],
            complete=picture.complete,
            keep_empty=True,
        )
        if sample is not None:
            yield sample


def _labelled(one: CocoPerson) -> Person:
    return person(COCO17, one.joints_px, one.visibility > 0, one.visibility > 1, box_xyxy=one.box_xyxy)
