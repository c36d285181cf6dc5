"""Between crops and what networks see and say: normalised pixels, Gaussian targets, and the joint at a map's peak.

As published for MPII (HRNet's code, which DynConv and others build on).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def network_input(crops: Tensor, bgr: bool) -> Tensor:
    """(B, H, W, 3) uint8 RGB -> (B, 3, H, W) normalised, channels last.

    ``bgr``: channels the other way round, with the same constants in the same order: what published checkpoints learnt from.
    """
    image = crops.flip(-1) if bgr else crops
    mean, deviation = (image.new_tensor(values, dtype=torch.float32) for values in (_MEAN, _DEVIATION))
    return ((image.float() / 255 - mean) / deviation).permute(0, 3, 1, 2)


def gaussian_targets(places: Tensor, weight: Tensor, size: tuple[int, int], stride: int, sigma: float) -> tuple[Tensor, Tensor]:
    """Heat maps (B, J, size[1]/stride, size[0]/stride) of joints at ``places`` (B, J, 2) in crop pixels, and their weights.

    A Gaussian of ``sigma`` cells about the nearest cell, cut off three sigma away, its maximum 1. Joints so far outside that
    nothing of it would be seen, and unknown ones (NaN), get weight 0. weight (B, J).
    """
    width, height = size[0] // stride, size[1] // stride
    reach = 3 * sigma
    centre = torch.trunc(torch.nan_to_num(places, nan=-1e6) / stride + 0.5)
    limit = centre.new_tensor([width, height])
    near = ((centre - reach < limit) & (centre + reach + 1 >= 0)).all(-1)

    def falloff(at: Tensor, count: int) -> Tensor:
        away = torch.arange(count, device=at.device, dtype=at.dtype) - at[..., None]
        return torch.where(away.abs() <= reach, torch.exp(-0.5 * (away / sigma) ** 2), 0.0)

    maps = falloff(centre[..., 1], height)[..., :, None] * falloff(centre[..., 0], width)[..., None, :]
    return maps, torch.where(near, weight, torch.zeros_like(weight))


def peaks(maps: Tensor) -> tuple[Tensor, Tensor]:
    """(B, J, h, w) -> places (B, J, 2) in cells, and heights (B, J).

    The highest cell, moved a quarter towards the higher of its neighbours on each axis, except at the border.
    """
    height, width = maps.shape[-2:]
    flat = maps.float().flatten(2)
    score, best = flat.max(-1)
    x, y = best % width, best // width
    inside = (x > 1) & (x < width - 1) & (y > 1) & (y < height - 1)

    def at(index: Tensor) -> Tensor:
        return flat.gather(2, index.clamp(0, height * width - 1)[..., None])[..., 0]

    dx, dy = torch.sign(at(best + 1) - at(best - 1)), torch.sign(at(best + width) - at(best - width))
    shift = 0.25 * torch.stack([dx, dy], -1) * inside[..., None]
    return torch.stack([x, y], -1).float() + shift, score


def heat_loss(outputs: list[Tensor], target: Tensor, weight: Tensor) -> Tensor:
    """Sum over outputs of half the mean square error of the maps, each multiplied by its joint's weight (B, J)."""
    scaled = weight[..., None, None]
    losses = [0.5 * functional.mse_loss(scaled * maps.float(), scaled * target) for maps in outputs]
    return torch.stack(losses).sum()
