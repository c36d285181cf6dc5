"""The takes of a folder at a glance: names, dates, people, a picture of each, and the film a take was made of."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from xnect_lite.capture import open_source
from xnect_lite.capture.source import Source
from xnect_lite.errors import XnectError
from xnect_lite.record.finish import OVERLAY_FILE
from xnect_lite.record.source_video import VIDEO_FILE
from xnect_lite.record.take_folder import INFO_FILE, read_info

_STAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)_(\d\d)-(\d\d)-(\d\d)_?(.*)", re.DOTALL)
_THUMBNAIL_PX = (192, 108)
_MOMENT = 0.2  # of the take, at which its picture is taken


@dataclasses.dataclass(frozen=True, slots=True)
class TakeCard:
    """What the list shows of a take. ``problem``: why it cannot be opened, "" = it can."""

    folder: Path
    title: str
    started: datetime | None
    people: int
    duration_s: float
    is_finished: bool = True
    problem: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Film:
    """The pictures of a take.

    path:     None = there are none.
    is_drawn: skeletons are drawn in it already.
    start_s:  of the take's clock, when the film begins.
    missing:  where the film was, if it is not there any more; "" = never heard of one.
    """

    path: Path | None
    is_drawn: bool = False
    missing: str = ""
    start_s: float = 0.0

    def open_at(self, t_s: float) -> Source:
        """The film from this second of its own on. Raises XnectError."""
        if self.path is None:
            raise XnectError("the film", "is not there", "Choose the file")
        return open_source(str(self.path), start_s=t_s or None)


def scan_takes(takes: Path) -> list[TakeCard]:
    """What lies in a folder of takes, newest first. Raises XnectError where the folder cannot be read."""
    try:
        folders = [Path(entry.path) for entry in os.scandir(takes) if entry.is_dir() and not entry.name.startswith(".")]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise XnectError(str(takes), f"cannot be read ({error.strerror})", "Choose another folder for takes") from error
    cards = [_card(folder) for folder in folders if (folder / INFO_FILE).exists()]
    return sorted(cards, key=lambda card: (card.started or datetime.min, card.folder.name), reverse=True)


def title_of(folder: Path) -> str:
    """The name of a take without its date."""
    found = _STAMP.fullmatch(folder.name)
    return (found[7] or "take").replace("_", " ") if found else folder.name


def _card(folder: Path) -> TakeCard:
    started = _started(folder)
    try:
        info = read_info(folder)
    except XnectError as error:
        return TakeCard(folder, title_of(folder), started, 0, 0.0, problem=str(error))
    people = [person for person in info.get("people", []) if person.get("file")]
    duration_s = info.get("duration_s") or 0.0
    return TakeCard(folder, title_of(folder), started, len(people), float(duration_s), info.get("state") == "finished")


def _started(folder: Path) -> datetime | None:
    found = _STAMP.fullmatch(folder.name)
    if found:
        with contextlib.suppress(ValueError):
            year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
            return datetime(year, month, day, hour, minute, second)
    return None


def film_of(folder: Path, info: Mapping[str, Any]) -> Film:
    """The best pictures there are of a take: its own recording, the file it was made of, or its overlay."""
    if (folder / VIDEO_FILE).is_file():
        video = info.get("video") or {}
        return Film(folder / VIDEO_FILE, start_s=float(video.get("start_s") or 0.0))
    job = info.get("job") or {}
    kept = job["source"] if isinstance(job.get("source"), str) else ""
    if kept and os.path.exists(kept):
        return Film(Path(kept))
    if (folder / OVERLAY_FILE).is_file():
        return Film(folder / OVERLAY_FILE, is_drawn=True, missing=kept)
    return Film(None, missing=kept or str(info.get("source") or ""))


def thumbnail(folder: Path, cache: Path | None = None) -> np.ndarray | None:
    """(h, w, 3) uint8 RGB, a picture of a take, no larger than 192 x 108; None where there is no film. Kept in ``cache``."""
    kept = None if cache is None else _kept_picture(folder, cache)
    if kept is not None and kept.exists() and (image := cv2.imread(str(kept))) is not None:
        return np.ascontiguousarray(image[:, :, ::-1])
    try:
        info = read_info(folder)
        film = film_of(folder, info)
        if film.path is None:
            return None
        with film.open_at(_MOMENT * float(info.get("duration_s") or 0.0)) as source:
            frame = source.read()
    except (XnectError, OSError):
        return None
    if frame is None:
        return None
    scale = min(_THUMBNAIL_PX[0] / frame.size[0], _THUMBNAIL_PX[1] / frame.size[1])
    size = (max(1, round(frame.size[0] * scale)), max(1, round(frame.size[1] * scale)))
    small = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
    if kept is not None:
        with contextlib.suppress(OSError):
            kept.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(kept), small[:, :, ::-1])
    return small


def _kept_picture(folder: Path, cache: Path) -> Path | None:
    """Where the picture of a take, as it is now, is kept."""
    try:
        stamp = (folder / INFO_FILE).stat().st_mtime_ns
    except OSError:
        return None
    key = hashlib.sha256(f"{folder.resolve()} {stamp}".encode(errors="replace")).hexdigest()[:24]
    return cache / f"{key}.jpg"
