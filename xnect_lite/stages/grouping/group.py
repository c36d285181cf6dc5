"""From maps to people: heatmap peaks, part-affinity scores, association, and the read-out of the location maps.

Peaks and limb scores are computed with tensor operations where the maps are; only peaks, scores and the location
vectors at people's joints cross to the host. Association is greedy over all limbs at once, best first, and joins
partial people that share no joint type: no joint, the neck included, has to be there. What no limb ties together is
joined afterwards where the centre map or the line of the trunk says that it is one person (`fragments`).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from xnect_lite.config import GroupingConfig
from xnect_lite.skeleton import FLIP, MEETS, NUM_JOINTS, PARENTS, ROOT, joint_box
from xnect_lite.stages.grouping.fragments import join_fragments
from xnect_lite.stages.grouping.peaks import LIMB_A, LIMB_B, Peaks, find_peaks, sample_maps, score_limbs
from xnect_lite.types import Maps, People

__all__ = ["Peaks", "associate", "choose_bones", "find_peaks", "group_people", "read_locations", "score_limbs"]


def group_people(maps: Maps, config: GroupingConfig) -> People:
    """Everyone in the maps, best first, with joints in source pixels and bones as the location maps say.

    Where a map is not finite there is nothing: no joint, no limb, no bone.

    Args:
        maps: of one frame.
        config: thresholds, and how many people at most.
    """
    maps = dataclasses.replace(maps, heatmaps=_finite(maps.heatmaps), centre=_finite(maps.centre), pafs=_finite(maps.pafs))
    # The centre map goes through the same search as the joints', as one more of them.
    found = find_peaks(torch.cat([maps.heatmaps, maps.centre[None]]), config.peak_threshold, config.max_peaks)
    peaks = Peaks(found.xy_map[:NUM_JOINTS], found.score[:NUM_JOINTS])
    limb_scores = score_limbs(maps.pafs, peaks, config.limb_samples).cpu().numpy()
    xy_map, score = found.xy_map.cpu().numpy(), found.score.cpu().numpy()
    rows = associate(limb_scores, score[:NUM_JOINTS], config.limb_threshold)
    rows = join_fragments(rows, xy_map[:NUM_JOINTS], xy_map[NUM_JOINTS][score[NUM_JOINTS] > 0])
    return _assemble(rows, xy_map[:NUM_JOINTS], score[:NUM_JOINTS], maps, config)


def _finite(maps: torch.Tensor) -> torch.Tensor:
    """``maps`` with 0 where it is not finite."""
    return torch.nan_to_num(maps, nan=0.0, posinf=0.0, neginf=0.0)


# -- association -----------------------------------------------------------------------------------------------------


def associate(limb_scores: np.ndarray, peak_scores: np.ndarray, threshold: float) -> np.ndarray:
    """Join peaks to people. Returns (P, 24) peak index per joint, -1 = none.

    limb_scores (25, K, K), peak_scores (24, K). Pairs are taken best first; a pair starts a person, extends one with a
    joint type it lacks, or joins two people whose joint types are disjoint.
    """
    limb, a, b = np.nonzero(limb_scores > threshold)
    joint_a, joint_b = np.array(LIMB_A)[limb], np.array(LIMB_B)[limb]
    value = limb_scores[limb, a, b] * np.sqrt(peak_scores[joint_a, a] * peak_scores[joint_b, b])
    best_first = np.argsort(-value, kind="stable")
    per_joint = peak_scores.shape[1]  # peak p of joint j is number j * per_joint + p
    ones = (joint_a * per_joint + a)[best_first].tolist()
    others = (joint_b * per_joint + b)[best_first].tolist()
    owner = [-1] * (NUM_JOINTS * per_joint)
    members: list[list[int]] = []  # per person
    types: list[int] = []  # per person, a bit for every joint type it has
    for one, other in zip(ones, others, strict=True):
        person, second = owner[one], owner[other]
        if person < 0 and second < 0:
            owner[one] = owner[other] = len(members)
            members.append([one, other])
            types.append(1 << one // per_joint | 1 << other // per_joint)
            continue
        if person == second:
            continue
        if person < 0 or second < 0:
            person, free = (second, one) if person < 0 else (person, other)
            added, added_types = [free], 1 << free // per_joint
        else:
            added, added_types = members[second], types[second]
        if types[person] & added_types:
            continue  # a person has every joint once
        for peak in added:
            owner[peak] = person
        members[person] += added
        types[person] |= added_types
        if second >= 0 and added is members[second]:
            members[second] = []
    people = np.full((len(members), NUM_JOINTS), -1, np.int64)
    for row, peaks in zip(people, members, strict=True):
        row[np.array(peaks, np.int64) // per_joint] = np.array(peaks, np.int64) % per_joint
    return people[(people >= 0).any(1)]


# -- people ----------------------------------------------------------------------------------------------------------


def _assemble(rows: np.ndarray, xy_map: np.ndarray, score: np.ndarray, maps: Maps, config: GroupingConfig) -> People:
    """Turn rows of peaks into People: keep those with enough evidence, drop doubles, read the bones."""
    found = rows >= 0
    joint = np.arange(NUM_JOINTS)
    joint_score = np.where(found, score[joint, np.maximum(rows, 0)], 0.0).astype(np.float32)
    joints_map = np.where(found[..., None], xy_map[joint, np.maximum(rows, 0)], np.nan).astype(np.float32)
    # A person is as sure as its joints are on average, and surer the more of them were found.
    person_score = joint_score.sum(1) / np.maximum(found.sum(1), 1) * np.minimum(1.0, found.sum(1) / 12)
    order = np.argsort(-joint_score.sum(1), kind="stable")
    order = order[(found.sum(1) >= config.min_joints)[order] & (person_score >= config.person_threshold)[order]]
    kept = order[_first_of_their_kind(joints_map[order])][: config.max_people]
    people = People.empty(len(kept))
    if not len(kept):
        return people
    joints_map, joint_score, person_score = joints_map[kept], joint_score[kept], person_score[kept]
    people.joints_px[:] = maps.to_source(joints_map)
    people.joint_score[:] = joint_score
    people.person_score[:] = person_score
    people.locations_ray_m[:] = read_locations(maps.locations, joints_map)
    people.bones_ray_m[:] = choose_bones(people.locations_ray_m, joints_map)
    return people


def _first_of_their_kind(joints_map: np.ndarray) -> np.ndarray:
    """(P,) False for people (P, 24, 2), strongest first, who are a stronger one seen double."""
    double = _doubles(joints_map)
    keep = np.ones(len(joints_map), bool)
    for weaker in range(1, len(joints_map)):
        keep[weaker] = not (double[weaker, :weaker] & keep[:weaker]).any()
    return keep


def _doubles(joints_map: np.ndarray) -> np.ndarray:
    """(P, P) [weaker, stronger]: most of the weaker one's joints lie on the stronger one's like joints, or on those of the
    other side: of somebody seen from the side, the half that is in view is at times taken for both.
    """
    found = np.isfinite(joints_map[..., 0])
    low, high = joint_box(joints_map)
    reach = np.maximum(1.0, 0.06 * (high - low).max(-1, initial=0.0))
    near = np.zeros((len(joints_map), *found.shape), bool)
    for there in (joints_map, joints_map[:, FLIP]):
        gap = joints_map[:, None] - there[None]
        with np.errstate(invalid="ignore"):
            near |= np.hypot(gap[..., 0], gap[..., 1]) < reach[None, :, None]
    return near.sum(-1) >= 0.6 * found.sum(-1)[:, None]


def read_locations(locations: torch.Tensor, joints_map: np.ndarray) -> np.ndarray:
    """(P, 24, 3, 24) bones in metres, ray axes, read from (72, h, w) location maps.

    [p, j, :, k] is bone k as it stands at joint j. NaN at joints that were not found, and for bones that do not meet there.
    """
    found = np.isfinite(joints_map[..., 0])
    points = torch.from_numpy(np.nan_to_num(joints_map).reshape(1, -1, 2)).to(locations)
    read = sample_maps(locations[None], points)[0].T.reshape(len(joints_map), NUM_JOINTS, 3, NUM_JOINTS).cpu().numpy()
    known = found[..., None, None] & MEETS[:, None] & np.isfinite(read)
    return np.where(known, read, np.nan).astype(np.float32)


def choose_bones(read: np.ndarray, joints_map: np.ndarray) -> np.ndarray:
    """(P, 24, 3) bones parent(j) -> j of what `read_locations` gave; NaN where neither end was found.

    A bone stands in the map at both of its ends; it is read at the end that is farther from other people's like joints.
    """
    count = len(joints_map)
    found = np.isfinite(joints_map[..., 0])
    clear = np.where(found, _distance_to_others(joints_map), -1.0)
    use_parent = clear[:, PARENTS] > clear
    person, joint = np.arange(count)[:, None], np.arange(NUM_JOINTS)
    at = np.where(use_parent, PARENTS, joint)
    bones = read[person, at, :, joint]
    bones[:, ROOT] = np.nan
    return bones


def _distance_to_others(joints_map: np.ndarray) -> np.ndarray:
    """(P, 24) cells from each joint to the nearest like joint of anybody else, at most 1000; NaN joints give 1000."""
    gap = joints_map[:, None] - joints_map[None]
    gap = np.hypot(gap[..., 0], gap[..., 1])
    gap[np.arange(len(gap)), np.arange(len(gap))] = np.nan
    return np.nan_to_num(gap, nan=1000.0).min(1)
