"""MPII's groups of people who stand together: ``groups_v12.mat`` of the evalMPII toolkit."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xnect_lite.data.readers.matfile import each, read_mat
from xnect_lite.data.readers.mpii import ORIGIN
from xnect_lite.errors import XnectError

FILE = "groups_v12.mat"
TOOLKIT = f"It is part of the evaluation toolkit on {ORIGIN.page}"


def read_groups(path: Path) -> list[list[tuple[int, ...]]]:
    """Per picture of the release, in its order: its groups, each the numbers of people from 0. Raises XnectError naming it."""
    cells = read_mat(path).get("groups")
    if not isinstance(cells, np.ndarray) or cells.dtype != object:
        raise XnectError(str(path), "holds no cell array groups", TOOLKIT)
    try:
        return [[_members(group) for group in _groups(cell)] for cell in cells.ravel(order="F")]
    except (TypeError, ValueError) as error:
        raise XnectError(str(path), f"holds groups that are no numbers of people ({error})", TOOLKIT) from error


def _groups(cell: object) -> list[object]:
    """A cell of groups; one group alone may be stored without it; [] of a picture without groups."""
    inner = each(cell)
    if inner:
        return inner
    return [cell] if isinstance(cell, np.ndarray) and cell.size else []


def _members(group: object) -> tuple[int, ...]:
    members = tuple(int(k) - 1 for k in np.asarray(group, np.float64).ravel())
    if any(k < 0 for k in members):
        raise ValueError(f"person {min(members) + 1}")
    return members
