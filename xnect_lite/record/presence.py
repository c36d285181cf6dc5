"""Which frames of whom were measured, which are bridged, which merely held, and in which nobody was there.

A take holds what was seen. What stands between two sights of a person is decided here, once, for the app, for `take show` and
for every file that is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xnect_lite.errors import XnectError
from xnect_lite.record.track import Track, clean_track

if TYPE_CHECKING:
    from xnect_lite.record.take_folder import Take

LONGEST_BRIDGE_S = 0.5
_SURE_MM, _FASTEST_MM_S = 500.0, 6000.0  # a depth that is off, and a runner; who got farther was not followed
_SNAP_S = 1e-6


class Presence(IntEnum):
    """How a person's pose in a frame came about.

    ABSENT    before the first sight, after the last, and in long absences where those are cut out or hidden. A file that needs
              a pose there repeats the nearest.
    MEASURED  seen in this frame.
    BRIDGED   interpolated over an absence that is short and whose ends a person can have come between.
    HELD      in a longer absence between two sights: a pose that nobody measured, as the gap rule makes it.
    """

    ABSENT = 0
    MEASURED = 1
    BRIDGED = 2
    HELD = 3


class GapRule(str, Enum):
    """What stands in an absence that cannot be bridged.

    EASE  the motion runs out over a few frames, the person goes over to where they are seen again, and takes up their motion.
    HOLD  the last pose stands until the person is seen again.
    CUT   files end with the last sight, and a new one begins with the next.
    HIDE  the last pose stands below the floor, out of sight.
    """

    EASE = "ease"
    HOLD = "hold"
    CUT = "cut"
    HIDE = "hide"


class Span(NamedTuple):
    """Frames ``first`` .. ``last``, both counted, that are alike."""

    first: int
    last: int
    presence: Presence


def can_be_bridged(t_s: np.ndarray, place_mm: np.ndarray, max_gap_s: float) -> np.ndarray:
    """(K - 1,) whether what lies between each sight and the next is short and plausible.

    ``t_s`` (K,) increasing seconds of the sights; ``place_mm`` (K, 3) of the hips, NaN = not known, which tells nothing.
    """
    gap_s = np.diff(t_s)
    way_mm = np.linalg.norm(np.diff(np.asarray(place_mm, float), axis=0), axis=1)
    return (gap_s <= max_gap_s + _SNAP_S) & ~(way_mm > _SURE_MM + _FASTEST_MM_S * gap_s)


def presence_at(
    wanted_s: np.ndarray,
    track: Track,
    max_gap_s: float = LONGEST_BRIDGE_S,
    rule: GapRule = GapRule.EASE,
    snap_s: float = _SNAP_S,
) -> np.ndarray:
    """(N,) uint8 of `Presence` of a person at times ``wanted_s`` (N,).

    track:  cleaned (`track.clean_track`).
    snap_s: a time this close to a sight is measured; so is any time between sights no farther apart than two such.
    """
    sight_s, bridgeable = track.t_s, can_be_bridged(track.t_s, track.root_cam_mm, max_gap_s)
    out = np.full(len(wanted_s), Presence.HELD if rule in (GapRule.EASE, GapRule.HOLD) else Presence.ABSENT, np.uint8)
    last = len(sight_s) - 1
    lower = np.clip(np.searchsorted(sight_s, wanted_s + _SNAP_S, side="right") - 1, 0, last)
    upper = np.minimum(lower + 1, last)
    outside = (wanted_s < sight_s[0]) | (wanted_s > sight_s[-1])
    between = np.append(bridgeable, False)[lower] & ~outside
    out[between] = Presence.BRIDGED
    out[outside] = Presence.ABSENT
    close = sight_s[upper] - sight_s[lower] <= 2 * snap_s
    nearer = np.where(np.abs(wanted_s - sight_s[lower]) <= np.abs(sight_s[upper] - wanted_s), lower, upper)
    seen = (np.abs(wanted_s - sight_s[nearer]) <= snap_s) | (close & between)
    filled = np.zeros(len(sight_s), bool) if track.bridged is None else track.bridged
    out[seen] = np.where(filled[nearer[seen]], Presence.BRIDGED, Presence.MEASURED)
    return out


def presence_of(take: Take, max_gap_s: float | None = None, rule: GapRule | str | None = None) -> dict[int, np.ndarray]:
    """id -> (N,) uint8 of `Presence`, one for each of ``take.every_frame_t_s``; by default with the take's own gap rule.

    Who has no 3D pose at all is measured wherever there is a row of them.
    """
    recorded_gap_s, recorded_rule = gap_rule_of(take.info)
    max_gap_s = recorded_gap_s if max_gap_s is None else max_gap_s
    rule = recorded_rule if rule is None else gap_rule(rule)
    return {identity: _of_person(take, identity, max_gap_s, rule) for identity in take.ids}


def _of_person(take: Take, identity: int, max_gap_s: float, rule: GapRule) -> np.ndarray:
    track = take.track(identity)
    try:
        return presence_at(take.every_frame_t_s, clean_track(track), max_gap_s, rule)
    except XnectError:  # never a 3D pose
        return np.where(np.isin(take.every_frame_t_s, track.t_s), Presence.MEASURED, Presence.ABSENT).astype(np.uint8)


def gap_rule_of(info: Mapping[str, Any]) -> tuple[float, GapRule]:
    """(longest gap bridged in seconds, rule for longer ones) that take.json names."""
    bvh = info.get("bvh", {})
    return float(bvh.get("max_gap_s", LONGEST_BRIDGE_S)), gap_rule(bvh.get("gaps", GapRule.EASE))


def gap_rule(name: str | GapRule) -> GapRule:
    """The rule of this name. Raises XnectError for another."""
    try:
        return GapRule(name)
    except ValueError:
        raise XnectError(f"gap rule {name}", "is not known", f"Choose {', '.join(GapRule)}") from None


def spans(presence: np.ndarray) -> list[Span]:
    """The runs of like frames in (N,) presences, in order."""
    if not len(presence):
        return []
    starts = np.concatenate([[0], np.flatnonzero(np.diff(presence.astype(int))) + 1])
    ends = np.append(starts[1:], len(presence)) - 1
    return [Span(int(a), int(b), Presence(int(presence[a]))) for a, b in zip(starts, ends, strict=True)]


def counts(presence: np.ndarray) -> dict[str, int]:
    """How many frames are of each kind, by its name in small letters."""
    return {kind.name.lower(): int((presence == kind).sum()) for kind in Presence}
