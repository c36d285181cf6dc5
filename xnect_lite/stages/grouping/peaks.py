"""Where joints and limbs stand in the maps: heatmap peaks below a cell, and how well each pair of them fits the limb fields.

All of it is tensor operations where the maps are, so that only peaks and scores cross to the host.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from xnect_lite.skeleton import LIMBS

LIMB_A = [a for a, _ in LIMBS]
LIMB_B = [b for _, b in LIMBS]
_MOST_PARTNERS = 32  # of a peak: a limb leads to one of the nearest peaks of its other end, however many people there are
_SHORT_LIMB_MAP = 1.5  # below this many cells a limb's direction says little


@dataclass(frozen=True)
class Peaks:
    """Heatmap maxima, best first, padded to K per joint.

    xy_map (24, K, 2) map cells, sub-cell; score (24, K), 0 = padding.
    """

    xy_map: torch.Tensor
    score: torch.Tensor


def find_peaks(heatmaps: torch.Tensor, threshold: float, most: int) -> Peaks:
    """Local maxima of (24, h, w) heatmaps above ``threshold``, at most ``most`` per joint, refined below a cell."""
    joints, height, width = heatmaps.shape
    highest = _highest_of_3x3(heatmaps)
    is_peak = (heatmaps == highest) & (heatmaps > threshold)
    before = functional.pad(is_peak, (1, 1, 1, 0))  # of equal neighbours only the first in reading order counts
    is_peak &= ~(before[:, 1:, :-2] | before[:, :-1, :-2] | before[:, :-1, 1:-1] | before[:, :-1, 2:])
    score, index = torch.where(is_peak, heatmaps, 0.0).flatten(1).topk(min(most, height * width), dim=1)
    score = score[:, : max(1, int((score > 0).sum(1).max()))]
    index = index[:, : score.shape[1]]
    x, y = index % width, index // width
    padded = functional.pad(heatmaps[None], (1, 1, 1, 1), mode="reflect")[0]  # no shift across borders
    joint = torch.arange(joints, device=heatmaps.device)[:, None]

    def at(dx: int, dy: int) -> torch.Tensor:
        return padded[joint, y + 1 + dy, x + 1 + dx].clamp_min(1e-6).log()

    middle = at(0, 0)
    xy = torch.stack([x + vertex(at(-1, 0), middle, at(1, 0)), y + vertex(at(0, -1), middle, at(0, 1))], -1)
    return Peaks(xy, score)


def _highest_of_3x3(maps: torch.Tensor) -> torch.Tensor:
    """(N, h, w) -> the same, each cell the greatest of its neighbourhood; ten times faster on a CPU than max_pool2d."""
    wide = functional.pad(maps, (1, 1, 0, 0), value=-torch.inf)
    across = torch.maximum(torch.maximum(wide[..., :-2], wide[..., 1:-1]), wide[..., 2:])
    tall = functional.pad(across, (0, 0, 1, 1), value=-torch.inf)
    return torch.maximum(torch.maximum(tall[:, :-2], tall[:, 1:-1]), tall[:, 2:])


def vertex(before: torch.Tensor, middle: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """Where the parabola through three log values one cell apart peaks, -0.5..0.5; exact for a Gaussian."""
    bend = before - 2 * middle + after
    shift = torch.where(bend < -1e-6, 0.5 * (before - after) / bend.clamp_max(-1e-6), 0.0)
    return shift.clamp(-0.5, 0.5)


def score_limbs(pafs: torch.Tensor, peaks: Peaks, samples: int) -> torch.Tensor:
    """(25, K, K) agreement of the fields with the line from peak a to peak b of each limb, about -1..1; 0 = no pair.

    The mean of the field's component along the line over ``samples`` points, lowered when part of the line lies on no
    limb. Very short limbs have no reliable direction: there, the field's length counts for half.
    """
    start, end = peaks.xy_map[LIMB_A], peaks.xy_map[LIMB_B]  # (25, K, 2)
    count = end.shape[1]
    partner = None
    if count > _MOST_PARTNERS:  # else all of them: time grows with the number of peaks, not with its square
        away = (end[:, None, :] - start[:, :, None]).square().sum(-1)
        away = torch.where(peaks.score[LIMB_B][:, None, :] > 0, away, torch.inf)
        partner = away.topk(_MOST_PARTNERS, dim=2, largest=False).indices  # (25, Ka, M)
        end = end[torch.arange(len(end), device=end.device)[:, None, None], partner]  # (25, Ka, M, 2)
        line = end - start[:, :, None]
    else:
        line = end[:, None, :] - start[:, :, None]  # (25, Ka, Kb, 2)
    length = (line * line).sum(-1).sqrt()  # torch.norm is many times slower on a CPU
    share = (torch.arange(samples, device=pafs.device, dtype=line.dtype) + 0.5) / samples
    points = start[:, :, None, None] + share[:, None] * line[..., None, :]  # (25, Ka, Kb, S, 2)
    field = sample_maps(pafs.unflatten(0, (-1, 2)), points.flatten(1, 3)).unflatten(2, points.shape[1:4])
    field_x, field_y = field[:, 0], field[:, 1]  # (25, Ka, Kb, S)
    unit = line / length.clamp_min(1e-3)[..., None]
    along = field_x * unit[..., :1] + field_y * unit[..., 1:]
    score = along.mean(-1) * (along > 0.05).float().mean(-1).clamp_min(0.3)
    strength = 0.5 * (field_x * field_x + field_y * field_y).sqrt().mean(-1)
    score = torch.where(length < _SHORT_LIMB_MAP, torch.maximum(score, strength), score)
    if partner is not None:
        score = score.new_zeros(*score.shape[:2], count).scatter_(2, partner, score)
    real = (peaks.score[LIMB_A][:, :, None] > 0) & (peaks.score[LIMB_B][:, None, :] > 0)
    return torch.where(real, score, 0.0)


def sample_maps(maps: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """Bilinear read-out: maps (N, C, h, w) at points (N, M, 2) in cells -> (N, C, M); the border is repeated."""
    height, width = maps.shape[-2:]
    scale = torch.tensor([2 / width, 2 / height], device=maps.device, dtype=points.dtype)
    grid = (points + 0.5) * scale - 1
    read = functional.grid_sample(maps, grid[:, None], mode="bilinear", padding_mode="border", align_corners=False)
    return read[:, :, 0]
