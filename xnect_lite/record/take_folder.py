"""What lies in a take folder, and how it is read and written safely.

    2026-11-21_14-03-22_dance/
      take.json            what was recorded, how, and who is in it
      poses.npz            every person in every frame, unfiltered by any export choice
      person01.bvh ...     one file per person: person02.bvh is id 2
      video.mp4            the film itself, of a take that was recorded live
      overlay.mp4          the film with skeletons in it, where asked for
      log.txt              what happened when

While recording, poses go to ``poses.journal``, which becomes ``poses.npz`` on closing. Nothing here is ever pickled.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from xnect_lite.errors import XnectError, next_step_of, without_secrets
from xnect_lite.files.npz import read_npz, rows_of
from xnect_lite.files.untrusted import read_json
from xnect_lite.files.whole_file import append_line, whole_file
from xnect_lite.record.journal import NOBODY, RECORD, has_frames, is_being_recorded, read_journal
from xnect_lite.record.names import names_of
from xnect_lite.record.steps import apply_steps
from xnect_lite.record.take_info import info_problem
from xnect_lite.record.track import Track
from xnect_lite.skeleton import JOINTS, NUM_JOINTS
from xnect_lite.types import NUM_TREE_JOINTS

SCHEMA_VERSION = 2
INFO_FILE, POSES_FILE, JOURNAL_FILE, LOG_FILE = "take.json", "poses.npz", "poses.journal", "log.txt"
_FIT_FIELDS = {"rotations": (NUM_TREE_JOINTS, 3, 3), "bone_lengths_mm": (NUM_JOINTS,), "foot_stands": (2,)}
_ROW_FIELDS = ("t_s", "frame_index", "id", "person_score", "joints_px", "joint_score", "joints_mm", "root_cam_mm", *_FIT_FIELDS)
_LONGEST_NAME = 80  # bytes of a film's name in a folder's: file systems take 255, and files in it have names, too
_OWN_FILES = re.compile(
    r"(take\.json|poses\.npz)(\.tmp)?|poses\.journal|log\.txt|(overlay|video)\.mp4|person\d+(_\d+)?\.bvh(\.tmp)?"
)
_LATEST_S = 1e7  # four months: nobody films for longer, and times beyond it are damage


@dataclasses.dataclass(frozen=True, slots=True)
class Take:
    """A take read back.

    folder:            where it lies.
    info:              take.json, {} where it is missing.
    every_frame_t_s:   (N,) seconds of all frames recorded, also those with nobody in them.
    every_frame_index: (N,) their numbers in the source.

    One row per person and frame, (R,) unless said otherwise; shapes, units and axes as in `types.People`:
    t_s, frame_index, id (0 = no identity), person_score, joints_px (R, 24, 2), joint_score (R, 24), joints_mm (R, 24, 3),
    root_cam_mm (R, 3), rotations (R, 21, 3, 3), bone_lengths_mm (R, 24), foot_stands (R, 2).

    damage:       in words, what of the take could not be read; "" = nothing.
    names:        id -> name of those who have one.
    bridged:      (R,) rows that were filled in after recording, not measured.
    recorded_ids: all identities before any edit in place.
    wanted:       who is to get BVH files, by the wish it was recorded with: all, main, or ids, which follow merges and cuts.
    """

    folder: Path
    info: Mapping[str, Any]
    every_frame_t_s: np.ndarray
    every_frame_index: np.ndarray
    t_s: np.ndarray
    frame_index: np.ndarray
    id: np.ndarray
    person_score: np.ndarray
    joints_px: np.ndarray
    joint_score: np.ndarray
    joints_mm: np.ndarray
    root_cam_mm: np.ndarray
    rotations: np.ndarray
    bone_lengths_mm: np.ndarray
    foot_stands: np.ndarray
    damage: str = dataclasses.field(default="", kw_only=True)
    names: Mapping[int, str] = dataclasses.field(default_factory=dict, kw_only=True)
    bridged: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, bool), kw_only=True)
    recorded_ids: tuple[int, ...] = dataclasses.field(default=(), kw_only=True)
    wanted: str | tuple[int, ...] = dataclasses.field(default="all", kw_only=True)

    def __post_init__(self) -> None:
        if not len(self.bridged) and len(np.atleast_1d(self.t_s)):
            object.__setattr__(self, "bridged", np.zeros(len(np.atleast_1d(self.t_s)), bool))

    @property
    def ids(self) -> list[int]:
        """Identities in order of first appearance."""
        first: dict[int, float] = {}
        for identity, time in zip(self.id.tolist(), self.t_s.tolist(), strict=True):
            if identity > 0:
                first[identity] = min(time, first.get(identity, time))
        return sorted(first, key=lambda identity: (first[identity], identity))

    @property
    def frame_s(self) -> float:
        """Median time between frames; 0 if there are fewer than two."""
        return float(np.median(np.diff(self.every_frame_t_s))) if len(self.every_frame_t_s) > 1 else 0.0

    def rows(self, chosen: np.ndarray) -> Take:
        """The take with these rows only, in this order. ``chosen``: indices or a boolean mask."""
        columns: dict[str, Any] = {name: rows_of(getattr(self, name), chosen) for name in (*_ROW_FIELDS, "bridged")}
        return dataclasses.replace(self, **columns)

    def track(self, identity: int) -> Track:
        """What was seen of one person."""
        rows = self.id == identity
        return Track(*(rows_of(getattr(self, f.name), rows) for f in dataclasses.fields(Track)))


def new_take_folder(takes: str | Path, name: str = "", started: datetime | None = None) -> Path:
    """Make and return the folder of a new take, ``TAKES/<YYYY-MM-DD_HH-MM-SS>_<name>``; numbered if it exists already.

    Of several programs that ask in the same second, each gets its own.

    Args:
        takes: the folder that takes are put in; made if missing.
        name: of the take.
        started: when; the present moment without it.

    Raises:
        XnectError: where none can be made.
    """
    stem = (started or datetime.now()).strftime("%Y-%m-%d_%H-%M-%S")
    name = re.sub(r"[^\w-]+", "_", name).encode("utf-8", "ignore")[:_LONGEST_NAME].decode("utf-8", "ignore").strip("_")
    base = Path(takes) / (f"{stem}_{name}" if name else stem)
    folder, number = base, 2
    while True:
        try:
            base.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
            return folder
        except FileExistsError:
            if not base.parent.is_dir():
                raise XnectError(str(takes), "is no folder", "Choose another folder for takes") from None
            folder, number = base.with_name(f"{base.name}_{number}"), number + 1
        except OSError as error:
            raise refused(Path(takes), error) from error


def remove_take(folder: Path) -> None:
    """Remove what is a take's own from its folder, and the folder if nothing else lies there. Links are never followed."""
    if folder.is_symlink():
        return
    with contextlib.suppress(OSError):
        for path in sorted(folder.iterdir(), key=lambda path: path.name == INFO_FILE):  # which says what it is, last
            if _OWN_FILES.fullmatch(path.name):
                path.unlink()
        folder.rmdir()


def unfinished_takes(takes: str | Path) -> list[Path]:
    """Folders of takes whose program was killed while it recorded, oldest first. Those being recorded now are left out."""
    journals = sorted(Path(takes).glob(f"*/{JOURNAL_FILE}"))
    return [path.parent for path in journals if has_frames(path) and not is_being_recorded(path)]


def load_take(folder: str | Path, *, edited: bool = True, on_disk: bool = False) -> Take:
    """Read a take, finished or not.

    Args:
        folder: of the take.
        edited: with the steps of its edits in place; False = as it was recorded.
        on_disk: large columns stay in unnamed files (see `read_npz`): for takes of hours, to be read once.

    Raises:
        XnectError: where there is none or it cannot be understood.
    """
    take = _load_recorded(Path(folder), on_disk)
    wish = take.info.get("wanted", "all")
    wish = wish if isinstance(wish, str) else tuple(wish)
    take = dataclasses.replace(take, names=names_of(take.info), recorded_ids=tuple(sorted(take.ids)), wanted=wish)
    if not edited:
        return take
    try:
        return apply_steps(take, take.info.get("steps", []))
    except XnectError as error:
        raise XnectError(str(take.folder / INFO_FILE), f"holds an edit that cannot be ({error})", "Mend its steps") from error


def _load_recorded(folder: Path, on_disk: bool) -> Take:
    info = read_info(folder)
    if info.get("schema_version", 0) > SCHEMA_VERSION:
        raise XnectError(str(folder), f"has schema version {info['schema_version']}", "Open it with a newer xnect_lite")
    if (folder / POSES_FILE).exists():
        try:
            stored = read_npz(folder / POSES_FILE, on_disk=on_disk)
            version = stored["schema_version"]
            if version.size != 1 or version.dtype.kind not in "iu":
                raise ValueError("schema_version is no number")
            if version > SCHEMA_VERSION:
                raise XnectError(str(folder), f"has schema version {int(version)}", "Open it with a newer xnect_lite")
            columns = (_stored(stored, name) for name in ("every_frame_t_s", "every_frame_index", *_ROW_FIELDS))
            return _checked(Take(folder, info, *columns, bridged=stored.get("bridged", np.zeros(0, bool))))
        except KeyError as error:
            raise XnectError(str(folder / POSES_FILE), f"cannot be read (lacks {error})", "Restore the file") from error
        except ValueError as error:
            raise XnectError(str(folder / POSES_FILE), f"cannot be read ({error})", "Restore the file") from error
    if not (folder / JOURNAL_FILE).exists():
        raise XnectError(str(folder), f"is not a take: it has neither {POSES_FILE} nor {JOURNAL_FILE}", "Check the folder")
    records, lost_bytes = read_journal(folder / JOURNAL_FILE)
    take = take_of_records(records, folder, info)
    if lost_bytes:
        words = f"{JOURNAL_FILE} is damaged after {len(take.every_frame_t_s)} frames: {lost_bytes:,} bytes were left out"
        take = dataclasses.replace(take, damage=words)
    try:
        return _checked(take)
    except ValueError as error:
        raise XnectError(str(folder / JOURNAL_FILE), f"cannot be read ({error})", "Restore the file") from error


def _checked(take: Take) -> Take:
    """``take``, of our own types. Raises ValueError that says which column is not what it should be."""
    frames, rows = len(np.atleast_1d(take.every_frame_t_s)), len(np.atleast_1d(take.t_s))
    columns = {}
    for name in ("every_frame_t_s", "every_frame_index", *_ROW_FIELDS):
        wanted = RECORD[{"every_frame_t_s": "t_s", "every_frame_index": "frame_index"}.get(name, name)]
        values = getattr(take, name)
        shape = (frames if name.startswith("every") else rows, *wanted.shape)
        fits = values.dtype.kind in {"f": "f", "i": "iu", "b": "b"}[wanted.base.kind]
        if values.shape != shape or not fits:
            raise ValueError(f"{name} is {values.dtype} {values.shape}, not {wanted.base} {shape}")
        with np.errstate(over="ignore"):
            columns[name] = values.astype(wanted.base, copy=False)
    for name in ("every_frame_t_s", "t_s"):
        if not (np.abs(columns[name]) <= _LATEST_S).all():
            raise ValueError(f"{name} holds a time that cannot be")
    if rows and not frames:
        raise ValueError("every_frame_t_s is empty")
    if take.bridged.shape != (rows,) or take.bridged.dtype != bool:
        raise ValueError(f"bridged is {take.bridged.dtype} {take.bridged.shape}, not bool ({rows},)")
    if rows and columns["id"].min() < 0:
        raise ValueError("id holds a negative number")
    return dataclasses.replace(take, **columns)


def take_of_records(records: np.ndarray, folder: Path = Path("-"), info: Mapping[str, Any] | None = None) -> Take:
    """A take from records as `journal.records_of` makes them, in order; it need not be on disk."""
    index, time_s = records["frame_index"], records["t_s"]
    first = np.ones(len(records), bool)  # of its frame
    first[1:] = (np.diff(index) != 0) | (np.diff(time_s) != 0)
    rows = records[records["id"] != NOBODY]
    return Take(folder, info or {}, time_s[first], index[first], *(rows[f].copy() for f in _ROW_FIELDS))


def _stored(stored: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """A column of poses.npz; takes of schema version 1 were not fitted."""
    if name in _FIT_FIELDS and name not in stored:
        shape = (len(stored["t_s"]), *_FIT_FIELDS[name])
        return np.zeros(shape, bool) if name == "foot_stands" else np.full(shape, np.nan, np.float32)
    return stored[name]


def film_of(folder: str | Path) -> Path | None:
    """The film beside a take's poses, where there is one. Raises XnectError for a folder that is a take without."""
    folder = Path(folder)
    if not os.path.isfile(folder / INFO_FILE) or not any((folder / name).exists() for name in (POSES_FILE, JOURNAL_FILE)):
        return None
    if (folder / "video.mp4").is_file():
        return folder / "video.mp4"
    raise XnectError(str(folder), "is a take without its film", "Process the film that it was made from")


def secure_journal(folder: Path) -> None:
    """Turn the journal into poses.npz and remove it, in an order that never leaves less than one whole copy."""
    journal = folder / JOURNAL_FILE
    if is_being_recorded(journal):
        raise XnectError(str(folder), "is still being recorded", "Stop the recording first")
    try:
        if not (folder / POSES_FILE).exists():
            take = load_take(folder, edited=False)
            write_poses(folder, take)
            if take.damage:  # what follows the damage may be worth somebody's while
                journal.replace(journal.with_suffix(".damaged"))
                log(folder, f"{take.damage}; the file is kept as {journal.with_suffix('.damaged').name}")
                return
        journal.unlink()
    except OSError as error:
        raise refused(folder, error) from error


def write_poses(folder: Path, take: Take) -> None:
    """Write ``take`` as poses.npz, whole or not at all. Raises OSError."""
    arrays = {f: getattr(take, f) for f in ("every_frame_t_s", "every_frame_index", *_ROW_FIELDS)}
    with whole_file(folder / POSES_FILE) as file:
        if take.bridged.any():
            arrays["bridged"] = take.bridged
        np.savez_compressed(file, schema_version=SCHEMA_VERSION, joint_names=np.array(JOINTS), **arrays)


def rewrite_poses(folder: Path, change: Callable[[Take], Take]) -> None:
    """Replace poses.npz by what ``change`` makes of the take. Raises XnectError where the folder refuses."""
    try:
        write_poses(folder, change(load_take(folder, edited=False)))
    except OSError as error:
        raise refused(folder, error) from error


def read_info(folder: Path) -> dict[str, Any]:
    """take.json, {} where it is missing. Raises XnectError where it is no JSON, or says what cannot be."""
    try:
        info = read_json(folder / INFO_FILE)
        if problem := info_problem(info):
            raise ValueError(problem)
    except FileNotFoundError:
        return {}
    except NotADirectoryError as error:
        raise XnectError(str(folder), "is no folder", "Give the folder of a take") from error
    except (OSError, ValueError) as error:
        raise XnectError(str(folder / INFO_FILE), f"cannot be read ({error})", "Mend or remove the file") from error
    return dict(info)


def write_info(folder: Path, info: Mapping[str, Any]) -> None:
    """Replace take.json, whole or not at all; numbers that JSON cannot hold become null."""
    try:
        with whole_file(folder / INFO_FILE) as file:
            file.write((json.dumps(_plain(info), indent=1, allow_nan=False, default=str) + "\n").encode())
    except OSError as error:
        raise refused(folder, error) from error


def log(folder: Path, message: str) -> None:
    """Add a line to log.txt."""
    try:
        append_line(
            folder / LOG_FILE, f"{datetime.now().isoformat(sep=' ', timespec='milliseconds')}  {without_secrets(message)}"
        )
    except OSError as error:
        raise refused(folder, error) from error


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def refused(folder: Path, error: OSError) -> XnectError:
    """The error for a folder that does not take a file."""
    return XnectError(str(folder), f"cannot be written ({error.strerror or error})", next_step_of(error))
