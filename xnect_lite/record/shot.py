"""What every format is made of: who is in the take, on which timeline, in which space."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from xnect_lite.errors import XnectError
from xnect_lite.files.npz import rows_of
from xnect_lite.record.bvh import BvhClip, BvhOptions, file_presence, person_clips, stays
from xnect_lite.record.people import PersonSummary, main_people, summarise
from xnect_lite.record.presence import GapRule, Presence, can_be_bridged, gap_rule, presence_at, presence_of
from xnect_lite.record.resample import bracket, frame_times, resample_points
from xnect_lite.record.scene import Scene, scene_of
from xnect_lite.record.steps import trim_take
from xnect_lite.record.take_folder import Take
from xnect_lite.record.track import Track, clean_track
from xnect_lite.skeleton import NUM_JOINTS

_MOST_STRETCHED, _ALWAYS_FRAMES = 10, 100_000  # of a file: so many for each frame of the take, and some besides


@dataclass(frozen=True, slots=True)
class Points:
    """Where the joints of one person are, as measured or bridged; nobody's guess stands for what was not seen.

    points_mm: (N, 24, 3) in the scene, millimetres, Y up; NaN = not known.
    joints_px: (N, 24, 2) in the picture; NaN = not known.
    score:     (N, 24) how sure; NaN = not known.
    presence:  (N,) uint8 of `Presence`.
    """

    points_mm: np.ndarray
    joints_px: np.ndarray
    score: np.ndarray
    presence: np.ndarray


@dataclass(frozen=True, slots=True)
class Shot:
    """A take as it is written: whole or an excerpt, some of its people or all.

    every:  all identities of the take.
    people: those to be written.
    times_s: (N,) of the frames of files with a steady rate; frame 0 is the take's, or the excerpt's, first.
    data_times_s: (M,) of the frames of tables: the take's own, unless a rate was asked for.
    """

    take: Take
    every: tuple[PersonSummary, ...]
    people: tuple[PersonSummary, ...]
    options: BvhOptions
    scene: Scene
    times_s: np.ndarray
    data_times_s: np.ndarray
    min_person_s: float

    def track(self, person: PersonSummary) -> Track:
        """What was seen of a person, cleaned."""
        return clean_track(self.take.track(person.id))

    def clips(self, person: PersonSummary) -> list[BvhClip]:
        """The motion of a person, gaps filled by the gap rule: one clip, or one for each stay where absences are cut out."""
        return person_clips(self.track(person), self.times_s, self.options, self.scene, self.min_person_s)

    def outline(self, person: PersonSummary) -> list[tuple[int, np.ndarray]]:
        """What `clips` would have: first frames on the timeline, and presence without frames in the rest pose."""
        presence = file_presence(self.track(person), self.times_s, self.options)
        if gap_rule(self.options.gaps) is not GapRule.CUT:
            return [(0, presence)]
        found = stays(presence, self.options.fps, self.min_person_s)
        return [(first, presence[first : last + 1]) for first, last in found]

    def points(self, person: PersonSummary, times_s: np.ndarray) -> Points:
        """The joints of a person at these times; what was measured is as it was."""
        track = self.track(person)
        sights = Track(track.t_s, track.joints_mm[:, :0].copy(), track.root_cam_mm, bridged=track.bridged)
        del track  # of long takes its joints and rotations need not be held meanwhile
        return _points(self.take, person.id, sights, times_s, self.options, self.scene)


def shot_of(
    take: Take, options: BvhOptions, *, min_person_s: float, people: str | Sequence[int] = "all", check_span: bool = True
) -> Shot:
    """The shot of ``take``.

    people: all, main (who is there for at least half as long as whoever is there most), or ids.
    Raises XnectError for options that cannot be, somebody who is not in the take or has no file, and a timeline that is
    far longer than what was recorded.
    """
    options.check()
    every = tuple(summarise(take, min_person_s, presence_of(take, options.max_gap_s, options.gaps)))
    placed = (clean_track(take.track(p.id)) for p in every if p.file and (options.floor or options.recentre))
    scene = scene_of(placed, options.up_cam, floor=options.floor, recentre=options.recentre)
    start_s, end_s = (f(take.every_frame_t_s) if len(take.every_frame_t_s) else 0.0 for f in (np.min, np.max))
    if check_span:
        _check_span(take, options.fps * float(end_s - start_s))
    times_s = frame_times(float(start_s), float(end_s), options.fps)
    own_times_s = np.unique(take.every_frame_t_s)
    return Shot(take, every, _chosen(take, every, people), options, scene, times_s, own_times_s, min_person_s)


def _chosen(take: Take, every: Sequence[PersonSummary], people: str | Sequence[int]) -> tuple[PersonSummary, ...]:
    with_file = tuple(person for person in every if person.file)
    if people == "all":
        return with_file
    if people == "main":
        return tuple(main_people(with_file))
    chosen = {int(identity) for identity in people}
    if unknown := chosen - {person.id for person in every}:
        raise XnectError(str(take.folder), f"has no person {min(unknown)}", f"Its people are {[p.id for p in every]}")
    return tuple(person for person in with_file if person.id in chosen)


def _check_span(take: Take, frames: float) -> None:
    """Raises XnectError if files would have far more frames than the take: hours for seconds, from a damaged time."""
    most = _MOST_STRETCHED * len(take.every_frame_t_s) + _ALWAYS_FRAMES
    if frames > most:
        cause = f"has {len(take.every_frame_t_s)} frames, but their times would make {frames:,.0f} frames of a BVH file"
        raise XnectError(str(take.folder), cause, f"At most {most:,} are written: mend its times, or give a lower frame rate")


def _points(take: Take, identity: int, track: Track, times_s: np.ndarray, options: BvhOptions, scene: Scene) -> Points:
    """``track``: only when and where the person was seen is read."""
    usual_s = float(np.median(np.diff(track.t_s))) if len(track.t_s) > 1 else 0.0
    presence = presence_at(times_s, track, options.max_gap_s, gap_rule(options.gaps), snap_s=0.51 * usual_s)
    rows = np.flatnonzero(take.id == identity)
    rows = rows[np.isin(take.t_s[rows], track.t_s)]
    rows = rows[np.argsort(take.t_s[rows], kind="stable")]
    rows = rows[np.append(np.diff(take.t_s[rows]) > 0, True)]
    seen_s, place_mm = take.t_s[rows], take.root_cam_mm[rows].astype(float)
    out: dict[str, np.ndarray] = {}
    for name, width in (("points_mm", 3), ("joints_px", 2), ("score", 1)):
        column = {"points_mm": take.joints_mm, "joints_px": take.joints_px, "score": take.joint_score}[name]
        values = rows_of(column, rows).astype(float)
        if name == "points_mm":
            values = 10 * scene.place_cm(values + place_mm[:, None])
        out[name] = _between(seen_s, place_mm, values.reshape(len(rows), NUM_JOINTS, width), times_s, options.max_gap_s)
        out[name][(presence != Presence.MEASURED) & (presence != Presence.BRIDGED)] = np.nan
    return Points(out["points_mm"], out["joints_px"], out["score"][..., 0], presence)


def _between(seen_s: np.ndarray, place_mm: np.ndarray, values: np.ndarray, times_s: np.ndarray, max_gap_s: float) -> np.ndarray:
    """(K, 24, C) values at ``seen_s`` -> (N, 24, C) at ``times_s``: even steps over short holes, NaN in others."""
    out = np.full((len(times_s), *values.shape[1:]), np.nan)
    for joints, known in _alike(np.isfinite(values).all(axis=2)):
        rows = np.flatnonzero(known)
        if not len(rows):
            continue
        bridged = can_be_bridged(seen_s[rows], place_mm[rows], max_gap_s)
        at = bracket(seen_s[rows], times_s, max_gap_s, bridged)
        block = values[np.ix_(rows, np.array(joints))].reshape(len(rows), -1)
        there = resample_points(block, at)
        there[at.held] = np.nan
        out[:, joints] = there.reshape(len(times_s), len(joints), -1)
    return out


def _alike(known: np.ndarray) -> Iterator[tuple[list[int], np.ndarray]]:
    """Joints that are known in the same rows, and which: (K, 24) -> [joints], (K,)."""
    groups: dict[bytes, list[int]] = {}
    for joint in range(known.shape[1]):
        groups.setdefault(known[:, joint].tobytes(), []).append(joint)
    for joints in groups.values():
        yield joints, known[:, joints[0]]


def excerpt(take: Take, in_s: float | None, out_s: float | None) -> Take:
    """The part of a take between two of its seconds. Raises XnectError if there is nothing."""
    if in_s is None and out_s is None:
        return take
    return dataclasses.replace(trim_take(take, in_s, out_s), info=take.info)
