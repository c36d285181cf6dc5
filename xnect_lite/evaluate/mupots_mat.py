"""Predictions of MuPoTS-3D as most systems save them for the published script: two .mat files, of pixels and of millimetres.

Each has a variable for every picture, ``TS1_img_000000``, people x 17 joints x 2 or 3; a joint at (0, 0) was not found.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xnect_lite.data.readers.matfile import read_mat
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.predictions import Found

_JOINTS = 17
_HINT = "Give preds_2d_kpt_mupots.mat with --predictions and preds_3d_kpt_mupots.mat with --predictions-3d"


def read_two(pixels: Path, millimetres: Path, records: Sequence[str]) -> dict[str, Found]:
    """People of every one of ``records`` ('TS1/img_000000.jpg'); 3D is taken to be in camera space.

    A picture without a variable holds nobody in these files. Raises XnectError naming the file and the variable.
    """
    flat, deep = read_mat(pixels), read_mat(millimetres)
    names = {record: record.removesuffix(".jpg").replace("/", "_") for record in records}
    if not flat.keys() & set(names.values()):
        raise XnectError(str(pixels), f"has no variable like {next(iter(names.values()))}", _HINT)
    out = {}
    for record, name in names.items():
        if (name in flat) != (name in deep):
            missing = millimetres if name in flat else pixels
            raise XnectError(str(missing), f"has no {name}, the other file has", _HINT)
        px = _people(pixels, name, flat.get(name), 2)
        mm = _people(millimetres, name, deep.get(name), 3)
        if len(px) != len(mm):
            raise XnectError(str(millimetres), f"has {len(mm)} people in {name}, {pixels.name} has {len(px)}", _HINT)
        out[record] = Found.of(np.where((px == 0).all(-1, keepdims=True), np.nan, px), np.ones(len(px)), mm)
    return out


def _people(path: Path, name: str, value: Any, axes: int) -> np.ndarray:
    """(P, 17, axes)."""
    if value is None or np.size(value) == 0:
        return np.zeros((0, _JOINTS, axes))
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError) as error:
        raise XnectError(str(path), f"{name} holds what is no number ({error})", _HINT) from error
    array = array[None] if array.shape == (_JOINTS, axes) else array  # of one person MATLAB drops the first axis at times
    if array.ndim != 3 or array.shape[1:] != (_JOINTS, axes):
        raise XnectError(str(path), f"{name} is {' x '.join(map(str, array.shape))}, not people x {_JOINTS} x {axes}", _HINT)
    bad = np.flatnonzero(~np.isfinite(array).all((1, 2)))
    if len(bad):
        raise XnectError(str(path), f"{name}, person {bad[0] + 1}, holds what is not a finite number", _HINT)
    return array
