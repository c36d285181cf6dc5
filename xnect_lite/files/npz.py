"""Reads NumPy's .npz files, which may come from anywhere: nothing in them is ever unpickled, and no size is believed."""

from __future__ import annotations

import mmap
import shutil
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy

from xnect_lite.files.untrusted import open_regular

MOST_BYTES = 4 << 30
"""Of all arrays that are read of one file together, unpacked: more than two hours of ten people."""
_LARGE_BYTES, _PIECE_BYTES = 1 << 20, 1 << 20  # what is worth a file, and how much is unpacked at a time
_PIECE_ROWS = 2048  # copied at a time


def read_npz(
    path: str | Path, names: Sequence[str] | None = None, most_bytes: int = MOST_BYTES, *, on_disk: bool = False
) -> dict[str, np.ndarray]:
    """The arrays of these names, or all of them.

    on_disk: large ones are unpacked into files that have no name and go with them, and mapped: they need no memory of their
             own, but cannot be written to.

    Raises ValueError that says in a few words what is wrong. What an array says of its size is compared with what is there
    before anything is allocated.
    """
    try:
        with open_regular(path) as whole, ZipFile(whole) as file:
            members = {info.filename.removesuffix(".npy"): info for info in file.infolist()}
            wanted = list(members) if names is None else list(names)
            if missing := [name for name in wanted if name not in members]:
                raise _Said(f"lacks {', '.join(missing)}")
            claimed = sum(members[name].file_size for name in wanted)
            if claimed > most_bytes:
                raise _Said(f"holds {claimed:,} bytes, unpacked; at most {most_bytes:,} are read")
            return {name: _array(file, members[name], on_disk) for name in wanted}
    except _Said:
        raise
    except OSError as error:
        raise ValueError(error.strerror or "cannot be read") from error
    except (ValueError, EOFError, TypeError, SyntaxError, LookupError, MemoryError, RecursionError, BadZipFile, zlib.error,
            NotImplementedError, OverflowError, RuntimeError) as error:  # fmt: skip
        raise ValueError("it is no .npz file, or not a whole one") from error


class _Said(ValueError):
    """A ValueError whose words are for the user."""


def _array(file: ZipFile, member: ZipInfo, on_disk: bool) -> np.ndarray:
    with file.open(member) as data:
        version = npy.read_magic(data)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, by_columns, dtype = read_header(data)
        if dtype.hasobject or dtype.itemsize == 0 or any(side < 0 for side in shape):
            raise ValueError
        count = 1
        for side in shape:  # NumPy's own product would overflow
            count *= int(side)
        if count * dtype.itemsize != member.file_size - data.tell():
            raise ValueError
        if on_disk and not by_columns and count * dtype.itemsize >= _LARGE_BYTES:
            return _mapped(data, shape, dtype)
    with file.open(member) as data:
        return npy.read_array(data, allow_pickle=False)


def rows_of(array: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """These rows of an array, copied; ``chosen``: indices or a boolean mask. Of one that `read_npz` left on disk, nothing else
    stays in memory, and no more than a piece of it is there meanwhile."""
    pages = getattr(array, "_mmap", None) if isinstance(array, np.memmap) and hasattr(mmap, "MADV_DONTNEED") else None
    if pages is None:
        return np.asarray(array[chosen])
    index = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
    rows = np.empty((len(index), *array.shape[1:]), array.dtype)
    for first in range(0, len(index), _PIECE_ROWS):
        piece = slice(first, first + _PIECE_ROWS)
        rows[piece] = array[index[piece]]
        pages.madvise(mmap.MADV_DONTNEED)
    return rows


def _mapped(data: IO[bytes], shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array whose bytes follow in ``data``, unpacked into a file without a name."""
    with tempfile.TemporaryFile(prefix="xnect-lite-") as unpacked:
        shutil.copyfileobj(data, unpacked, _PIECE_BYTES)
        unpacked.flush()
        return np.memmap(unpacked, dtype, "r", shape=shape)
