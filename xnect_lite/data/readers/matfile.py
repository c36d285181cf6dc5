"""MATLAB files of both kinds, up to v7 (SciPy) and v7.3 (HDF5), as the same plain values. Nothing in them is executed.

Numbers are arrays in MATLAB's own shape, never squeezed; text is str; a cell is an object array; a struct, even a single
one, is an object array of dicts. `each`, `only`, `number` and `text` take these apart and are lenient about what is empty.
By hand, as pymatreader squeezes: there a cell of one number is a number, and a struct of one no list of structs.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat

from xnect_lite.data.readers.mat_process import read_apart
from xnect_lite.errors import XnectError, install
from xnect_lite.files.untrusted import open_regular

_HDF5 = b"\x89HDF\r\n\x1a\n"
_HDF5_OFFSETS = (0, 512, 1024, 2048)  # MATLAB writes a text header of 512 bytes first


def read_mat(path: Path) -> dict[str, Any]:
    """Variables of a MATLAB file by name. Raises XnectError naming the file if it cannot be read."""
    try:
        if _is_hdf5(path):
            _require_h5py(path)
        return read_apart(path)
    except (OSError, ValueError) as error:
        cause = f"cannot be read as a MATLAB file ({getattr(error, 'strerror', None) or error})"
        raise XnectError(str(path), cause, "Fetch the file again") from error


def read_here(path: Path) -> dict[str, Any]:
    """As `read_mat`, in this process: a damaged file raises anything, or ends it."""
    if not _is_hdf5(path):
        return _read_classic(path)
    from xnect_lite.data.readers.mat_hdf5 import read_hdf5

    return read_hdf5(path)


def each(value: Any) -> list[Any]:
    """The members of a struct array or cell, in MATLAB's order; [] for what is empty or no such thing."""
    if isinstance(value, dict):
        return [value]
    return list(value.ravel(order="F")) if isinstance(value, np.ndarray) and value.dtype == object else []


def only(value: Any) -> Any:
    """The first member of a struct array or cell, None if there is none."""
    members = each(value)
    return members[0] if members else None


def number(value: Any) -> float:
    """The first number of an array, or of digits in text; NaN if there is none."""
    try:
        return float(value) if isinstance(value, str) else float(np.asarray(value, np.float64).ravel()[0])
    except (IndexError, TypeError, ValueError):
        return float("nan")


def text(value: Any) -> str:
    """Text, also out of a cell that holds one; empty if there is none."""
    value = value if isinstance(value, str) else only(value)
    return value if isinstance(value, str) else ""


def _is_hdf5(path: Path) -> bool:
    with open_regular(path) as file:
        head = file.read(_HDF5_OFFSETS[-1] + len(_HDF5))
    return any(head[at : at + len(_HDF5)] == _HDF5 for at in _HDF5_OFFSETS)


def _read_classic(path: Path) -> dict[str, Any]:
    variables = loadmat(path, struct_as_record=False, squeeze_me=False, chars_as_strings=True)
    return {name: _plain(value) for name, value in variables.items() if not name.startswith("__")}


def _plain(value: Any) -> Any:
    if hasattr(value, "_fieldnames"):
        return {name: _plain(getattr(value, name)) for name in value._fieldnames}
    if isinstance(value, np.ndarray) and value.dtype.kind in "US":
        return str(value.ravel()[0]) if value.size else ""
    if isinstance(value, np.ndarray) and value.dtype == object:
        return objects([_plain(member) for member in value.ravel()], value.shape)
    return value


def objects(members: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    """An array of ``shape`` with these members, in C order."""
    out = np.empty(len(members), object)  # filled one by one: NumPy must not look inside
    for i, member in enumerate(members):
        out[i] = member
    return out.reshape(shape)


def _require_h5py(path: Path) -> None:
    if importlib.util.find_spec("h5py") is None:
        raise XnectError(str(path), "is a MATLAB v7.3 file, and h5py is not installed", install("datasets"))
