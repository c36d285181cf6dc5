"""People in map cells, padded to the same number on every canvas and sorted, ready to be painted into targets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch.nn import functional

from xnect_lite.data.archives.packed import send
from xnect_lite.data.labels import Labels
from xnect_lite.skeleton import TORSO

_SIGMA_AT_200_NET_PX = 1.25
_SIGMA_RANGE_MAP = (0.7, 2.0)
_TORSO = tuple(int(j) for j in TORSO)


@cache
def indices(values: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """(K,) int64 on the device. Indexing by a list would send it there every time, and wait."""
    return send(np.array(values, np.int64), device)


@dataclass(frozen=True)
class Cells:
    """A map's columns xs (w,) and rows ys (h,), float, on the device."""

    xs: torch.Tensor
    ys: torch.Tensor

    @classmethod
    def of(cls, width: int, height: int, device: torch.device) -> Cells:
        """Those of a map of this size."""
        return cls(*(torch.arange(side, device=device, dtype=torch.float32) for side in (width, height)))

    def zeros(self, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """(*shape, h, w) empty maps."""
        return torch.zeros(*shape, len(self.ys), len(self.xs), dtype=dtype, device=self.xs.device)

    def distance2(self, points: torch.Tensor) -> torch.Tensor:
        """(..., h, w) squared distances of all cells from points (..., 2)."""
        return (self.xs - points[..., :1])[..., None, :] ** 2 + (self.ys - points[..., 1:])[..., :, None] ** 2


@dataclass(frozen=True)
class MapPeople:
    """P people of B canvases; of the k-th people of n canvases, the P is missing. Whoever is not there is known nowhere.

    points    (B, P, 25, 2) joints and centre, map cells; 0 where not known.
    trust     (B, P, 25) 0 = not known.
    cut_off   (B, P, 25) bool, at a known place where the canvas, the picture or its tile shows nothing.
    sigma     (B, P) of their bells, map cells.
    low, high (B, P, 2) corners of a box around them, with a margin.
    present   (B, P) bool.
    bones_m   (B, P, 24, 3), and bone_trust (B, P, 24).
    log_depth (B, P) NaN = not known.
    size_net_px (B, P) longer side of the box around their joints, network pixels.
    """

    points: torch.Tensor
    trust: torch.Tensor
    cut_off: torch.Tensor
    sigma: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor
    present: torch.Tensor
    bones_m: torch.Tensor
    bone_trust: torch.Tensor
    log_depth: torch.Tensor
    size_net_px: torch.Tensor

    @property
    def known(self) -> torch.Tensor:
        """(B, P, 25) bool."""
        return self.trust > 0

    def reordered(self, order: torch.Tensor) -> MapPeople:
        """The same people of every canvas in another order (B, P)."""
        row = torch.arange(len(order), device=order.device)[:, None]
        return MapPeople(*(getattr(self, name)[row, order] for name in self.__dataclass_fields__))

    def kth(self, k: int, canvases: int) -> MapPeople:
        """The k-th people of the first ``canvases`` canvases."""
        return MapPeople(*(getattr(self, name)[:canvases, k] for name in self.__dataclass_fields__))

    def box(self, cells: Cells) -> torch.Tensor:
        """(n, h, w) bool: cells in the box of k-th people."""
        in_x = (cells.xs >= self.low[:, :1]) & (cells.xs <= self.high[:, :1])
        in_y = (cells.ys >= self.low[:, 1:]) & (cells.ys <= self.high[:, 1:])
        return in_y[:, :, None] & in_x[:, None, :] & self.present[:, None, None]


def map_people(labels: Labels, stride: int) -> MapPeople:
    """The labels in map cells."""
    present = labels.present[..., None]
    joints = (labels.joints_net_px + 0.5) / stride - 0.5
    known = (labels.weight_2d > 0) & present
    placed = torch.isfinite(labels.joints_net_px).all(-1) & present  # those that were cut off, too
    size = person_size_net_px(labels.joints_net_px.nan_to_num(), placed)
    low = torch.where(placed[..., None], joints, torch.inf).amin(2)
    high = torch.where(placed[..., None], joints, -torch.inf).amax(2)
    margin = 0.15 * (high - low).amax(-1, keepdim=True) + 2
    joints = torch.where(known[..., None], joints, 0.0)
    centre, has_centre = person_centre(joints, known)
    return MapPeople(
        points=torch.cat([joints, centre[:, :, None]], 2),
        trust=torch.cat([labels.weight_2d * known, has_centre[..., None].float()], 2),
        cut_off=functional.pad(placed & ~known, (0, 1)),  # the centre: never
        sigma=(_SIGMA_AT_200_NET_PX * (size / 200).sqrt()).clamp(*_SIGMA_RANGE_MAP),
        low=low - margin,
        high=high + margin,
        present=labels.present,
        bones_m=labels.bones_m,
        bone_trust=labels.weight_3d * torch.isfinite(labels.bones_m[..., 0]) * present,
        log_depth=labels.log_depth,
        size_net_px=size,
    )


def person_size_net_px(joints: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """(B, P) longer side of the box around the known joints (B, P, 24, 2), network pixels."""
    low = torch.where(known[..., None], joints, torch.inf).amin(2)
    high = torch.where(known[..., None], joints, -torch.inf).amax(2)
    return (high - low).amax(-1).clamp_min(1.0)


def person_centre(joints: torch.Tensor, known: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, P, 2) mean of the labelled shoulders and hips, and (B, P) whether at least one of each is labelled."""
    torso = indices(_TORSO, joints.device)
    has = known.index_select(2, torso)
    xy = torch.where(has[..., None], joints.index_select(2, torso), 0.0)
    centre = xy.sum(2) / has.sum(2, keepdim=True).clamp_min(1)
    return centre, has[..., :2].any(-1) & has[..., 2:].any(-1)


def far_to_near(labels: Labels, size_net_px: torch.Tensor) -> torch.Tensor:
    """(B, P) people in painting order, per canvas; those who are not there come last."""
    has_depth = (torch.isfinite(labels.log_depth) | ~labels.present).all(1, keepdim=True)
    nearness = torch.where(has_depth, -labels.log_depth.nan_to_num(), size_net_px)
    if labels.layer is not None:
        nearness = torch.where(labels.layer.isnan(), nearness, labels.layer)
    return torch.where(labels.present, nearness, torch.inf).argsort(1)
