"""Who is to be found in MPII Human Pose: people one at a time, with position and size given, and groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from xnect_lite.data.readers.mpii import ORIGIN, RELEASES, MpiiPerson, MpiiPicture, read_json, read_release, read_truth
from xnect_lite.data.readers.mpii_groups import FILE, TOOLKIT, read_groups
from xnect_lite.data.readers.origin import load_json
from xnect_lite.data.readers.photokit import is_validation
from xnect_lite.data.tally import Tally
from xnect_lite.errors import XnectError


@dataclass(frozen=True)
class OnePerson:
    """A person to be found, whose position and size are given, as the protocol allows."""

    record: str
    picture: str
    person: MpiiPerson


@dataclass(frozen=True)
class OneGroup:
    """A group to be found, whose box of positions and mean size are given, as the protocol allows."""

    record: str
    picture: str
    people: tuple[MpiiPerson, ...]


def people_of(folder: Path, split: str) -> tuple[list[OnePerson], str]:
    """The people of a split, and which split that is in words.

    'val': those of ``annot/valid.json`` in its order, with the truth of ``annot/gt_valid.mat`` or of the release; without that
    list, those who stand apart in pictures held back by name. 'train': those of all other training pictures who stand apart.
    Raises XnectError for what is missing or damaged.
    """
    listed = folder / "annot" / "valid.json"
    truth = folder / "annot" / "gt_valid.mat"
    if split == "val" and listed.is_file():
        people = _listed(listed)
        if truth.is_file():
            return _with_truth(people, truth), "published validation split"
        return _with_heads(people, release(folder), listed), "published validation split"
    held_back = held_back_by(listed)
    people = [
        OnePerson(f"{picture.name} person {k}", picture.name, picture.people[k])
        for picture in release(folder)
        if picture.train and held_back(picture.name) == (split == "val")
        for k in picture.apart
        if picture.people[k].labelled.any() and np.isfinite(_given(picture.people[k])).all()
    ]
    words = (
        "training people who stand apart"
        if split == "train"
        else "people of pictures held back by name, not the published split"
    )
    return people, words


def groups_of(folder: Path) -> tuple[list[OneGroup], str]:
    """Groups of validation pictures of which nobody stands apart, and which pictures these are in words.

    The labels of the test set are not published. Raises XnectError for what is missing or damaged.
    """
    listed = folder / "annot" / "valid.json"
    pictures = release(folder)
    path = next((p for p in (folder / FILE, folder / "annot" / FILE) if p.is_file()), None)
    if path is None:
        raise XnectError(f"MPII Human Pose: {FILE}", f"was not found in {folder}", TOOLKIT)
    groups = read_groups(path)
    if len(groups) != len(pictures):
        raise XnectError(str(path), f"is of {len(groups)} pictures, the release of {len(pictures)}", TOOLKIT)
    held_back, out = held_back_by(listed), []
    for picture, members in zip(pictures, groups, strict=True):
        if not (picture.train and held_back(picture.name)):
            continue
        for number, group in enumerate(members):
            if any(k >= len(picture.people) for k in group):
                raise XnectError(str(path), f"names a person of {picture.name} who is not in the release", TOOLKIT)
            people = tuple(picture.people[k] for k in group)
            if not set(group) & set(picture.apart) and any(np.isfinite(_given(one)).all() for one in people):
                out.append(OneGroup(f"{picture.name} group {number}", picture.name, people))
    return out, "pictures of the published validation split" if listed.is_file() else "pictures held back by name"


def release(folder: Path) -> list[MpiiPicture]:
    """All pictures of the official file. Raises XnectError if it is missing or damaged."""
    path, tally = ORIGIN.find(folder, *RELEASES), Tally()
    pictures = read_release(path, tally)
    _nothing_left_out(tally, path)
    return pictures


def _nothing_left_out(tally: Tally, path: Path) -> None:
    for reason, where in tally.first.items():
        raise XnectError(f"{path}: {where}", f"is damaged ({reason.value})", f"Get it again from {ORIGIN.page}")


def held_back_by(listed: Path) -> Callable[[str], bool]:
    if not listed.is_file():
        return is_validation
    return {picture.name for picture in read_json(listed, Tally())}.__contains__


def _listed(path: Path) -> list[OnePerson]:
    tally = Tally()
    pictures = {picture.name: iter(picture.people) for picture in read_json(path, tally)}
    _nothing_left_out(tally, path)
    names = [record["image"] for record in load_json(path)]
    return [OnePerson(f"{row:05d} {name}", name, next(pictures[name])) for row, name in enumerate(names)]


def _with_truth(people: list[OnePerson], path: Path) -> list[OnePerson]:
    truth = read_truth(path)
    if len(truth.joints_px) != len(people):
        raise XnectError(
            str(path), f"is of {len(truth.joints_px)} people, annot/valid.json of {len(people)}",
            "Use the two that were made together for HRNet",
        )  # fmt: skip
    labelled = ~truth.missing
    joints = np.where(labelled[..., None], truth.joints_px, np.nan)
    return [
        replace(
            one,
            person=replace(
                one.person, joints_px=joints[i], labelled=labelled[i], visible=labelled[i], head_box_xyxy=truth.head_box_xyxy[i]
            ),
        )
        for i, one in enumerate(people)
    ]


def _with_heads(people: list[OnePerson], pictures: list[MpiiPicture], path: Path) -> list[OnePerson]:
    """Head boxes from the release: those of whoever has the same joints there."""
    by_name = {picture.name: picture for picture in pictures}
    out = []
    for one in people:
        others = by_name[one.picture].people if one.picture in by_name else ()
        away = [_difference(one.person, other) for other in others]
        if not away or min(away) > 1.0:
            raise XnectError(f"{path}: {one.record}", "is nobody in the release", "Use files that were made from it")
        same = others[int(np.argmin(away))]
        out.append(replace(one, person=replace(same, centre_px=one.person.centre_px, scale=one.person.scale)))
    return out


def _difference(one: MpiiPerson, other: MpiiPerson) -> float:
    """Mean distance of joints that both have, pixels; infinite if there are none."""
    both = one.labelled & other.labelled
    return float(np.linalg.norm(one.joints_px[both] - other.joints_px[both], axis=-1).mean()) if both.any() else np.inf


def _given(one: MpiiPerson) -> np.ndarray:
    return np.array([*one.centre_px, one.scale, *one.head_box_xyxy])
