"""Joints of all people of a shot as a table (CSV), as JSON, and as arrays (NPZ): what was measured, in millimetres and pixels.

CSV and JSON go from frame to frame of each person, from the first in which the person was seen to the last. What is not known
is an empty cell, null, or NaN.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from xnect_lite.record.formats.files import new_file
from xnect_lite.record.people import PersonSummary
from xnect_lite.record.presence import Presence
from xnect_lite.record.shot import Points, Shot
from xnect_lite.skeleton import JOINTS, PARENTS

_BLOCK = 500  # frames formatted at a time
COLUMNS = ("frame", "time_s", "id", "name", "presence")
"""Of joints.csv, before those of the joints."""
JOINT_COLUMNS = ("x_mm", "y_mm", "z_mm", "x_px", "y_px", "score")
"""Of each joint in joints.csv, after its name and an underscore."""


def write_csv(shot: Shot, folder: Path) -> list[Path]:
    """joints.csv, a row per person and frame."""
    path = folder / "joints.csv"
    head = [*COLUMNS, *(f"{joint}_{column}" for joint in JOINTS for column in JOINT_COLUMNS)]
    form = ",".join(["%.2f"] * 3 + ["%.2f"] * 2 + ["%.3f"])
    with new_file(path) as file:
        file.write((",".join(head) + "\n").encode())
        for person in shot.people:
            name = _cell(person.name)
            for frames, points in _blocks(shot, person):
                values = np.concatenate([points.points_mm, points.joints_px, points.score[..., None]], axis=2)
                line = ",".join([form] * len(JOINTS))
                rows = [
                    f"{frame},{time_s:.6f},{person.id},{name},{kind},{(line % tuple(row)).replace('nan', '')}\n"
                    for frame, time_s, kind, row in zip(
                        frames.tolist(),
                        shot.data_times_s[frames].tolist(),
                        [Presence(p).name.lower() for p in points.presence.tolist()],
                        (values + 0.0).reshape(len(values), -1).tolist(),
                        strict=True,
                    )
                ]
                file.write("".join(rows).encode())
    return [path]


def write_json(shot: Shot, folder: Path) -> list[Path]:
    """joints.json: what the units are, then the people and their frames."""
    path = folder / "joints.json"
    head = {
        "format": "xnect_lite joints", "version": 1,
        "axes": "x right, y up, z towards the camera; the floor is y = 0",
        "units": {"points_mm": "millimetres", "joints_px": "pixels; the first one's centre is 0", "time_s": "seconds"},
        "joints": list(JOINTS), "parents": PARENTS.tolist(), "frames": len(shot.data_times_s),
    }  # fmt: skip
    with new_file(path) as file:
        file.write((json.dumps(head)[:-1] + ', "people": [').encode())
        for number, person in enumerate(shot.people):
            about = json.dumps({"id": person.id, "name": person.name})[:-1]
            file.write((("," if number else "") + f'\n{about}, "frames": [').encode())
            first = True
            for frames, points in _blocks(shot, person):
                rows = [
                    f'{"" if first and k == 0 else ","}\n{{"frame": {frame}, "time_s": {shot.data_times_s[frame]:.6f}, '
                    f'"presence": "{Presence(points.presence[k]).name.lower()}", '
                    f'"points_mm": {_plain(points.points_mm[k], 2)}, '
                    f'"joints_px": {_plain(points.joints_px[k], 2)}, "score": {_plain(points.score[k], 3)}}}'
                    for k, frame in enumerate(frames.tolist())
                ]
                first = False
                file.write("".join(rows).encode())
            file.write(b"]}")
        file.write(b"]}\n")
    return [path]


def write_npz(shot: Shot, folder: Path) -> list[Path]:
    """joints.npz: arrays of all people (P) and frames (N)."""
    path = folder / "joints.npz"
    shape = (len(shot.people), len(shot.data_times_s))
    arrays: dict[str, Any] = {
        "points_mm": np.full((*shape, len(JOINTS), 3), np.nan, np.float32),
        "joints_px": np.full((*shape, len(JOINTS), 2), np.nan, np.float32),
        "score": np.full((*shape, len(JOINTS)), np.nan, np.float32),
        "presence": np.zeros(shape, np.uint8),
    }
    for row, person in enumerate(shot.people):
        points = shot.points(person, shot.data_times_s)
        for name, values in arrays.items():
            values[row] = getattr(points, name)
    with new_file(path) as file:
        np.savez_compressed(
            file, joint_names=np.array(JOINTS), parents=PARENTS, time_s=shot.data_times_s,
            ids=np.array([person.id for person in shot.people], int),
            names=np.array([person.name for person in shot.people], str), **arrays,
        )  # fmt: skip
    return [path]


def _blocks(shot: Shot, person: PersonSummary) -> Iterator[tuple[np.ndarray, Points]]:
    """Numbers of the frames from the first to the last sight, some at a time, and what is known in them."""
    points = shot.points(person, shot.data_times_s)
    there = np.flatnonzero(points.presence)
    for first in range(there[0], there[-1] + 1, _BLOCK) if len(there) else ():
        part = slice(first, min(first + _BLOCK, there[-1] + 1))
        yield np.arange(part.start, part.stop), Points(*(getattr(points, name)[part] for name in Points.__slots__))


def _cell(text: str) -> str:
    """Text as a cell of a table; what a spreadsheet would take for a formula is marked as text."""
    text = f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\n') else text


def _plain(values: np.ndarray, digits: int) -> str:
    return json.dumps(np.round(values, digits).tolist()).replace("NaN", "null")
