"""MATLAB files of version 7.3, which are HDF5. Imported only where one is read: h5py is in an extra, and may crash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from xnect_lite.data.readers.matfile import objects

_DEPTH = 32


def read_hdf5(path: Path) -> dict[str, Any]:
    """Variables by name, as `matfile` describes them."""
    with h5py.File(path, "r") as file:
        return {name: _node(file, file[name], 0) for name in file if not name.startswith("#")}


def _node(file: Any, node: Any, depth: int) -> Any:
    """A group or data set. HDF5 holds MATLAB's arrays with their axes reversed."""
    if depth > _DEPTH:
        raise ValueError(f"{node.name} is nested too deep")
    kind = node.attrs.get("MATLAB_class", b"")
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    if isinstance(node, h5py.Group):
        return _struct(file, node, depth)
    if node.attrs.get("MATLAB_empty", 0):
        return "" if kind == "char" else np.zeros((0, 0), object if kind in ("cell", "struct") else np.float64)
    if h5py.check_ref_dtype(node.dtype) is not None:
        references = node[()].T
        return objects([_node(file, file[r], depth + 1) for r in references.ravel()], references.shape)
    values = np.asarray(node[()]).T
    return "".join(map(chr, values.ravel())) if kind == "char" else values


def _struct(file: Any, group: Any, depth: int) -> np.ndarray:
    """A struct (1, 1), or an array of them, whose fields are then data sets of references without a class of their own."""
    fields = {name: group[name] for name in group}
    is_array = fields and all(
        isinstance(f, h5py.Dataset) and h5py.check_ref_dtype(f.dtype) is not None and "MATLAB_class" not in f.attrs
        for f in fields.values()
    )
    values = {name: _node(file, field, depth + 1) for name, field in fields.items()}
    if not is_array:
        return objects([values], (1, 1))
    shape = next(iter(values.values())).shape
    flat = {name: value.ravel() for name, value in values.items()}
    return objects([{name: column[i] for name, column in flat.items()} for i in range(int(np.prod(shape)))], shape)
