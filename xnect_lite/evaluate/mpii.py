"""MPII Human Pose: where to look for people one at a time and for groups, and their scores. The rules: `protocols`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from xnect_lite.data.pictures import read_rgb
from xnect_lite.data.readers.mpii import ORIGIN
from xnect_lite.data.sample import evenly
from xnect_lite.evaluate.finding import Picture
from xnect_lite.evaluate.mpii_people import OneGroup, OnePerson
from xnect_lite.evaluate.predictions import Found
from xnect_lite.evaluate.protocols import mpii_groups, pckh
from xnect_lite.skeleton import TORSO, joint_box

T = TypeVar("T")
ONE, GROUPS = "mpii", "mpii-groups"
"""Names of the two protocols in files of predictions."""
PERSON_PX = 200.0  # of a person of scale 1
LOWER_PX, WIDER = 15.0, 1.25  # the usual window: the position is that of the chest, and there should be room around
_ROOM_ABOUT_GROUP, _REACH_OF_GROUP = 0.75, 0.3  # of a person's height


def windows_of_people(people: Sequence[OnePerson], folder: Path) -> list[Picture]:
    """The usual square about each person; of the people found in it whoever is nearest the position given is reported."""
    images = images_of(folder, [one.picture for one in people])
    out = []
    for one in people:
        centre = one.person.centre_px.astype(np.float64)
        half = WIDER * PERSON_PX * one.person.scale / 2
        middle = centre + np.array([0.0, LOWER_PX * one.person.scale])
        window = _whole(middle - half, middle + half)
        out.append(Picture(one.record, partial(read_rgb, images / one.picture), window, partial(_nearest, centre)))
    return out


def windows_of_groups(groups: Sequence[OneGroup], folder: Path) -> list[Picture]:
    """The positions' box with room for people of the group's mean size; whoever has the middle near the box is reported."""
    images = images_of(folder, [one.picture for one in groups])
    out = []
    for one in groups:
        positions = np.array([person.centre_px for person in one.people], np.float64)
        height = PERSON_PX * float(np.nanmean([person.scale for person in one.people]))
        low, high = joint_box(positions)
        window = _whole(low - _ROOM_ABOUT_GROUP * height, high + _ROOM_ABOUT_GROUP * height)
        reach = _REACH_OF_GROUP * height
        out.append(
            Picture(one.record, partial(read_rgb, images / one.picture), window, partial(_inside, low - reach, high + reach))
        )
    return out


def images_of(folder: Path, names: Sequence[str]) -> Path:
    images = folder / "images"
    absent = sorted({name for name in names if not (images / name).is_file()})
    if absent:
        raise ORIGIN.missing(f"{len(absent)} pictures, the first images/{absent[0]}", folder)
    return images


def _whole(low: np.ndarray, high: np.ndarray) -> tuple[int, int, int, int]:
    return int(np.floor(low[0])), int(np.floor(low[1])), int(np.ceil(high[0])) + 1, int(np.ceil(high[1])) + 1


def _middle(joints_px: np.ndarray) -> np.ndarray:
    """(P, 2) mean of shoulders and hips."""
    return joints_px[:, TORSO].mean(1)


def _nearest(centre_px: np.ndarray, joints_px: np.ndarray) -> np.ndarray:
    away = np.linalg.norm(_middle(joints_px) - centre_px, axis=-1)
    return np.array([np.argmin(np.nan_to_num(away, nan=np.inf))]) if len(away) else np.zeros(0, int)


def _inside(low_px: np.ndarray, high_px: np.ndarray, joints_px: np.ndarray) -> np.ndarray:
    middle = _middle(joints_px)
    return np.flatnonzero(((middle >= low_px) & (middle <= high_px)).all(-1))


def score_people(people: Sequence[OnePerson], found: Mapping[str, Found]) -> dict[str, float]:
    """PCKh; of several people in a record the first counts."""
    nobody = np.full((16, 2), np.nan)
    px = np.array([found[one.record].joints_px[0] if len(found[one.record].joints_px) else nobody for one in people])
    truth, labelled, heads = (
        np.array([getattr(one.person, k) for one in people]) for k in ("joints_px", "labelled", "head_box_xyxy")
    )
    return pckh.figures(pckh.head_errors(px.reshape(-1, 16, 2), truth, labelled, heads))


def score_groups(groups: Sequence[OneGroup], found: Mapping[str, Found]) -> dict[str, float]:
    """Average precision."""
    return mpii_groups.figures(
        mpii_groups.Group(
            np.array([np.where(p.labelled[:, None], p.joints_px, np.nan) for p in one.people], np.float64)[
                :, mpii_groups.JOINTS
            ],
            pckh.head_size(np.array([p.head_box_xyxy for p in one.people])),
            found[one.record].joints_px[:, mpii_groups.JOINTS],
            found[one.record].joint_scores[:, mpii_groups.JOINTS],
        )
        for one in groups
    )


def part_of(everything: Sequence[T], limit: int) -> tuple[list[T], str]:
    """About ``limit`` of them, evenly spread (0 = all), and '' or which part that is."""
    chosen = evenly(list(everything), limit)
    return chosen, "" if len(chosen) == len(everything) else f"{len(chosen):,} of {len(everything):,}"
