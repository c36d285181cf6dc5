"""Who is in a take, for how long, and who of them gets files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from xnect_lite.errors import XnectError
from xnect_lite.record.presence import counts, spans
from xnect_lite.record.take_folder import Take
from xnect_lite.record.track import is_posed

_NEARLY = 0.99  # of the least time in view: 15 frames at 30.01 a second are half a second, too
_PAUSE_S = 0.25  # a frame that stands for longer is followed by a pause
_MAIN_SHARE = 0.5  # of the time of whoever is there most


@dataclasses.dataclass(frozen=True, slots=True)
class PersonSummary:
    """One identity of a take.

    file:    person02.bvh is id 2; None = no file is made, ``skipped`` says why.
    seen_s:  time in view; first_t_s .. last_t_s may hold absences.
    frames:  in which the person was seen.
    first_frame, last_frame: of the take, from 0, with the person in them.
    measured, bridged, held, absent: how many frames of the take are so, as `presence` says.
    spans:   [first frame, last frame, kind] of all that was not measured.
    """

    id: int
    name: str
    file: str | None
    skipped: str
    first_t_s: float
    last_t_s: float
    seen_s: float
    frames: int
    first_frame: int
    last_frame: int
    measured: int
    bridged: int
    held: int
    absent: int
    spans: tuple[tuple[int, int, str], ...] = ()


def summarise(take: Take, min_person_s: float, presence: Mapping[int, np.ndarray]) -> list[PersonSummary]:
    """Who is in a take, in order of first appearance.

    min_person_s: who is seen for less gets no file.
    presence:     of each in every frame, as `presence.presence_of` has it.
    """
    lengths_s = _frame_lengths_s(take.every_frame_t_s)
    return [_summarise(take, identity, min_person_s, presence[identity], lengths_s) for identity in take.ids]


def main_people(people: Sequence[PersonSummary]) -> list[PersonSummary]:
    """Who is seen for at least half as long as whoever is seen most."""
    most_s = max((person.seen_s for person in people), default=0.0)
    return [person for person in people if person.seen_s >= _MAIN_SHARE * most_s - 1e-6]


def parse_people(text: str) -> str | tuple[int, ...]:
    """What ``--people`` says: all, main, or ids such as 1,3. Raises XnectError for anything else."""
    if text in ("all", "main"):
        return text
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() and 0 < len(part) < 10 for part in parts):
        raise XnectError(f"--people {text}", "is neither all, main nor ids", "Write for instance 1,3")
    return tuple(int(part) for part in parts)


def bvh_name(identity: int) -> str:
    """The BVH file of the person with this id."""
    return f"person{identity:02d}.bvh"


def _summarise(take: Take, identity: int, min_s: float, presence: np.ndarray, lengths_s: np.ndarray) -> PersonSummary:
    rows = take.id == identity
    times = np.unique(take.t_s[rows])
    seen = np.isin(take.every_frame_t_s, times)
    seen_s = float(lengths_s[seen].sum())
    skipped = ""
    if seen_s < _NEARLY * min_s:
        skipped = f"seen for less than {min_s:g} s"
    elif not is_posed(take.track(identity)):
        skipped = "no 3D pose"
    return PersonSummary(
        id=identity,
        name=take.names.get(identity, ""),
        file=None if skipped else bvh_name(identity),
        skipped=skipped,
        first_t_s=float(times[0]),
        last_t_s=float(times[-1]),
        seen_s=seen_s,
        frames=len(times),
        first_frame=int(seen.argmax()),
        last_frame=len(seen) - 1 - int(seen[::-1].argmax()),
        **counts(presence),
        spans=tuple((s.first, s.last, s.presence.name.lower()) for s in spans(presence) if s.presence.name != "MEASURED"),
    )


def _frame_lengths_s(every_frame_t_s: np.ndarray) -> np.ndarray:
    """(N,) seconds that each frame stands for: up to the next, where that comes without a pause."""
    if len(every_frame_t_s) < 2:
        return np.zeros(len(every_frame_t_s))
    order = np.argsort(every_frame_t_s, kind="stable")
    steps_s = np.diff(every_frame_t_s[order])
    usual_s = float(np.median(steps_s))
    out = np.empty(len(order))
    out[order] = np.minimum(np.append(steps_s, usual_s), max(_PAUSE_S, 1.5 * usual_s))
    return out
