"""The maps around one person, brought to one size, and places in them.

A crop is a square around the joints that grouping found, 1.4 times as large, GRID x GRID cells. Its coordinates run from -0.5
to 0.5 across it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from xnect_lite.models.heads import OUTPUT_CHANNELS
from xnect_lite.models.refiner import GRID
from xnect_lite.skeleton import FLIP, LIMB_FLIP, joint_box
from xnect_lite.types import Maps

_MARGIN = 1.4  # side of a crop, in lengths of the longer side of the joints' box
_LEAST_SIDE_MAP = 4.0
_JOINT_SIZE = 0.04  # standard deviation of the spot that stands for a joint, in sides of the crop


def crop_boxes(joints_map: np.ndarray) -> np.ndarray:
    """(P, 3) centre x, y and side of people's crops, map cells. joints_map (P, 24, 2), NaN = not found."""
    low, high = joint_box(joints_map)
    side = np.maximum(_MARGIN * (high - low).max(-1), _LEAST_SIDE_MAP)
    return np.concatenate([(low + high) / 2, side[:, None]], 1)


def to_crop(joints_map: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(P, J, 2) map cells -> crop coordinates."""
    return (joints_map - boxes[:, None, :2]) / boxes[:, None, 2:]


def from_crop(joints: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(P, J, 2) crop coordinates -> map cells."""
    return joints * boxes[:, None, 2:] + boxes[:, None, :2]


def crop_maps(maps: Maps, boxes: np.ndarray) -> Tensor:
    """(P, MAP_CHANNELS, GRID, GRID): square roots of heatmaps, limb fields, location maps; zero beyond the maps."""
    whole = torch.cat([maps.heatmaps.clamp_min(0).sqrt(), maps.pafs, maps.locations]).float().nan_to_num(0.0, 0.0, 0.0)
    height, width = whole.shape[-2:]
    box = torch.from_numpy(np.asarray(boxes, np.float32)).to(whole.device)
    cell = cells(whole.device)
    x = (box[:, :1] + box[:, 2:] * cell + 0.5) / width * 2 - 1
    y = (box[:, 1:2] + box[:, 2:] * cell + 0.5) / height * 2 - 1
    grid = torch.stack([x[:, None, :].expand(-1, GRID, -1), y[:, :, None].expand(-1, -1, GRID)], -1)
    # All crops are read off the maps in one go: one tall picture.
    read = functional.grid_sample(whole[None], grid.flatten(0, 1)[None], align_corners=False, padding_mode="zeros")
    return read[0].unflatten(1, (len(boxes), GRID)).transpose(0, 1)


def joint_spots(joints: Tensor, score: Tensor) -> Tensor:
    """(P, 24, GRID, GRID) a spot for each joint that was found, as high as the root of its score.

    joints (P, 24, 2) in crop coordinates, NaN = not found; score (P, 24).
    """
    return bells(joints, _JOINT_SIZE) * score.sqrt()[..., None, None]


def bells(places: Tensor, size: float) -> Tensor:
    """(P, J, GRID, GRID) bells of height 1 at ``places`` (P, J, 2), zero where one is NaN; all in crop coordinates.

    ``size`` is their standard deviation, in sides of the crop.
    """
    cell = cells(places.device)
    # A bell is a column times a row: 64 exponentials instead of 1,024.
    column, row = (torch.exp(-((cell - places[..., k : k + 1]) ** 2) / (2 * size**2)).nan_to_num(0.0) for k in (1, 0))
    return column[..., :, None] * row[..., None, :]


def map_parts(maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Heatmaps (N, 24, h, w), limb fields (N, 25, 2, h, w) and location maps (N, 3, 24, h, w) of (N, MAP_CHANNELS, h, w)."""
    heat, paf, location = maps.split([OUTPUT_CHANNELS[name] for name in ("heatmaps", "pafs", "locations")], 1)
    return heat, paf.unflatten(1, (-1, 2)), location.unflatten(1, (3, -1))


def mirrored(maps: Tensor) -> Tensor:
    """Maps (N, MAP_CHANNELS, h, w) of the mirrored person: right is left, and what points to one side points to the other."""
    heat, paf, location = map_parts(maps)
    order = torch.from_numpy(FLIP).to(maps.device)
    across = maps.new_tensor([-1.0, 1.0, 1.0])[:, None, None]
    paf = paf[:, torch.from_numpy(LIMB_FLIP).to(maps.device)] * across[:2]
    location = location[:, :, order] * across[:, None]
    return torch.cat([heat[:, order], paf.flatten(1, 2), location.flatten(1, 2)], 1).flip(-1)


def mirrored_joints(maps: Tensor) -> Tensor:
    """(N, 24, h, w) one map per joint, of the mirrored person."""
    return maps[:, torch.from_numpy(FLIP).to(maps.device)].flip(-1)


def cells(device: torch.device | str = "cpu") -> Tensor:
    """(GRID,) crop coordinates of the cells' centres."""
    return (torch.arange(GRID, device=device) + 0.5) / GRID - 0.5


def inside_picture(maps: Maps, boxes: np.ndarray) -> np.ndarray:
    """(P, GRID, GRID) whether a cell of the crop lies in the picture; around it is only the grey of the letterbox."""
    box = maps.letterbox
    pad, net = np.array([box.pad_x, box.pad_y]), np.array([box.net_width, box.net_height])
    near, far = pad / maps.stride - 0.5, (net - pad) / maps.stride - 0.5
    at = boxes[:, None, :2] + boxes[:, None, 2:] * cells().numpy()[None, :, None]
    inside = (at > near) & (at < far)
    return inside[:, :, None, 1] & inside[:, None, :, 0]
