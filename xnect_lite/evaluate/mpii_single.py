"""MPII Human Pose for single-person networks: the published boxes, training people and PCKh."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from xnect_lite.data.crops.person import CropPerson
from xnect_lite.data.pictures import read_rgb
from xnect_lite.data.readers.mpii import MpiiPerson, MpiiPicture, read_json
from xnect_lite.data.tally import Tally
from xnect_lite.evaluate.mpii import LOWER_PX, PERSON_PX, WIDER, images_of, part_of
from xnect_lite.evaluate.mpii_people import OnePerson, held_back_by, people_of, release
from xnect_lite.evaluate.protocols import pckh


def mpii_people(folder: Path, split: str, limit: int = 0) -> list[CropPerson]:
    """The people of a split with their published boxes, about ``limit`` of them evenly spread; 0 = all.

    'val': the published 2,958, or those held back by name (`mpii_people.people_of`). 'train': those of ``annot/train.json``;
    without it everybody in training pictures that hold nobody of the validation split.
    """
    people = people_of(folder, "val")[0] if split == "val" else training_people(folder)
    chosen, _ = part_of(people, limit)
    return crop_people(chosen, folder)


def training_people(folder: Path) -> list[OnePerson]:
    """Whoever is trained on, alone or among others. Raises XnectError for what is missing or damaged."""
    listed = folder / "annot" / "train.json"
    pictures: list[MpiiPicture]
    if listed.is_file():
        pictures = read_json(listed, Tally())
    else:
        kept = held_back_by(folder / "annot" / "valid.json")
        pictures = [picture for picture in release(folder) if picture.train and not kept(picture.name)]
    return [
        OnePerson(f"{picture.name} person {k}", picture.name, one)
        for picture in pictures
        for k, one in enumerate(picture.people)
        if one.labelled.any() and np.isfinite([*one.centre_px, one.scale]).all() and one.scale > 0
    ]


def crop_people(people: Sequence[OnePerson], folder: Path) -> list[CropPerson]:
    """Each with the published box: below the position given by 15 px, and 1.25 times 200 px wide, of a person of scale 1."""
    images = images_of(folder, [one.picture for one in people])
    return [_crop_person(one.record, one.person, images / one.picture) for one in people]


def _crop_person(record: str, one: MpiiPerson, path: Path) -> CropPerson:
    joints = np.where(one.labelled[:, None], one.joints_px, np.nan)
    centre = one.centre_px.astype(np.float64) + np.array([0.0, LOWER_PX * one.scale])
    box = np.full(2, WIDER * PERSON_PX * float(one.scale))
    unit = float(pckh.head_size(one.head_box_xyxy))
    return CropPerson(record, partial(read_rgb, path), centre, box, joints, one.labelled.astype(np.float32), joints, unit)


def pckh_figures(found_px: np.ndarray, people: Sequence[CropPerson]) -> dict[str, float]:
    """`protocols.pckh.figures` of joints (N, 16, 2), and PCKh's mean by threshold."""
    truth = np.array([one.truth_px for one in people]).reshape(-1, 16, 2)
    unit = np.array([one.unit_px for one in people])
    away = np.linalg.norm(found_px - truth, axis=-1) / unit[:, None]
    return pckh.figures(away)
