"""Edits of a loaded take as pure functions, and as steps that take.json can hold and that can be taken back.

A step is a plain dictionary, ``{"op": "swap", "one": 1, "other": 2, "from_s": 3.5}``: the name of a function below and its
arguments. poses.npz stays as it was recorded; reading a take replays its steps.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xnect_lite.errors import XnectError
from xnect_lite.record.names import checked_name

if TYPE_CHECKING:
    from xnect_lite.record.take_folder import Take

Step = Mapping[str, Any]


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
    names = dict(take.names)
    name = names.get(into, names.pop(other, ""))
    names.pop(other, None)
    return dataclasses.replace(
        take, id=np.where(take.id == other, into, take.id), names=names | ({into: name} if name else {}),
        wanted=_also_wanted(take, into, other),
    )  # fmt: skip


def cut_id(take: Take, person: int, at_s: float, new: int | None = None) -> Take:
    """From ``at_s`` seconds on, ``person`` is somebody else, under the id ``new``, by default the next that is free."""
    _check(take, person)
    new = int(take.id.max()) + 1 if new is None else new
    later = (take.id == person) & (take.t_s >= at_s)
    if not later.any() or later.sum() == (take.id == person).sum():
        times = take.t_s[take.id == person]
        raise XnectError(
            f"person {person}", f"is in view from {times.min():.2f} to {times.max():.2f} s, not on both sides of {at_s:g} s",
            "Choose a time between",
        )  # fmt: skip
    if new < 1 or new in take.ids:
        raise XnectError(f"id {new}", "is no free id", "Leave it out, or choose one that nobody has")
    return dataclasses.replace(take, id=np.where(later, new, take.id), wanted=_also_wanted(take, new, person))


def rename_id(take: Take, person: int, name: str) -> Take:
    """``person`` is called ``name``; "" takes the name away."""
    _check(take, person)
    names = {identity: known for identity, known in take.names.items() if identity != person}
    return dataclasses.replace(take, names=names | ({person: checked_name(name)} if name.strip() else {}))


def delete_id(take: Take, person: int) -> Take:
    """Without ``person``; everybody else keeps their number."""
    _check(take, person)
    names = {identity: name for identity, name in take.names.items() if identity != person}
    return dataclasses.replace(take.rows(take.id != person), names=names)


def trim_take(take: Take, from_s: float | None = None, to_s: float | None = None) -> Take:
    """Only what lies between these seconds, ends counted; times stay as they were. None = from the start, to the end.

    Raises XnectError if no frame is left.
    """
    first, last = -math.inf if from_s is None else from_s, math.inf if to_s is None else to_s
    frames = (take.every_frame_t_s >= first) & (take.every_frame_t_s <= last)
    if not frames.any():
        whole = f"{take.every_frame_t_s.min():.2f} to {take.every_frame_t_s.max():.2f} s" if len(frames) else "nowhere"
        raise XnectError(str(take.folder), f"has no frame from {first:g} to {last:g} s; it goes from {whole}", "Choose others")
    rows = take.rows((take.t_s >= first) & (take.t_s <= last))
    return dataclasses.replace(
        rows, every_frame_t_s=take.every_frame_t_s[frames], every_frame_index=take.every_frame_index[frames]
    )


_OPERATIONS: dict[str, tuple[Callable[..., Take], dict[str, type], str]] = {
    "swap": (swap_ids, {"one": int, "other": int, "from_s": float}, "swapped {one} and {other} from {from_s:g} s on"),
    "merge": (merge_ids, {"into": int, "other": int}, "merged {other} into {into}"),
    "cut": (cut_id, {"person": int, "at_s": float, "new": int}, "cut {person} at {at_s:g} s; {new} from there on"),
    "rename": (rename_id, {"person": int, "name": str}, "named {person} {name}"),
    "delete": (delete_id, {"person": int}, "deleted {person}"),
    "trim": (trim_take, {"from_s": float, "to_s": float}, "trimmed to {from_s:g} .. {to_s:g} s"),
}
"""Name -> function, the type of each argument, and the words for it."""


def step_problem(step: Any) -> str:
    """Why this is no step, in a few words; "" if it is one, whether or not a take allows it."""
    if not isinstance(step, Mapping) or step.get("op") not in _OPERATIONS:
        return "names no known edit"
    wanted = _OPERATIONS[step["op"]][1]
    if set(step) - {"op"} != set(wanted):
        return f"{step['op']} takes {', '.join(wanted)}"
    for name, kind in wanted.items():
        value = step[name]
        fits = isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)
        if not fits or (kind is not str and not abs(value) < 2**53):  # NaN and infinity are no times
            return f"{step['op']} has {name} {value!r}"[:80]
    return ""


def apply_step(take: Take, step: Step) -> Take:
    """``take`` after this edit. Raises XnectError where it cannot be: of nobody, or outside the take's time."""
    if problem := step_problem(step):
        raise XnectError("edit", problem, "See xnect-lite take --help")
    function, wanted, _ = _OPERATIONS[step["op"]]
    return function(take, **{name: step[name] for name in wanted})


def apply_steps(take: Take, steps: Sequence[Step]) -> Take:
    """``take`` after all of these, in order."""
    for step in steps:
        take = apply_step(take, step)
    return take


def step_words(step: Step) -> str:
    """What a step did, for people to read."""
    return _OPERATIONS[step["op"]][2].format(**step)


def _also_wanted(take: Take, identity: int, of: int) -> str | tuple[int, ...]:
    """Who is to get files once ``identity`` stands for what was ``of``: whoever was wished for does not go missing by it."""
    if isinstance(take.wanted, str) or of not in take.wanted or identity in take.wanted:
        return take.wanted
    return (*take.wanted, identity)


def _check(take: Take, *people: int) -> None:
    if len(set(people)) < len(people):
        raise XnectError(f"person {people[0]}", "is named twice", "Name two people")
    for person in people:
        if person not in take.ids:
            known = ", ".join(map(str, take.ids)) or "none"
            raise XnectError(str(take.folder), f"has no person {person}", f"Its people are: {known}")
