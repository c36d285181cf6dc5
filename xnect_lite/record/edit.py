"""Mending identities after the fact: swap, merge and cut the people of a take. The take itself is never changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from xnect_lite.errors import XnectError
from xnect_lite.record.take import TakeSummary, export_take
from xnect_lite.record.take_folder import Take, load_take, log, new_take_folder, refused, remove_take, write_info, write_poses

Edit = Callable[[Take], Take]


def swap_ids(take: Take, one: int, other: int, from_s: float = 0.0) -> Take:
    """``one`` and ``other`` change places from ``from_s`` seconds on, as when the tracker mistook them from then on.

    Raises XnectError if neither is in view from then on.
    """
    _check(take, one, other)
    later = take.t_s >= from_s
    if not (later & np.isin(take.id, (one, other))).any():
        last_s = take.t_s[np.isin(take.id, (one, other))].max()
        raise XnectError(
            f"persons {one} and {other}", f"are not in view from {from_s:g} s on; the last is seen at {last_s:.2f} s",
            "Choose an earlier time",
        )  # fmt: skip
    new = np.where(later & (take.id == one), other, take.id)
    return dataclasses.replace(take, id=np.where(later & (take.id == other), one, new))


def merge_ids(take: Take, into: int, other: int) -> Take:
    """``other`` was ``into`` all along. Raises XnectError if both are in one frame: nobody is there twice."""
    _check(take, into, other)
    both = np.intersect1d(take.frame_index[take.id == into], take.frame_index[take.id == other])
    if len(both):
        when = float(take.t_s[take.frame_index == both[0]][0])
        raise XnectError(
            f"persons {into} and {other}", f"are both in view in {len(both)} frames, first at {when:.2f} s",
            "Cut one of them first, so that no frame holds both",
        )  # fmt: skip
    return dataclasses.replace(take, id=np.where(take.id == other, into, take.id))


def cut_id(take: Take, person: int, at_s: float) -> Take:
    """From ``at_s`` seconds on, ``person`` is somebody else, under an id of their own."""
    _check(take, person)
    later = (take.id == person) & (take.t_s >= at_s)
    if not later.any() or later.sum() == (take.id == person).sum():
        times = take.t_s[take.id == person]
        raise XnectError(
            f"person {person}", f"is in view from {times.min():.2f} to {times.max():.2f} s, not on both sides of {at_s:g} s",
            "Choose a time between",
        )  # fmt: skip
    return dataclasses.replace(take, id=np.where(later, int(take.id.max()) + 1, take.id))


def edit_take(folder: str | Path, edit: Edit, what: str, out: str | Path | None = None) -> TakeSummary:
    """Write what ``edit`` makes of a take into a new folder, BVH files and all.

    what: the edit in words, for take.json and the log.
    out:  the new folder; by default one beside the take, named after it.
    Raises XnectError for a folder that is no take, an edit that cannot be, or a folder that exists or cannot be written.
    """
    folder = Path(folder)
    take = load_take(folder)
    if not len(take.every_frame_t_s):
        raise XnectError(str(folder), "holds no frames", "Choose another take")
    edited = edit(take)
    try:
        if out is None:
            out = _beside(folder)
        else:
            out = Path(out)
            out.mkdir(parents=True, exist_ok=False)
    except FileExistsError as error:
        raise XnectError(str(out), "exists already", "Choose a new folder with -o") from error
    except OSError as error:
        raise refused(Path(str(out)), error) from error
    try:
        return _write_edited(take, edited, what, out)
    except BaseException:
        remove_take(out)
        raise


def _write_edited(take: Take, edited: Take, what: str, out: Path) -> TakeSummary:
    try:
        write_poses(out, edited)
    except OSError as error:
        raise refused(out, error) from error
    history = [*take.info.get("edits", []), {"from": str(take.folder), "edit": what}]
    info = {key: value for key, value in take.info.items() if key != "job"}  # it is no longer what that job made
    write_info(out, {**info, "people": [], "edits": history})
    log(out, f"{what}, of {take.folder}")
    return export_take(out)


def _beside(folder: Path) -> Path:
    return new_take_folder(folder.resolve().parent, f"{folder.resolve().name[20:] or 'take'}_edited")


def _check(take: Take, *people: int) -> None:
    if len(set(people)) < len(people):
        raise XnectError(f"person {people[0]}", "is named twice", "Name two people")
    for person in people:
        if person not in take.ids:
            known = ", ".join(map(str, take.ids)) or "none"
            raise XnectError(str(take.folder), f"has no person {person}", f"Its people are: {known}")
