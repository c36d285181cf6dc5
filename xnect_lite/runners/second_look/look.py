"""The second look: who is who, which side is which and where the film is cut, decided over the whole clip, and then everything
after the network once more."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from xnect_lite.pipeline import Pipeline
from xnect_lite.record.journal import records_of
from xnect_lite.record.take_folder import Take, take_of_records
from xnect_lite.runners.second_look.cuts import find_cuts
from xnect_lite.runners.second_look.identities import Stay, joined
from xnect_lite.runners.second_look.sides import exchanged_sides
from xnect_lite.runners.second_look.sightings import Sightings
from xnect_lite.skeleton import FLIP, NUM_JOINTS
from xnect_lite.stages.tracking.tracker import Tracker
from xnect_lite.types import People

_MOST_CLOTHES = 200  # sightings of one person whose clothes are looked at


def look_again(take: Take, sightings: Sightings, pipeline: Pipeline) -> tuple[Take, dict[str, Any]]:
    """``take`` as it would have been had everything been known that ``sightings`` of the same frames hold, and what was found
    out, for take.json: cuts_t_s, and joined, from number to number.

    ``pipeline`` is used, and forgets whoever it knew.
    """
    if not len(sightings):
        return take, {}
    cuts = find_cuts(sightings.summaries, [people.joints_px for _, people, _ in sightings])
    exchanges = _exchanges(sightings, pipeline, cuts)
    records, worn = _follow_again(sightings, pipeline, cuts, exchanges)
    again = take_of_records(np.concatenate(records), take.folder, take.info)
    names = joined(_stays(again, worn, cuts))
    again = dataclasses.replace(again, id=np.array([names.get(i, i) for i in again.id.tolist()], again.id.dtype))
    note = {"cuts_t_s": [float(again.every_frame_t_s[f]) for f in cuts], "joined": {str(a): b for a, b in names.items()}}
    return again, note


def exchange(people: People, sides: np.ndarray) -> People:
    """``people`` with those joints that ``sides`` (P, 24) names taken from the other side, and what the maps say there."""
    locations = people.locations_ray_m[:, FLIP][..., FLIP]
    return dataclasses.replace(
        people,
        joints_px=np.where(sides[..., None], people.joints_px[:, FLIP], people.joints_px),
        joint_score=np.where(sides, people.joint_score[:, FLIP], people.joint_score),
        bones_ray_m=np.where(sides[..., None], people.bones_ray_m[:, FLIP], people.bones_ray_m),
        locations_ray_m=np.where(sides[:, :, None, None], locations, people.locations_ray_m),
    )


def _exchanges(sightings: Sightings, pipeline: Pipeline, cuts: Sequence[int]) -> list[np.ndarray]:
    """For each frame (P, 24), the joints of everybody detected that are those of the other side."""
    tracker, seen = Tracker(pipeline.config.tracking), dict[int, list[tuple[int, int, float, np.ndarray, np.ndarray]]]()
    out = []
    for number, (frame, people, clothes) in enumerate(sightings):
        if number in cuts:
            tracker.cut()
        numbered = dataclasses.replace(people, map_depth_mm=np.arange(len(people), dtype=np.float32))  # rows come back with it
        for person in _rows(tracker.update(numbered, frame.t_s, clothes)):
            row = int(person.map_depth_mm[0])
            sighting = (number, row, frame.t_s, people.joints_px[row], people.joint_score[row])
            seen.setdefault(int(person.ids[0]), []).append(sighting)
        out.append(np.zeros((len(people), NUM_JOINTS), bool))
    for sighted in seen.values():
        joints_px, score = (np.stack([one[k] for one in sighted]).astype(np.float64) for k in (3, 4))
        sides = exchanged_sides(joints_px, score, np.array([one[2] for one in sighted]))
        for (number, row, *_), exchanged in zip(sighted, sides, strict=True):
            out[number][row] = exchanged
    return out


def _rows(people: People) -> list[People]:
    return [people.take(np.array([row])) for row in range(len(people))]


def _follow_again(
    sightings: Sightings, pipeline: Pipeline, cuts: Sequence[int], exchanges: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], dict[int, list[np.ndarray]]]:
    """The records of every frame, and what everybody wears (2, 3), sighting by sighting."""
    pipeline.reset()
    records, worn = [], dict[int, list[np.ndarray]]()
    for number, (frame, people, clothes) in enumerate(sightings):
        if number in cuts:
            pipeline.cut()
        numbered = dataclasses.replace(exchange(people, exchanges[number]), person_score=people.person_score)
        result = pipeline.follow(pipeline.lift(frame, numbered), clothes)
        records.append(records_of(result))
        for identity, joints_px in zip(result.people.ids.tolist(), result.people.joints_px, strict=True):
            wears = clothes[_nearest(joints_px, people.joints_px)]
            if len(worn.setdefault(identity, [])) < _MOST_CLOTHES:
                worn[identity].append(wears)
    return records, worn


def _nearest(joints_px: np.ndarray, people_px: np.ndarray) -> int:
    """Row of people_px (P, 24, 2) whose joints are nearest to joints_px (24, 2)."""
    away = np.linalg.norm(people_px - joints_px, axis=-1)
    known = np.isfinite(away)
    mean = np.where(known, away, 0.0).sum(1) / np.maximum(known.sum(1), 1)
    return int(np.where(known.any(1), mean, np.inf).argmin())


def _stays(take: Take, worn: dict[int, list[np.ndarray]], cuts: Sequence[int]) -> dict[int, Stay]:
    """Everybody's stay, by number."""
    starts = take.every_frame_t_s[list(cuts)]
    stays = {}
    for identity in take.ids:
        rows = np.flatnonzero(take.id == identity)
        rows = rows[np.argsort(take.t_s[rows], kind="stable")]
        clothes = np.stack(worn[identity])
        known = np.isfinite(clothes).any(0)
        colours = np.where(known, np.nanmedian(np.where(known, clothes, 0.0), axis=0), np.nan)
        shot = int(np.searchsorted(starts, take.t_s[rows[0]], side="right"))
        stays[identity] = Stay(take.t_s[rows], take.joints_px[rows].astype(np.float64), colours, shot)
    return stays
