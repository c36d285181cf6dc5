"""The crash-safe side of a recording: an append-only file of fixed-size records that reads back however it was cut off.

Layout, little-endian: a 64-byte header (magic, version, header size, record size, joint count), then one record per person
and frame; a frame with nobody in it is one record with id -1, so that the timeline is complete. Every frame goes to the
operating system in a single unbuffered write, so that a killed program loses nothing that `JournalWriter.append` took.
"""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path

import numpy as np

from xnect_lite.errors import XnectError
from xnect_lite.skeleton import NUM_JOINTS
from xnect_lite.types import NUM_TREE_JOINTS, PoseResult

try:  # Windows has no fcntl, and does not let anybody delete a file that is open
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

NOBODY = -1
"""The id in the record of an empty frame."""

_VERSION = 2
_MAGIC = b"XNECTJNL"
_HEADER = struct.Struct("<8sIIII40x")
_MARK = 0x584E4A52

RECORD = np.dtype([
    ("mark", "<u4"),
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
    ("end_mark", "<u4"),
])  # fmt: skip
"""One person in one frame; shapes, units and axes as in `types.People`."""


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
            self._file.write(_HEADER.pack(_MAGIC, _VERSION, _HEADER.size, RECORD.itemsize, NUM_JOINTS))
        except FileExistsError as error:
            raise XnectError(str(path), "exists already", "Record into a new folder") from error
        except OSError as error:
            raise XnectError(str(path), f"cannot be written ({error.strerror})", "Choose a folder you may write to") from error
        self._size = _HEADER.size
        _try_lock(self._file.fileno())

    def append(self, result: PoseResult) -> None:
        """Write one frame. After an error the journal still ends with a whole record."""
        data = records_of(result).tobytes()
        try:
            if self._file.write(data) != len(data):
                raise OSError(0, "the disk took only a part")
        except OSError as error:
            self._file.truncate(self._size)
            self._file.seek(self._size)
            raise XnectError(str(self._path), f"cannot grow ({error.strerror})", "Free some disk space") from error
        self._size += len(data)

    def close(self) -> None:
        """Hand everything to the disk and let go of the file."""
        if self._file.closed:
            return
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise XnectError(str(self._path), f"cannot be saved ({error.strerror})", "Free some disk space") from error
        finally:
            _unlock(self._file.fileno())
            self._file.close()


def read_journal(path: Path) -> np.ndarray:
    """All whole records as an array of `RECORD`; what a crash left after them is ignored.

    Raises XnectError for a file that is no journal or comes from another version.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise XnectError(str(path), f"cannot be read ({error.strerror})", "Check the take folder") from error
    if len(data) < _HEADER.size and data[: len(_MAGIC)] == _MAGIC[: len(data)]:
        return np.zeros(0, RECORD)  # killed while the header was written
    magic, version, header_size, record_size, joints = _HEADER.unpack_from(data.ljust(_HEADER.size, b"\0"))
    if magic != _MAGIC:
        raise XnectError(str(path), "is not a recording journal", "Check the take folder")
    if (version, header_size, record_size, joints) != (_VERSION, _HEADER.size, RECORD.itemsize, NUM_JOINTS):
        raise XnectError(str(path), f"has journal version {version}, not {_VERSION}", "Open it with the version that wrote it")
    records = np.frombuffer(data, RECORD, (len(data) - _HEADER.size) // RECORD.itemsize, _HEADER.size)
    broken = np.flatnonzero((records["mark"] != _MARK) | (records["end_mark"] != _MARK))  # blocks lost with the power
    return records[: broken[0]] if len(broken) else records


def is_being_recorded(path: Path) -> bool:
    """Whether a recorder, in this program or another, has this journal open. Always False on Windows."""
    try:
        with open(path, "rb") as file:
            return not _try_lock(file.fileno())
    except OSError:
        return False


def _try_lock(descriptor: int) -> bool:
    """Lock without waiting; False if somebody else holds the lock. It ends with the file or the program."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # some network folders have no locks
    return True


def _unlock(descriptor: int) -> None:
    """Let go of the lock at once: a forked child that inherited the file would keep it otherwise."""
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def records_of(result: PoseResult) -> np.ndarray:
    """The records of one frame: one per person, or one of nobody."""
    people = result.people
    records = np.zeros(max(len(people), 1), RECORD)
    records["mark"] = records["end_mark"] = _MARK
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
