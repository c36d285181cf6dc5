"""What a system found on a data set, in a file that any system can write: JSON Lines, one picture a line.

    {"data_set": "mupots", "joints": ["head_top", "neck", ...], "made_by": {...}}
    {"record": "TS1/img_000000.jpg", "people": [{"joints_px": [[x, y], null, ...], "joints_cam_mm": [[x, y, z], ...]}]}

The first line names the joints, in the order of the data set; null is a joint that was not found. A person may have, beside
pixels, ``joints_cam_mm`` (camera space) or ``joints_mm`` (about any origin), ``score`` (else 1) and ``joint_scores``. Every
picture has a line, also where nobody was found. Lines are written as they come, so a run can be interrupted and go on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from xnect_lite.errors import XnectError

FORMAT = "docs/evaluation.md shows the format"


@dataclass(frozen=True, slots=True)
class Found:
    """The people found in one picture, K joints of the data set each; NaN = not found.

    joints_px    (P, K, 2) pixels of the picture.
    joints_mm    (P, K, 3); all NaN from a system without 3D.
    in_camera    whether joints_mm are in camera space, not only relative to each other.
    score        (P,) and joint_scores (P, K): how sure.
    """

    joints_px: np.ndarray
    joints_mm: np.ndarray
    in_camera: bool
    score: np.ndarray
    joint_scores: np.ndarray

    @classmethod
    def of(
        cls, joints_px: np.ndarray, score: np.ndarray, joints_cam_mm: np.ndarray | None = None,
        joint_scores: np.ndarray | None = None,
    ) -> Found:  # fmt: skip
        """People as a pipeline finds them."""
        mm = np.full((*joints_px.shape[:2], 3), np.nan) if joints_cam_mm is None else joints_cam_mm
        each = np.repeat(np.asarray(score, float)[:, None], joints_px.shape[1], 1) if joint_scores is None else joint_scores
        return cls(joints_px, mm, True, score, each)


class PredictionFile:
    """A file that is being written. Opening one that is there goes on with it, if it was begun with the same first line.

    ``done`` holds what it has by now. Raises XnectError if it is something else or cannot be written. A last line that was
    cut short is dropped.
    """

    def __init__(self, path: Path, data_set: str, joints: Sequence[str], made_by: Mapping[str, Any]) -> None:
        self._path = path
        self._head: dict[str, Any] = {"data_set": data_set, "joints": list(joints), "made_by": dict(made_by)}
        self.done: dict[str, Found] = self._read_back() if path.exists() else {}
        try:
            self._file: TextIO = self._rewritten()
        except OSError as error:
            raise XnectError(str(path), f"cannot be written ({error.strerror})", "Choose another file") from error

    def _read_back(self) -> dict[str, Found]:
        lines = _lines(self._path)
        if lines and not lines[-1][1].endswith("\n"):
            lines.pop()
        if not lines:
            return {}
        head = _parsed(self._path, *lines[0])
        if head != self._head:
            theirs = head.get("made_by")
            theirs = theirs if isinstance(theirs, dict) else {}
            changed = [name for name, value in self._head["made_by"].items() if theirs.get(name) != value]
            cause = f"was begun by another system or with other settings ({', '.join(changed) or 'another data set'} differ)"
            raise XnectError(str(self._path), cause, "Name another file, or remove it")
        return dict(_record(self._path, number, line, self._head["joints"]) for number, line in lines[1:])

    def _rewritten(self) -> TextIO:
        part = self._path.with_name(self._path.name + ".part")
        with part.open("w", encoding="utf-8") as file:
            file.write(json.dumps(self._head) + "\n")
            for name, found in self.done.items():
                file.write(_line(name, found))
        os.replace(part, self._path)
        return self._path.open("a", encoding="utf-8")

    def keep(self, names: Iterable[str]) -> None:
        """Forget all records but these."""
        wanted = set(names)
        if not self.done.keys() <= wanted:
            self._file.close()
            self.done = {name: found for name, found in self.done.items() if name in wanted}
            self._file = self._rewritten()

    def add(self, name: str, found: Found) -> None:
        """Write one picture's people; they are on the disk when this returns."""
        self.done[name] = found
        try:
            self._file.write(_line(name, found))
            self._file.flush()
        except OSError as error:
            raise XnectError(str(self._path), f"cannot be written ({error.strerror})", "Make room; then it goes on") from error

    def close(self) -> None:
        """Nothing more comes."""
        self._file.close()


def read_predictions(
    path: Path, data_set: str, joints: Sequence[str], records: Sequence[str], optional: Iterable[str] = ()
) -> dict[str, Found]:
    """People of every one of ``records``, in their order. Raises XnectError naming the file and the line or record.

    It must hold each of them once and no other but ``optional`` ones, all with ``joints``, and nobody without a single joint.
    """
    lines = _lines(path)
    if not lines:
        raise XnectError(str(path), "is empty", FORMAT)
    head = _parsed(path, *lines[0])
    if head.get("data_set") != data_set:
        raise XnectError(f"{path}, line 1", f"is of data set {head.get('data_set')!r}, not {data_set!r}", FORMAT)
    if head.get("joints") != list(joints):
        named = head.get("joints")
        cause = (
            f"names {len(named) if isinstance(named, list) else 'no'} joints that are not the {len(joints)} of this data set"
        )
        raise XnectError(f"{path}, line 1", cause, f"Write them as {', '.join(joints)}")
    known = {*records, *optional}
    found: dict[str, Found] = {}
    seen: dict[str, int] = {}
    for number, line in lines[1:]:
        name, people = _record(path, number, line, joints)
        if name in seen:
            raise XnectError(f"{path}, line {number}", f"{name} was on line {seen[name]} already", "Write each picture once")
        if name not in known:
            raise XnectError(f"{path}, line {number}", f"{name} is not in the data set", f"Such as {records[0]}")
        found[name], seen[name] = people, number
    missing = [name for name in records if name not in found]
    if missing:
        cause = f"holds {len(records) - len(missing)} of {len(records)} pictures; the first that is missing is {missing[0]}"
        raise XnectError(str(path), cause, "Let the run that wrote it finish; pictures without people have a line, too")
    return {name: found[name] for name in records}


def _lines(path: Path) -> list[tuple[int, str]]:
    """(number from 1, text) of lines that are not blank."""
    try:
        with path.open(encoding="utf-8") as file:
            return [(number, line) for number, line in enumerate(file, 1) if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise XnectError(str(path), f"cannot be read ({error})", FORMAT) from error


def _parsed(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise XnectError(f"{path}, line {number}", f"is no JSON ({error})", FORMAT) from error
    if not isinstance(value, dict):
        raise XnectError(f"{path}, line {number}", "is no JSON object", FORMAT)
    return value


def _record(path: Path, number: int, line: str, joints: Sequence[str]) -> tuple[str, Found]:
    value = _parsed(path, number, line)
    name, people = value.get("record"), value.get("people")
    if not isinstance(name, str) or not isinstance(people, list):
        raise XnectError(f"{path}, line {number}", "has no 'record' with a list of 'people'", FORMAT)
    where, count = f"{path}, line {number} ({name})", len(joints)
    rows = [_person(f"{where}, person {i}", one, count) for i, one in enumerate(people, 1)]
    px, mm, score, each = (np.array([row[k] for row in rows]) for k in range(4))
    in_camera = all("joints_mm" not in one for one in people)
    return name, Found(
        px.reshape(-1, count, 2), mm.reshape(-1, count, 3), in_camera, score.reshape(-1), each.reshape(-1, count)
    )


def _person(where: str, one: Any, count: int) -> tuple[np.ndarray, np.ndarray, float, np.ndarray]:
    if not isinstance(one, dict) or "joints_px" not in one:
        raise XnectError(where, "has no 'joints_px'", FORMAT)
    px = _points(where, one["joints_px"], count, 2)
    mm = _points(where, one.get("joints_cam_mm", one.get("joints_mm", [None] * count)), count, 3)
    if np.isnan(px).all():
        raise XnectError(where, "has not a single joint: a pose of nothing but NaN", "Leave such people out")
    try:
        score = float(one.get("score", 1.0))
        each = np.array(one.get("joint_scores", [score] * count), float).reshape(count)
    except (TypeError, ValueError) as error:
        raise XnectError(where, f"has scores that are no numbers ({error})", FORMAT) from error
    if not (np.isfinite(score) and np.isfinite(each).all()):
        raise XnectError(where, "has a score that is not a finite number", FORMAT)
    return px, mm, score, each


def _points(where: str, values: Any, count: int, axes: int) -> np.ndarray:
    """(count, axes); null or all-NaN points are NaN."""
    if not isinstance(values, list) or len(values) != count:
        raise XnectError(where, f"has {len(values) if isinstance(values, list) else 'no'} joints, not {count}", FORMAT)
    try:
        points = np.array([[np.nan] * axes if point is None else point for point in values], float).reshape(count, axes)
    except (TypeError, ValueError) as error:
        raise XnectError(where, f"has a joint that is not {axes} numbers", FORMAT) from error
    missing = np.isnan(points)
    if (missing.any(1) & ~missing.all(1)).any() or np.isinf(points).any():
        raise XnectError(
            where, "has a joint of which a coordinate is not a number", "Write null for a joint that was not found"
        )
    return points


def rounded(found: Found) -> Found:
    """To what is worth saving: 0.01 px, 0.1 mm, scores to 5 digits."""
    px, mm, score, each = (np.round(v, n) for v, n in zip(_numbers(found), (2, 1, 5, 5), strict=True))
    return Found(px, mm, found.in_camera, score, each)


def _numbers(found: Found) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    values = found.joints_px, found.joints_mm, found.score, found.joint_scores
    px, mm, score, each = (np.asarray(v, np.float64) for v in values)
    return px, mm, score, each


def _line(name: str, found: Found) -> str:
    def points(values: np.ndarray) -> list[list[float] | None]:
        return [None if np.isnan(point[0]) else point.tolist() for point in values]

    people = []
    for px, mm, score, each in zip(*_numbers(rounded(found)), strict=True):
        one: dict[str, Any] = {"joints_px": points(px)}
        if np.isfinite(mm).any():
            one["joints_cam_mm" if found.in_camera else "joints_mm"] = points(mm)
        one["score"] = float(score)
        if (each != score).any():
            one["joint_scores"] = each.tolist()
        people.append(one)
    return json.dumps({"record": name, "people": people}) + "\n"
