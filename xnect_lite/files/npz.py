"""Reads NumPy's .npz files, which may come from anywhere: nothing in them is ever unpickled, and no size is believed."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy

from xnect_lite.files.untrusted import open_regular

MOST_BYTES = 4 << 30
"""Of all arrays that are read of one file together, unpacked: more than two hours of ten people."""


def read_npz(path: str | Path, names: Sequence[str] | None = None, most_bytes: int = MOST_BYTES) -> dict[str, np.ndarray]:
    """The arrays of these names, or all of them.

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
            return {name: _array(file, members[name]) for name in wanted}
    except _Said:
        raise
    except OSError as error:
        raise ValueError(error.strerror or "cannot be read") from error
    except (ValueError, EOFError, TypeError, SyntaxError, LookupError, MemoryError, RecursionError, BadZipFile, zlib.error,
            NotImplementedError, OverflowError, RuntimeError) as error:  # fmt: skip
        raise ValueError("it is no .npz file, or not a whole one") from error


class _Said(ValueError):
    """A ValueError whose words are for the user."""


def _array(file: ZipFile, member: ZipInfo) -> np.ndarray:
    with file.open(member) as data:
        version = npy.read_magic(data)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read_header(data)
        if dtype.hasobject or dtype.itemsize == 0 or any(side < 0 for side in shape):
            raise ValueError
        count = 1
        for side in shape:  # NumPy's own product would overflow
            count *= int(side)
        if count * dtype.itemsize != member.file_size - data.tell():
            raise ValueError
    with file.open(member) as data:
        return npy.read_array(data, allow_pickle=False)
