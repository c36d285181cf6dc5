"""The second look at everybody's maps: joints move from where grouping found them, and missing ones are found.

Positions, scores and the read-out of the location maps change; who is there, and how sure grouping was of them, do not.
"""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Protocol, TypeGuard

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from xnect_lite.config import RefiningConfig
from xnect_lite.errors import XnectError
from xnect_lite.inference.devices import channels_last, choose_precision
from xnect_lite.inference.weights import find_optional, load_state_into, read_weights, verify
from xnect_lite.models.heads import ENCODING_VERSION
from xnect_lite.models.refiner import GRID, MAP_CHANNELS, Refiner
from xnect_lite.skeleton import NUM_JOINTS
from xnect_lite.stages.grouping.group import choose_bones, read_locations
from xnect_lite.stages.grouping.peaks import vertex
from xnect_lite.stages.refining.crops import (
    cells,
    crop_boxes,
    crop_maps,
    from_crop,
    inside_picture,
    joint_spots,
    mirrored,
    mirrored_joints,
    to_crop,
)
from xnect_lite.types import Maps, People

FILE_NAME = "refiner.safetensors"
_BLUR_CELLS = 1.0  # standard deviation; the best cell is the one around which a joint most probably lies
_REACH = 2  # cells on either side whose probability makes a joint's score


class Refine(Protocol):
    """What looks again: people as grouping found them, and as they are."""

    def __call__(self, people: People, maps: Maps) -> People: ...


def unrefined(people: People, maps: Maps) -> People:
    """People as grouping found them, as a `Refine`."""
    return people


class RefineNetwork:
    """Everyone of a frame at once, where the maps are."""

    def __init__(self, net: Refiner, config: RefiningConfig) -> None:
        self._net = channels_last(_folded(net))
        self._least, self._mirrored = config.least_score, config.mirrored
        self._ready: tuple[torch.device, torch.dtype] | None = None

    @torch.inference_mode()
    def __call__(self, people: People, maps: Maps) -> People:
        """Joints and their scores anew, and the bones read there. A joint that scores too little is not found."""
        if not len(people):
            return people
        before = maps.to_cells(people.joints_px)
        boxes = crop_boxes(before)
        crops = see(maps, before, people.joint_score, boxes)
        logits = self._both_ways(crops) if self._mirrored else self._answer(crops)
        inside = torch.from_numpy(inside_picture(maps, boxes)).to(logits.device)
        place, score = (value.cpu().numpy() for value in decode(logits, inside))
        found = (score >= self._least) & (score > 0)
        joints_map = np.where(found[..., None], from_crop(place, boxes), np.nan)
        score = np.where(found, score, 0.0)
        lost = ~found.any(1)  # nothing is probable anywhere: grouping's word stands
        joints_map[lost], score[lost] = before[lost], people.joint_score[lost]
        locations = read_locations(maps.locations, joints_map)
        return dataclasses.replace(
            people,
            joints_px=maps.to_source(joints_map).astype(np.float32),
            joint_score=score.astype(np.float32),
            locations_ray_m=locations,
            bones_ray_m=choose_bones(locations, joints_map),
        )

    def _both_ways(self, crops: Tensor) -> Tensor:
        """The mean answer to people and their mirror images: what is left in one is right in the other."""
        maps, spots = crops[:, :MAP_CHANNELS], crops[:, MAP_CHANNELS:]
        other = torch.cat([mirrored(maps), mirrored_joints(spots)], 1)
        answer, image = self._answer(torch.cat([crops, other]).contiguous(memory_format=torch.channels_last)).chunk(2)
        return (answer + mirrored_joints(image)) / 2

    def _answer(self, crops: Tensor) -> Tensor:
        """Logits, computed where the crops are, in what that device computes fastest."""
        if self._ready is None or self._ready[0] != crops.device:
            self._ready = crops.device, choose_precision("auto", crops.device)
            self._net.to(*self._ready)
        return self._net(crops.to(self._ready[1])).float()


def _folded(net: Refiner) -> Refiner:
    """A copy with norms folded into the convolutions before them. Nothing is traced, so threads may do it side by side."""
    net = copy.deepcopy(net).eval()
    for layer in [m for m in net.modules() if isinstance(m, nn.Sequential)]:
        if len(layer) > 1 and isinstance(layer[0], nn.Conv2d) and isinstance(layer[1], nn.BatchNorm2d):
            layer[0], layer[1] = fuse_conv_bn_eval(layer[0], layer[1]), nn.Identity()
    return net


def see(maps: Maps, joints_map: np.ndarray, score: np.ndarray, boxes: np.ndarray) -> Tensor:
    """(P, CROP_CHANNELS, GRID, GRID) of people: joints_map (P, 24, 2) map cells, score (P, 24), boxes (P, 3)."""
    crops = crop_maps(maps, boxes)
    joints = torch.from_numpy(to_crop(joints_map, boxes).astype(np.float32)).to(crops.device)
    spots = joint_spots(joints, torch.from_numpy(np.asarray(score, np.float32)).to(crops.device))
    return torch.cat([crops, spots], 1).contiguous(memory_format=torch.channels_last)


def decode(logits: Tensor, inside: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """(P, 24, 2) crop coordinates, and (P, 24) the probability of the joint's being there. logits (P, 24, GRID, GRID).

    ``inside`` (P, GRID, GRID) says where a joint can be seen at all; what is probable elsewhere counts for nothing.
    """
    probability = logits.float().flatten(2).softmax(-1).view(logits.shape)
    if inside is not None:
        probability = probability * inside[:, None]
    blur = _blur(logits.device)
    blurred = blur @ probability @ blur  # along columns and rows; a convolution takes ten times as long
    best = blurred.flatten(2).argmax(-1)
    y, x = best // GRID, best % GRID
    cell = cells(logits.device)
    near = _around(blurred, x, y, 1).clamp_min(1e-12).log()
    middle = near[..., 1, 1]
    step = torch.stack([vertex(near[..., 1, 0], middle, near[..., 1, 2]), vertex(near[..., 0, 1], middle, near[..., 2, 1])], -1)
    score = _around(probability, x, y, _REACH).sum((-1, -2)).clamp(max=1.0)
    return torch.stack([cell[x], cell[y]], -1) + step / GRID, score


def _blur(device: torch.device) -> Tensor:
    """(GRID, GRID) symmetric: what a cell gets from those of its line up to three away; beyond the border is nothing."""
    cell = torch.arange(GRID, device=device)
    distance = (cell[:, None] - cell).abs()
    whole = torch.exp(-(torch.arange(-3, 4, device=device) ** 2) / (2 * _BLUR_CELLS**2)).sum()
    return torch.exp(-(distance**2) / (2 * _BLUR_CELLS**2)) * (distance <= 3) / whole


def _around(maps: Tensor, x: Tensor, y: Tensor, reach: int) -> Tensor:
    """(P, 24, 2 reach + 1, 2 reach + 1) of (P, 24, h, w) around cells x, y (P, 24); zero beyond the border."""
    padded = functional.pad(maps, (reach,) * 4)
    span = torch.arange(2 * reach + 1, device=maps.device)
    person = torch.arange(len(maps), device=maps.device)[:, None, None, None]
    joint = torch.arange(NUM_JOINTS, device=maps.device)[:, None, None]
    return padded[person, joint, (y[..., None] + span)[..., :, None], (x[..., None] + span)[..., None, :]]


def load_refiner(path: Path) -> Refiner:
    """Build the refiner that ``path`` holds and fill it. Raises XnectError if it holds none, or another encoding's."""
    verify(path)
    state, arch = read_weights(path)
    widths = arch.get("refiner")
    if not _are_widths(widths) or arch.get("encoding") != ENCODING_VERSION:
        cause = f"holds {arch or 'an unnamed network'}, not a refiner of encoding {ENCODING_VERSION}"
        raise XnectError(str(path), cause, "Choose another file, or train one with xnect-lite train refine")
    net = Refiner((widths[0], widths[1], widths[2]))
    load_state_into(net, state, path)
    return net.eval()


def _are_widths(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and len(value) == 3 and all(isinstance(w, int) and 0 < w <= 512 for w in value)


def open_refine(config: RefiningConfig) -> Refine:
    """What ``config`` asks for: the network where there are weights, else nothing.

    Args:
        config: whether, and with which weights.

    Raises:
        XnectError: for a weight file that was named and is not there, or is another network's.
    """
    path = find_refiner(config.weights) if config.network else None
    return RefineNetwork(load_refiner(path), config) if path else unrefined


def find_refiner(given: str = "") -> Path | None:
    """The weight file to use: the one given, else the first found; None if there is none."""
    return find_optional(FILE_NAME, given, "refining.weights")
