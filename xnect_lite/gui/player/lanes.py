"""Who is there when: a lane per person, with where they were measured, bridged, held, and where they are absent. No Qt."""

from __future__ import annotations

import dataclasses

import numpy as np

from xnect_lite.gui.player.frames import TakeFrames
from xnect_lite.record.presence import Presence, Span, spans
from xnect_lite.stages.fitting.tree import stature_of

_MAIN_SHARE = 0.5  # of the time of whoever is there most: less is no main person
SEEN_WORDS = {
    Presence.ABSENT: "not there",
    Presence.MEASURED: "measured",
    Presence.BRIDGED: "bridged between two sightings",
    Presence.HELD: "held: not measured",
}


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

    def presence_at(self, frame: int) -> Presence:
        """How the pose in this frame came about."""
        return next((s.presence for s in self.spans if s.first <= frame <= s.last), Presence.ABSENT)

    @property
    def words(self) -> str:
        """How many frames are of each kind, for a tooltip."""
        counts = {kind: sum(s.last - s.first + 1 for s in self.spans if s.presence is kind) for kind in Presence}
        named = ("measured", "bridged", "held")
        kinds = (Presence.MEASURED, Presence.BRIDGED, Presence.HELD)
        return ", ".join(f"{counts[kind]} {name}" for kind, name in zip(kinds, named, strict=True) if counts[kind]) + " frames"


def build_lanes(frames: TakeFrames) -> list[Lane]:
    """A lane for everybody, in order of first appearance."""
    take = frames.take
    lanes = []
    for identity in take.ids:
        rows = take.id == identity
        seen = frames.presence[identity]
        score = float(np.mean(take.person_score[rows], dtype=float))
        present = tuple(span for span in spans(seen) if span.presence is not Presence.ABSENT)
        lanes.append(
            Lane(identity, present, _height_m(take.bone_lengths_mm[rows]), score, int(np.sum(seen == Presence.MEASURED)))
        )
    return lanes


def main_people(lanes: list[Lane]) -> set[int]:
    """Those who are there most."""
    most = max((lane.frames for lane in lanes), default=0)
    return {lane.id for lane in lanes if lane.frames >= _MAIN_SHARE * most}


def _height_m(lengths_mm: np.ndarray) -> float:
    """Of the last body fitted, which is calibrated best."""
    fitted = lengths_mm[np.isfinite(lengths_mm).all(1)]
    return float(stature_of(fitted[-1].astype(float))) / 1000 if len(fitted) else float("nan")
