"""Who is there when: a lane per person, with where they were measured, bridged, held, and where they are absent. No Qt."""

from __future__ import annotations

import dataclasses
import enum

import numpy as np

from xnect_lite.gui.player.frames import TakeFrames

_MAIN_SHARE = 0.3  # of the time of whoever is there most: less is no main person


class Seen(enum.IntEnum):
    """How somebody's pose in a frame is known."""

    ABSENT = 0
    MEASURED = 1
    BRIDGED = 2
    HELD = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """Frames first .. last, both counted, of one kind."""

    first: int
    last: int
    seen: Seen


@dataclasses.dataclass(frozen=True, slots=True)
class Lane:
    """One person over the take.

    spans:  in order, without those absent.
    height_m, score: of the body fitted and of being found; NaN = not known.
    frames: in which the person was measured.
    """

    id: int
    spans: tuple[Span, ...]
    height_m: float
    score: float
    frames: int

    def seen_at(self, frame: int) -> Seen:
        """How the pose in this frame is known."""
        return next((s.seen for s in self.spans if s.first <= frame <= s.last), Seen.ABSENT)


def build_lanes(frames: TakeFrames, presence: dict[int, np.ndarray] | None = None) -> list[Lane]:
    """A lane for everybody, in order of first appearance. ``presence``: identity -> (N,) of `Seen`; without it, by the rows."""
    take = frames.take
    lanes = []
    for identity in take.ids:
        rows = take.id == identity
        if presence is not None and identity in presence:
            seen = np.asarray(presence[identity]).astype(int)
        else:
            seen = np.zeros(len(frames), int)
            seen[frames.frame_of_row[rows]] = Seen.MEASURED
        score = take.person_score[rows].astype(float)
        lanes.append(
            Lane(identity, _spans(seen), _height_m(take.bone_lengths_mm[rows]), float(np.mean(score)), int(np.sum(seen == 1)))
        )
    return lanes


def main_people(lanes: list[Lane]) -> set[int]:
    """Those who are there most."""
    most = max((lane.frames for lane in lanes), default=0)
    return {lane.id for lane in lanes if lane.frames >= _MAIN_SHARE * most}


def seen_words(lane: Lane, frame: int) -> str:
    """How somebody is known in this frame, for people."""
    return {
        Seen.ABSENT: "not there",
        Seen.MEASURED: "measured",
        Seen.BRIDGED: "bridged: between two sightings",
        Seen.HELD: "held: the last pose seen",
    }[lane.seen_at(frame)]


def _spans(seen: np.ndarray) -> tuple[Span, ...]:
    edges = np.flatnonzero(np.diff(seen)) + 1
    firsts, lasts = np.concatenate([[0], edges]), np.concatenate([edges, [len(seen)]]) - 1
    pairs = zip(firsts.tolist(), lasts.tolist(), strict=True)
    return tuple(Span(a, b, Seen(int(seen[a]))) for a, b in pairs if seen[a] != Seen.ABSENT)


def _height_m(lengths_mm: np.ndarray) -> float:
    """Of the last body fitted, which is calibrated best."""
    from xnect_lite.stages.fitting.tree import stature_of

    fitted = lengths_mm[np.isfinite(lengths_mm).all(1)]
    return float(stature_of(fitted[-1].astype(float))) / 1000 if len(fitted) else float("nan")
