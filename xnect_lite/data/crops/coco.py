"""The people of COCO as crops: annotated ones with their boxes, and a detector's boxes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from xnect_lite.data.crops.person import CropPerson
from xnect_lite.data.pictures import read_rgb
from xnect_lite.data.readers.coco import ORIGIN, CocoPerson, CocoPicture, read_annotations
from xnect_lite.data.readers.origin import ODD_RECORD, load_json
from xnect_lite.data.tally import Tally
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import COCO17

MARGIN = 1.25
"""A crop's sides in those of the box."""
_ROOM_PX = 5.0  # boxes are widened to hold every labelled joint with so much around it
_LEAST_PX = 2.0
_SHOULDER, _HIP = COCO17.names.index("l_shoulder"), COCO17.names.index("r_hip")
_PERSON = 1


@dataclass(frozen=True)
class CocoBox:
    """Somebody to be found. picture: its id; area: of the box, square pixels; score: the detector's, 1 of the truth."""

    person: CropPerson
    picture: int
    area: float
    score: float = 1.0


def annotated_people(folder: Path, split: str, margin: float = MARGIN) -> list[CocoBox]:
    """Everybody of a split with a labelled joint, crowds left out. Raises XnectError for what is missing or damaged."""
    images, pictures = _read(folder, split)
    return [
        _annotated(picture, one, images, margin)
        for picture in pictures
        for one in picture.people
        if not one.crowd and one.visibility.any() and (one.box_xyxy[2:] - one.box_xyxy[:2] >= _LEAST_PX).all()
    ]


def detected_people(folder: Path, file: Path, margin: float = MARGIN, threshold: float = 0.0) -> list[CocoBox]:
    """A detector's boxes of people in val2017, in COCO's result format ([{image_id, category_id, bbox, score}, ...]), those
    above ``threshold``. Raises XnectError naming the file and the record.
    """
    images, pictures = _read(folder, "val")
    names = {picture.id: picture.name for picture in pictures}
    records: Any = load_json(file)
    if not isinstance(records, list):
        raise XnectError(str(file), "is no list of boxes", "See https://cocodataset.org/#format-results")
    boxes = []
    for number, record in enumerate(records):
        try:
            x, y, width, height = (float(v) for v in record["bbox"])
            picture, score = int(record["image_id"]), float(record["score"])
            if int(record.get("category_id", _PERSON)) != _PERSON or score <= threshold or min(width, height) < _LEAST_PX:
                continue
            path = images / Path(names[picture]).name
            if not np.isfinite([x, y, width, height]).all():
                raise ValueError("a box is not finite")
        except (*ODD_RECORD, AttributeError) as error:
            cause = f"record {number} is no box of a picture of val2017 ({error})"
            raise XnectError(str(file), cause, "See https://cocodataset.org/#format-results") from error
        centre, box = np.array([x + width / 2, y + height / 2]), margin * np.array([width, height])
        unknown = np.full((len(COCO17.names), 2), np.nan)
        weight = np.zeros(len(COCO17.names), np.float32)
        read = partial(read_rgb, path)
        person = CropPerson(f"coco {names[picture]} box {number}", read, centre, box, unknown, weight, unknown, np.nan)
        boxes.append(CocoBox(person, picture, width * height, score))
    return boxes


def _read(folder: Path, split: str) -> tuple[Path, list[CocoPicture]]:
    path = ORIGIN.find(folder, f"annotations/person_keypoints_{split}2017.json", f"person_keypoints_{split}2017.json")
    images = next((d for d in (folder / f"{split}2017", folder / "images" / f"{split}2017") if d.is_dir()), None)
    if images is None:
        raise ORIGIN.missing(f"the folder {split}2017 of pictures", folder)
    return images, read_annotations(path, Tally())


def _annotated(picture: CocoPicture, one: CocoPerson, images: Path, margin: float) -> CocoBox:
    labelled = one.visibility > 0
    joints = np.where(labelled[:, None], one.joints_px, np.nan).astype(np.float64)
    low = np.minimum(one.box_xyxy[:2], joints[labelled].min(0) - _ROOM_PX)
    high = np.maximum(one.box_xyxy[2:], joints[labelled].max(0) + _ROOM_PX)
    unit = float(np.linalg.norm(joints[_SHOULDER] - joints[_HIP]))
    person = CropPerson(
        f"coco {picture.name} person {one.id}", partial(read_rgb, images / Path(picture.name).name), (low + high) / 2,
        margin * (high - low), joints, labelled.astype(np.float32), joints, unit if unit > 0 else np.nan,
    )  # fmt: skip
    return CocoBox(person, picture.id, float((one.box_xyxy[2:] - one.box_xyxy[:2]).prod()))
