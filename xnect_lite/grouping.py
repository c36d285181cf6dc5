"""From maps to people: heatmap peaks, part-affinity scores, association, and the read-out of the location maps.

Peaks and limb scores are computed with tensor operations where the maps are; only peaks, scores and the location
vectors at people's joints cross to the host. Association is greedy over all limbs at once, best first, and joins
partial people that share no joint type: no joint, the neck included, has to be there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from xnect_lite.config import GroupingConfig
from xnect_lite.skeleton import LIMBS, MEETS, NUM_JOINTS, PARENTS, ROOT
from xnect_lite.types import Maps, People

_LIMB_A = [a for a, _ in LIMBS]
_LIMB_B = [b for _, b in LIMBS]
_SHORT_LIMB_MAP = 1.5  # below this many cells a limb's direction says little


@dataclass(frozen=True)
class Peaks:
    """Heatmap maxima, best first, padded to K per joint.

    xy_map (24, K, 2) map cells, sub-cell; score (24, K), 0 = padding.
    """

    xy_map: torch.Tensor
    score: torch.Tensor


def group_people(maps: Maps, config: GroupingConfig) -> People:
    """Everyone in the maps, best first, with joints in source pixels and bones as the location maps say."""
    peaks = find_peaks(maps.heatmaps, config.peak_threshold, config.max_peaks)
    limb_scores = score_limbs(maps.pafs, peaks, config.limb_samples)
    score = peaks.score.cpu().numpy()
    xy_map = peaks.xy_map.cpu().numpy()
    rows = associate(limb_scores.cpu().numpy(), score, config.limb_threshold)
    people = _assemble(rows, xy_map, score, maps, config)
    return people


# -- peaks -----------------------------------------------------------------------------------------------------------


def find_peaks(heatmaps: torch.Tensor, threshold: float, most: int) -> Peaks:
    """Local maxima of (24, h, w) heatmaps above ``threshold``, at most ``most`` per joint, refined below a cell."""
    joints, height, width = heatmaps.shape
    highest = functional.max_pool2d(heatmaps[None], 3, stride=1, padding=1)[0]
    is_peak = (heatmaps == highest) & (heatmaps > threshold)
    before = functional.pad(is_peak, (1, 1, 1, 0))  # of equal neighbours only the first in reading order counts
    is_peak &= ~(before[:, 1:, :-2] | before[:, :-1, :-2] | before[:, :-1, 1:-1] | before[:, :-1, 2:])
    score, index = torch.where(is_peak, heatmaps, 0.0).flatten(1).topk(min(most, height * width), dim=1)
    score = score[:, : max(1, int((score > 0).sum(1).max()))]
    index = index[:, : score.shape[1]]
    x, y = index % width, index // width
    padded = functional.pad(heatmaps[None], (1, 1, 1, 1), mode="reflect")[0].clamp_min(1e-6).log()  # no shift across borders
    joint = torch.arange(joints, device=heatmaps.device)[:, None]

    def at(dx: int, dy: int) -> torch.Tensor:
        return padded[joint, y + 1 + dy, x + 1 + dx]

    middle = at(0, 0)
    xy = torch.stack([x + _vertex(at(-1, 0), middle, at(1, 0)), y + _vertex(at(0, -1), middle, at(0, 1))], -1)
    return Peaks(xy, score)


def _vertex(before: torch.Tensor, middle: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """Where the parabola through three log values one cell apart peaks, -0.5..0.5; exact for a Gaussian."""
    bend = before - 2 * middle + after
    shift = torch.where(bend < -1e-6, 0.5 * (before - after) / bend.clamp_max(-1e-6), 0.0)
    return shift.clamp(-0.5, 0.5)


# -- limbs -----------------------------------------------------------------------------------------------------------


def score_limbs(pafs: torch.Tensor, peaks: Peaks, samples: int) -> torch.Tensor:
    """(25, K, K) agreement of the fields with the line from peak a to peak b of each limb, about -1..1; 0 = no pair.

    The mean of the field's component along the line over ``samples`` points, lowered when part of the line lies on no
    limb. Very short limbs have no reliable direction: there, the field's length counts for half.
    """
    start, end = peaks.xy_map[_LIMB_A], peaks.xy_map[_LIMB_B]  # (25, K, 2)
    line = end[:, None, :] - start[:, :, None]  # (25, Ka, Kb, 2)
    length = line.norm(dim=-1)
    share = (torch.arange(samples, device=pafs.device, dtype=line.dtype) + 0.5) / samples
    points = start[:, :, None, None] + share[:, None] * line[..., None, :]  # (25, Ka, Kb, S, 2)
    field = _sample(pafs.unflatten(0, (-1, 2)), points.flatten(1, 3)).unflatten(1, points.shape[1:4])
    unit = line / length.clamp_min(1e-3)[..., None]
    along = (field * unit[..., None, :]).sum(-1)
    score = along.mean(-1) * (along > 0.05).float().mean(-1).clamp_min(0.3)
    score = torch.where(length < _SHORT_LIMB_MAP, torch.maximum(score, 0.5 * field.norm(dim=-1).mean(-1)), score)
    real = (peaks.score[_LIMB_A][:, :, None] > 0) & (peaks.score[_LIMB_B][:, None, :] > 0)
    return torch.where(real, score, 0.0)


def _sample(maps: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """Bilinear read-out: maps (N, C, h, w) at points (N, M, 2) in cells -> (N, M, C); the border is repeated."""
    height, width = maps.shape[-2:]
    scale = torch.tensor([2 / width, 2 / height], device=maps.device, dtype=points.dtype)
    grid = (points + 0.5) * scale - 1
    read = functional.grid_sample(maps, grid[:, None], mode="bilinear", padding_mode="border", align_corners=False)
    return read[:, :, 0].transpose(1, 2)


# -- association -----------------------------------------------------------------------------------------------------


def associate(limb_scores: np.ndarray, peak_scores: np.ndarray, threshold: float) -> np.ndarray:
    """Join peaks to people. Returns (P, 24) peak index per joint, -1 = none.

    limb_scores (25, K, K), peak_scores (24, K). Pairs are taken best first; a pair starts a person, extends one with a
    joint type it lacks, or joins two people whose joint types are disjoint.
    """
    limb, a, b = np.nonzero(limb_scores > threshold)
    joint_a, joint_b = np.array(_LIMB_A)[limb], np.array(_LIMB_B)[limb]
    value = limb_scores[limb, a, b] * np.sqrt(peak_scores[joint_a, a] * peak_scores[joint_b, b])
    owner: dict[tuple[int, int], int] = {}
    rows: list[dict[int, int] | None] = []
    for i in np.argsort(-value, kind="stable"):
        one, other = (int(joint_a[i]), int(a[i])), (int(joint_b[i]), int(b[i]))
        row_one, row_other = owner.get(one), owner.get(other)
        if row_one is None and row_other is None:
            owner[one] = owner[other] = len(rows)
            rows.append(dict((one, other)))
        elif row_one is None or row_other is None:
            row, free = (row_other, one) if row_one is None else (row_one, other)
            members = rows[row]  # type: ignore[index]
            if free[0] not in members:  # type: ignore[operator]
                members[free[0]] = free[1]  # type: ignore[index]
                owner[free] = row  # type: ignore[assignment]
        elif row_one != row_other:
            members, others = rows[row_one], rows[row_other]
            if not members.keys() & others.keys():  # type: ignore[union-attr]
                members.update(others)  # type: ignore[union-attr, arg-type]
                for peak in others.items():  # type: ignore[union-attr]
                    owner[peak] = row_one
                rows[row_other] = None
    people = np.full((len(rows), NUM_JOINTS), -1, np.int64)
    for p, members in enumerate(rows):
        for joint, peak in (members or {}).items():
            people[p, joint] = peak
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
    order = [int(p) for p in order if found[p].sum() >= config.min_joints and person_score[p] >= config.person_threshold]
    kept: list[int] = []
    for p in order:
        if len(kept) < config.max_people and not any(_same_person(joints_map[p], joints_map[q]) for q in kept):
            kept.append(p)
    people = People.empty(len(kept))
    if not kept:
        return people
    joints_map, joint_score, person_score = joints_map[kept], joint_score[kept], person_score[kept]
    people.joints_px[:] = maps.letterbox.to_source((joints_map + 0.5) * maps.stride - 0.5)
    people.joint_score[:] = joint_score
    people.person_score[:] = person_score
    people.locations_ray_m[:] = read_locations(maps.locations, joints_map)
    people.bones_ray_m[:] = choose_bones(people.locations_ray_m, joints_map)
    return people


def _same_person(weaker: np.ndarray, stronger: np.ndarray) -> bool:
    """True when most of the weaker person's joints (24, 2) lie on the stronger one's like joints."""
    both = np.isfinite(weaker[:, 0]) & np.isfinite(stronger[:, 0])
    extent = np.nanmax(np.ptp(stronger[np.isfinite(stronger[:, 0])], axis=0))
    near = np.linalg.norm(weaker[both] - stronger[both], axis=-1) < max(1.0, 0.06 * extent)
    return bool(near.sum() >= 0.6 * np.isfinite(weaker[:, 0]).sum())


def read_locations(locations: torch.Tensor, joints_map: np.ndarray) -> np.ndarray:
    """(P, 24, 3, 24) bones in metres, ray axes, read from (72, h, w) location maps.

    [p, j, :, k] is bone k as it stands at joint j. NaN at joints that were not found, and for bones that do not meet there.
    """
    found = np.isfinite(joints_map[..., 0])
    points = torch.from_numpy(np.nan_to_num(joints_map).reshape(1, -1, 2)).to(locations)
    read = _sample(locations[None], points)[0].reshape(len(joints_map), NUM_JOINTS, 3, NUM_JOINTS).cpu().numpy()
    return np.where(found[..., None, None] & MEETS[:, None], read, np.nan).astype(np.float32)


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
    gap = np.linalg.norm(joints_map[:, None] - joints_map[None], axis=-1)
    gap[np.arange(len(gap)), np.arange(len(gap))] = np.nan
    return np.nan_to_num(gap, nan=1000.0).min(1)
