"""Writers of MPII's files, in their true formats, for the tests of its reader and of its scores."""

from __future__ import annotations

import numpy as np
from labelled_people import cell, scene, struct, write_mat5, write_picture

from xnect_lite.data.readers.mpii import RELEASE
from xnect_lite.data.readers.photokit import is_validation
from xnect_lite.skeleton import MPII16

SHOWN = scene(2)
TRAIN_NAME, TRAIN_NAME_2 = [n for n in (f"{i:09d}.jpg" for i in range(1, 99)) if not is_validation(n)][:2]
VAL_NAME = next(n for n in (f"{i:09d}.jpg" for i in range(1, 999)) if is_validation(n))


def mpii_joints(person: int) -> np.ndarray:
    """(16, 2); the upper neck lies above the thorax."""
    xy = MPII16.from_xnect(SHOWN.joints_px[person])
    xy[8] = xy[7] - (0, 8)
    return xy


def rect(person: int, seen=lambda k: 1.0, ids=range(16), **changes) -> dict:
    """A fully annotated person: points in file pixels, from 1, and in the order of ``ids``."""
    xy = mpii_joints(person) + 1
    points = [{"x": xy[k, 0], "y": xy[k, 1], "id": float(k), "is_visible": seen(k)} for k in ids]
    (x, y), (x1, y1) = xy[6], xy[9] - 8
    return {
        "x1": x1, "y1": y1, "x2": x1 + 16, "y2": y1 + 20, "annopoints": struct([{"point": struct(points)}]),
        "scale": 0.7, "objpos": struct([{"x": x, "y": y}]),
    } | changes  # fmt: skip


def write_release(root, pictures: list[tuple[str, int, list[dict]]], apart=None, write=write_mat5) -> None:
    """pictures: (name, in the training set, annorect)."""
    annolist = [
        {"image": struct([{"name": name}]), "annorect": struct(rects) if rects else np.zeros((0, 0)), "vididx": 1.0}
        for name, _, rects in pictures
    ]
    release = {
        "annolist": struct(annolist), "img_train": np.array([[float(t) for _, t, _ in pictures]]), "version": "12",
        "single_person": cell(apart if apart is not None else [np.zeros((0, 0))] * len(pictures), (-1, 1)),
        "act": struct([{"act_name": "yoga"}] * len(pictures)), "video_list": cell(["abc"]),
    }  # fmt: skip
    write(root / RELEASE, {"RELEASE": struct([release])})
    for name, _, _ in pictures:
        write_picture(root / "images" / name, SHOWN)


def json_record(name: str, person: int = 0, **changes) -> dict:
    xy = mpii_joints(person) + 1
    return {
        "image": name, "joints": xy.tolist(), "joints_vis": [1] * 16, "center": xy[6].tolist(), "scale": 0.7,
    } | changes  # fmt: skip
