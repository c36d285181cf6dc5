"""MPII Human Pose: ``mpii_human_pose_v1_u12_1.mat``, or the json files made from it for HRNet, and the pictures in ``images/``.

The .mat holds every annotated person with head box, visibility and the list of people who stand apart; the json holds
one record per person without these. Pixels in both are MATLAB's, from 1. Not everybody in a picture is annotated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xnect_lite.data.readers.assemble import SOME_LABELLED, Person, make_sample, person
from xnect_lite.data.readers.matfile import each, number, only, read_mat, text
from xnect_lite.data.readers.origin import ODD_RECORD, Origin, file_name, load_json
from xnect_lite.data.readers.photokit import is_validation
from xnect_lite.data.sample import Sample
from xnect_lite.data.tally import Reason, Tally
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import MPII16

ORIGIN = Origin("MPII Human Pose", "http://human-pose.mpi-inf.mpg.de")
RELEASE = "mpii_human_pose_v1_u12_1.mat"
RELEASES = (RELEASE, f"mpii_human_pose_v1_u12_2/{RELEASE}", f"annot/{RELEASE}", f"annotations/{RELEASE}")
_JOINTS = len(MPII16.names)
_SCALE_PX = 200.0


@dataclass(frozen=True, slots=True)
class MpiiPerson:
    """One annotated person; pixels from 0, NaN where the file has nothing.

    joints_px      (16, 2) by MPII's joint ids.
    labelled       (16,) bool, the file names the joint.
    visible        (16,) bool; joints without the flag count as seen.
    head_box_xyxy  (4,) PCKh's head size is 0.6 of its diagonal.
    centre_px      (2,) rough position.
    scale:         person height / 200 px.
    """

    joints_px: np.ndarray
    labelled: np.ndarray
    visible: np.ndarray
    head_box_xyxy: np.ndarray
    centre_px: np.ndarray
    scale: float


@dataclass(frozen=True, slots=True)
class MpiiPicture:
    """One picture. ``apart``: indices into ``people`` of those who stand apart from the others (single-person benchmark)."""

    name: str
    train: bool
    people: tuple[MpiiPerson, ...]
    apart: tuple[int, ...] = ()


def read_release(path: Path, tally: Tally) -> list[MpiiPicture]:
    """All pictures of the official .mat, those of the test set without joints. Pictures that cannot be read are counted.

    Raises XnectError if it is another file.
    """
    release = only(read_mat(path).get("RELEASE"))
    if not isinstance(release, dict) or not {"annolist", "img_train"} <= release.keys():
        raise XnectError(str(path), "holds no RELEASE with annolist and img_train", f"Get {RELEASE} from {ORIGIN.page}")
    pictures = []
    train = np.asarray(release["img_train"]).ravel()
    apart = each(release.get("single_person"))
    for i, entry in enumerate(each(release["annolist"])):
        try:
            rects = each(entry.get("annorect"))
            alone = np.asarray(apart[i], np.int64).ravel() - 1 if i < len(apart) else np.zeros(0, np.int64)
            pictures.append(
                MpiiPicture(
                    _name(text(only(entry["image"])["name"])),
                    bool(train[i]),
                    tuple(_person(rect) for rect in rects),
                    tuple(int(k) for k in alone if 0 <= k < len(rects)),
                )
            )
        except ODD_RECORD:
            tally.add(Reason.RECORD, f"{path.name}, annolist({i + 1})")
    return pictures


def _name(name: str) -> str:
    """A picture's name; some copies of the files have its folder before it, which does not count."""
    return file_name(name.rpartition("/")[2]) and name


def _person(rect: dict[str, Any]) -> MpiiPerson:
    joints = np.full((_JOINTS, 2), np.nan, np.float32)
    labelled, visible = np.zeros(_JOINTS, bool), np.zeros(_JOINTS, bool)
    points = only(rect.get("annopoints"))
    for point in each(points.get("point")) if isinstance(points, dict) else ():
        k = int(number(point["id"]))
        if not 0 <= k < _JOINTS:
            raise ValueError(f"joint id {k}")
        labelled[k], joints[k] = True, (number(point["x"]) - 1, number(point["y"]) - 1)
        visible[k] = number(point.get("is_visible")) != 0  # a number, a digit as text, or empty
    position = only(rect.get("objpos"))
    centre = [number(position.get(a)) - 1 for a in "xy"] if isinstance(position, dict) else [np.nan, np.nan]
    box = [number(rect.get(k)) - 1 for k in ("x1", "y1", "x2", "y2")]
    return MpiiPerson(
        joints, labelled, visible, np.array(box, np.float32), np.array(centre, np.float32), number(rect.get("scale"))
    )


def read_json(path: Path, tally: Tally, train: bool = True) -> list[MpiiPicture]:
    """Pictures of an HRNet-style file: a list of {image, joints 16 x 2, joints_vis 16, center, scale}, one per person.

    ``joints_vis`` 0 means no label. Records that cannot be read are counted. Raises XnectError if it is no such list.
    """
    data = load_json(path)
    if not isinstance(data, list):
        raise XnectError(str(path), "is no list of people", "Use annot/train.json and annot/valid.json as made for HRNet")
    people: dict[str, list[MpiiPerson]] = {}
    for i, record in enumerate(data):
        try:
            has = np.asarray(record["joints_vis"], np.float32).reshape(_JOINTS) > 0
            joints = np.asarray(record["joints"], np.float32).reshape(_JOINTS, 2) - 1
            one = MpiiPerson(
                np.where(has[:, None], joints, np.nan),
                has,
                has,
                np.full(4, np.nan, np.float32),
                np.asarray(record["center"], np.float32).reshape(2) - 1,
                float(record["scale"]),
            )
            people.setdefault(_name(record["image"]), []).append(one)
        except ODD_RECORD:
            tally.add(Reason.RECORD, f"{path.name}, record {i}")
    return [MpiiPicture(name, train, tuple(members)) for name, members in people.items()]


@dataclass(frozen=True, slots=True)
class MpiiTruth:
    """``annot/gt_valid.mat``: what PCKh of the validation split is scored against, in the order of ``annot/valid.json``.

    joints_px      (N, 16, 2) pixels from 0, MPII's joint ids.
    missing        (N, 16) bool, not annotated.
    head_box_xyxy  (N, 4) pixels from 0.
    """

    joints_px: np.ndarray
    missing: np.ndarray
    head_box_xyxy: np.ndarray


def read_truth(path: Path) -> MpiiTruth:
    """Read ``gt_valid.mat``. Raises XnectError if it is another file."""
    data = read_mat(path)
    try:
        joints = np.asarray(data["pos_gt_src"], np.float32).transpose(2, 0, 1) - 1
        missing = np.asarray(data["jnt_missing"]).T != 0
        boxes = np.asarray(data["headboxes_src"], np.float32).transpose(2, 0, 1).reshape(-1, 4) - 1
        if not joints.shape[1:] == (_JOINTS, 2) or missing.shape != joints.shape[:2] or len(boxes) != len(joints):
            raise ValueError(f"shapes {joints.shape}, {missing.shape}, {boxes.shape}")
    except ODD_RECORD as error:
        raise XnectError(str(path), f"is no gt_valid.mat ({error!r})", "Use the one made for HRNet") from error
    return MpiiTruth(joints, missing, boxes)


def read_mpii(folder: Path, split: str, tally: Tally) -> Iterator[Sample]:
    """Samples of ``split`` ('train' or 'val').

    The .mat goes before the json. Validation pictures are those of ``annot/valid.json``; without it, those whose file name
    hashes to it, as in the photo kit.
    """
    split_file = folder / "annot" / "valid.json"
    release = next((folder / name for name in RELEASES if (folder / name).is_file()), None)
    if release is None:
        path = ORIGIN.find(folder, *((f"annot/{'train' if split == 'train' else 'valid'}.json"), *RELEASES[:1]))
        yield from samples(read_json(path, tally), _images(folder), tally)
        return
    held_back = {p.name for p in read_json(split_file, Tally())} if split_file.is_file() else None
    for picture in read_release(release, tally):
        is_val = is_validation(picture.name) if held_back is None else picture.name in held_back
        if picture.train and is_val == (split == "val"):
            yield from samples([picture], _images(folder), tally)


def _images(folder: Path) -> Path:
    if not (folder / "images").is_dir():
        raise ORIGIN.missing("the folder images of pictures", folder)
    return folder / "images"


def samples(pictures: list[MpiiPicture], images: Path, tally: Tally) -> Iterator[Sample]:
    """Samples of pictures that lie in the folder ``images``; people without joints become ignore boxes."""
    for picture in pictures:
        sample = make_sample(
            images / Path(picture.name).name,
            [_labelled(p) for p in picture.people],
            tally,
            provenance=f"mpii {picture.name}",
            negative_weight=SOME_LABELLED,
        )
        if sample is not None:
            yield sample


def _labelled(one: MpiiPerson) -> Person:
    box = None if one.labelled.any() else _rough_box(one)
    # Pelvis and thorax are the middles of hips and shoulders: computed, not pointed at.
    return person(MPII16, one.joints_px, one.labelled, one.visible, box_xyxy=box, not_human=("pelvis", "neck"))


def _rough_box(one: MpiiPerson) -> np.ndarray:
    """(4,) where a person of this height stands, at most; without a position the head box, grown likewise."""
    half = np.float32(0.6 * _SCALE_PX * one.scale)
    around = np.concatenate([one.centre_px - half, one.centre_px + half])
    if np.isfinite(around).all():
        return around
    head = one.head_box_xyxy
    size = np.linalg.norm(head[2:] - head[:2])
    return head + np.array([-3, -1, 3, 7], np.float32) * size
