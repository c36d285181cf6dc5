"""The crash-safe side of a recording: an append-only file of fixed-size records that reads back however it was cut off.

Layout, little-endian: a 64-byte header (magic, version, header size, record size, joint count), then one record per person
and frame; a frame with nobody in it is one record with id -1, so that the timeline is complete. Every frame goes to the
operating system in a single unbuffered write, so that a killed program loses nothing that `JournalWriter.append` took.
Every record ends with its checksum, which also says where in the file it belongs, and knows how many its frame has: what is
read is whole frames, as they were written.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from xnect_lite.errors import XnectError, next_step_of
from xnect_lite.files.locks import is_locked, try_lock, unlock
from xnect_lite.files.untrusted import open_regular
from xnect_lite.skeleton import NUM_JOINTS
from xnect_lite.types import NUM_TREE_JOINTS, PoseResult

NOBODY = -1
"""The id in the record of an empty frame."""

_VERSION = 3
_MAGIC = b"XNECTJNL"
_HEADER = struct.Struct("<8sIIII40x")
_MARK = 0x584E4A52
_BLOCK = 1024  # records read at a time: a file that claims to be huge costs only what is good of it

RECORD = np.dtype([
    ("mark", "<u4"),
    ("number", "<u2"),
    ("of", "<u2"),
    ("frame_index", "<i8"),
    ("t_s", "<f8"),
    ("id", "<i8"),
    ("person_score", "<f4"),
    ("joints_px", "<f4", (NUM_JOINTS, 2)),
    ("joint_score", "<f4", (NUM_JOINTS,)),
    ("joints_mm", "<f4", (NUM_JOINTS, 3)),
    ("root_cam_mm", "<f4", (3,)),
    ("rotations", "<f4", (NUM_TREE_JOINTS, 3, 3)),
    ("bone_lengths_mm", "<f4", (NUM_JOINTS,)),
    ("foot_stands", "?", (2,)),
    ("checksum", "<u4"),
])  # fmt: skip
"""One person in one frame, the ``number``-th ``of`` so many; shapes, units and axes as in `types.People`."""


_OF_PEOPLE = (
    "person_score", "joints_px", "joint_score", "joints_mm", "root_cam_mm", "rotations", "bone_lengths_mm", "foot_stands",
)  # fmt: skip


class JournalWriter:
    """Appends to a new journal and keeps it locked while it is open.

    Raises XnectError where the file cannot be made or, later, where the disk does not take a frame.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = open(path, "xb", buffering=0)  # noqa: SIM115 - it stays open
        except FileExistsError as error:
            raise XnectError(str(path), "exists already", "Record into a new folder") from error
        except OSError as error:
            raise XnectError(str(path), f"cannot be written ({error.strerror})", next_step_of(error)) from error
        try_lock(self._file.fileno())
        self._size = 0
        self._records = 0
        try:
            self._write(_HEADER.pack(_MAGIC, _VERSION, _HEADER.size, RECORD.itemsize, NUM_JOINTS))
        except XnectError:
            self._file.close()
            path.unlink(missing_ok=True)
            raise

    def append(self, result: PoseResult) -> None:
        """Write one frame. After an error the journal still ends with a whole record."""
        records = records_of(result)
        for place, record in enumerate(records, self._records):
            record["checksum"] = _checksum(record.tobytes(), place)
        self._write(records.tobytes())
        self._records += len(records)

    def _write(self, data: bytes) -> None:
        try:
            if self._file.write(data) != len(data):
                raise OSError(errno.ENOSPC, "the disk took only a part")
        except OSError as error:
            with contextlib.suppress(OSError):  # what cannot be cut off is no whole frame, and not read either
                self._file.truncate(self._size)
                self._file.seek(self._size)
            raise XnectError(str(self._path), f"cannot grow ({error.strerror})", next_step_of(error)) from error
        self._size += len(data)

    def close(self) -> None:
        """Hand everything to the disk and let go of the file."""
        if self._file.closed:
            return
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise XnectError(str(self._path), f"cannot be saved ({error.strerror})", next_step_of(error)) from error
        finally:
            unlock(self._file.fileno())
            self._file.close()


class Journal(NamedTuple):
    """What a journal holds.

    records:     whole frames, an array of `RECORD`.
    lost_bytes:  of what follows the first record that is not as it was written; 0 for a file that was merely cut off.
    """

    records: np.ndarray
    lost_bytes: int = 0


def read_journal(path: Path) -> Journal:
    """All whole frames up to the first damaged record. The part of a frame that a crash left at the end is ignored.

    Raises XnectError for a file that is no journal or comes from another version.
    """
    try:
        with open_regular(path) as file:
            return _read(path, file)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        raise XnectError(str(path), f"cannot be read ({cause})", "Check the take folder") from error


def _read(path: Path, file: BinaryIO) -> Journal:
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size and header[: len(_MAGIC)] == _MAGIC[: len(header)]:
        return Journal(np.zeros(0, RECORD))  # killed while the header was written
    magic, version, header_size, record_size, joints = _HEADER.unpack_from(header.ljust(_HEADER.size, b"\0"))
    if magic != _MAGIC:
        raise XnectError(str(path), "is not a recording journal", "Check the take folder")
    if (version, header_size, record_size, joints) != (_VERSION, _HEADER.size, RECORD.itemsize, NUM_JOINTS):
        raise XnectError(str(path), f"has journal version {version}, not {_VERSION}", "Open it with the version that wrote it")
    blocks: list[np.ndarray] = []
    good = lost = 0
    while not lost and len(data := file.read(_BLOCK * RECORD.itemsize)) >= RECORD.itemsize:
        records = np.frombuffer(data, RECORD, len(data) // RECORD.itemsize)
        count = _good(records, data, good)
        blocks.append(records[:count])
        good += count
        if count < len(records):
            lost = os.fstat(file.fileno()).st_size - _HEADER.size - good * RECORD.itemsize
    records = np.concatenate([np.zeros(0, RECORD), *blocks])
    ends = np.flatnonzero(records["number"] + 1 == records["of"])
    return Journal(records[: ends[-1] + 1 if len(ends) else 0], lost)


def _good(records: np.ndarray, data: bytes, first: int) -> int:
    """How many of these records, of which the first has place ``first`` in the file, are as they were written."""
    for k, (mark, checksum) in enumerate(zip(records["mark"].tolist(), records["checksum"].tolist(), strict=True)):
        at = k * RECORD.itemsize
        if mark != _MARK or checksum != _checksum(data[at : at + RECORD.itemsize], first + k):
            return k
    return len(records)


def _checksum(record: bytes, place: int) -> int:
    """Of a record, without its last field, at this place of the file: a block that was lost, repeated or moved is seen, too."""
    return zlib.crc32(record[: -RECORD["checksum"].itemsize], place & 0xFFFFFFFF)


def has_frames(path: Path) -> bool:
    """Whether a journal is long enough to hold a frame."""
    try:
        return path.is_file() and path.stat().st_size >= _HEADER.size + RECORD.itemsize
    except OSError:
        return False


def is_being_recorded(path: Path) -> bool:
    """Whether a recorder, in this program or another, has this journal open. Always False on Windows."""
    return is_locked(path)


def records_of(result: PoseResult) -> np.ndarray:
    """The records of one frame: one per person, or one of nobody."""
    people = result.people
    records = np.zeros(max(len(people), 1), RECORD)
    records["mark"], records["number"], records["of"] = _MARK, np.arange(len(records)), len(records)
    records["frame_index"], records["t_s"] = result.frame.index, result.frame.t_s
    if len(people):
        records["id"] = people.ids
        for name in _OF_PEOPLE:
            records[name] = getattr(people, name)
    else:
        records["id"] = NOBODY
        for name in _OF_PEOPLE:
            records[name] = np.nan if RECORD[name].base.kind == "f" else False
    return records
