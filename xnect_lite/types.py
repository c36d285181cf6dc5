"""What flows between the stages: Frame -> Maps -> People -> PoseResult.

Names carry units and frames: ``_px`` pixels of the source frame, ``_net_px`` pixels of the network input, ``_map`` map
cells, ``_mm`` root-relative millimetres in camera axes (x right, y down, z away), ``_cam_mm`` camera space. Integer
coordinates are pixel centres everywhere. Missing = NaN, never -1 or 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from xnect_lite.skeleton import NUM_JOINTS

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture and when it was taken.

    Attributes:
        image: (H, W, 3) uint8, RGB.
        t_s: seconds since the source was opened, by the source's own clock (presentation time stamp or capture clock).
        index: number of the frame in the source, from 0; gaps are dropped frames.
    """

    image: np.ndarray
    t_s: float
    index: int

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.image.shape[1], self.image.shape[0]


NUM_TREE_JOINTS = 21
"""Joints of the kinematic tree in `fitting.tree`."""

PAD_RGB = 114.0
"""Grey around the picture, in letterboxes and in training canvases."""


@dataclass(frozen=True, slots=True)
class Letterbox:
    """The exact relation between source and network-input pixels: one scale for both axes, the rest is padding.

    x_net = (x + .5) * scale + pad_x - .5, and likewise for y, so pixel centres map to pixel centres.
    """

    scale: float
    pad_x: float
    pad_y: float
    net_width: int
    net_height: int

    @classmethod
    def fit(cls, width: int, height: int, net_width: int, net_height: int) -> Letterbox:
        """Centre a (width, height) picture in the network input without stretching it."""
        scale = min(net_width / width, net_height / height)
        return cls(scale, (net_width - width * scale) / 2, (net_height - height * scale) / 2, net_width, net_height)

    def to_net(self, xy_px: np.ndarray) -> np.ndarray:
        """(..., 2) source pixels -> (..., 2) network-input pixels."""
        return (np.asarray(xy_px) + 0.5) * self.scale + (self.pad_x, self.pad_y) - 0.5

    def to_source(self, xy_net_px: np.ndarray) -> np.ndarray:
        """(..., 2) network-input pixels -> (..., 2) source pixels."""
        return (np.asarray(xy_net_px) + 0.5 - (self.pad_x, self.pad_y)) / self.scale - 0.5


@dataclass(frozen=True, slots=True)
class Effort:
    """What a network with masks spent on a frame.

    Attributes:
        executed_macs: multiply-adds computed.
        dense_macs: what it would compute if it skipped nothing.
        ponder: (h, w) in how many of ``blocks`` masked blocks a place of the network input was computed.
        blocks: that have a mask.
        letterbox: from the frame to the network input.
    """

    executed_macs: int
    dense_macs: int
    ponder: np.ndarray
    blocks: int
    letterbox: Letterbox


@dataclass(frozen=True, slots=True)
class RunsOn:
    """What a figure depends on besides the machine: said wherever one is printed or written.

    Attributes:
        backbone: of the network.
        device: its name.
        backend: of inference.
        precision: fp32, fp16, bf16 or int8.
    """

    backbone: str
    device: str
    backend: str
    precision: str

    def __str__(self) -> str:
        return f"{self.backbone} on {self.device}, {self.backend}, {self.precision}"


@dataclass(frozen=True, slots=True)
class Maps:
    """The network's answer for one frame, tensors on the device they were made on, no batch axis.

    Attributes:
        heatmaps: (24, h, w) in 0..1, one per joint.
        centre: (h, w) in 0..1, the person-centre map.
        pafs: (50, h, w); limb k's unit vector in channels 2k (x) and 2k + 1 (y).
        locations: (72, h, w) metres of the canonical body in viewing-ray axes, laid out x24, y24, z24.
        depth: (h, w) log(Z / f): log of millimetres per network pixel at the root.
        stride: network pixels per map cell; x_net = (x_map + .5) * stride - .5.
        letterbox: where the picture lies in the network's input.
        effort: what a network that skips computed; None = one that does not skip.
    """

    heatmaps: torch.Tensor
    centre: torch.Tensor
    pafs: torch.Tensor
    locations: torch.Tensor
    depth: torch.Tensor
    stride: int
    letterbox: Letterbox
    effort: Effort | None = None

    def to_cells(self, xy_px: np.ndarray) -> np.ndarray:
        """(..., 2) source pixels -> (..., 2) map cells."""
        return (self.letterbox.to_net(xy_px) + 0.5) / self.stride - 0.5

    def to_source(self, xy_map: np.ndarray) -> np.ndarray:
        """(..., 2) map cells -> (..., 2) source pixels."""
        return self.letterbox.to_source((np.asarray(xy_map) + 0.5) * self.stride - 0.5)


def _nan(*shape: int) -> np.ndarray:
    return np.full(shape, np.nan, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class People:
    """Everyone in one frame; each stage returns a copy with more of it filled in.

    Fitting also replaces joints_mm and root_cam_mm by those of the skeleton.

    Attributes:
        joints_px: (P, 24, 2) source pixels; NaN = not found. By grouping.
        joint_score: (P, 24) in 0..1; 0 where the joint was not detected (it may still be inferred). By grouping.
        person_score: (P,) in 0..1. By grouping.
        bones_ray_m: (P, 24, 3) bone parent(j) -> j, metres of the canonical body, viewing-ray axes. By grouping.
        locations_ray_m: (P, 24, 3, 24) every bone as it stands at each joint, NaN = none. By grouping.
        joints_mm: (P, 24, 3) root-relative, camera axes, complete once lifted. By lifting.
        spread_mm: (P, 24) expected absolute error of each of them, NaN = not known. By lifting.
        root_cam_mm: (P, 3) pelvis in camera space. By lifting.
        ids: (P,) identity, from 1, never reused in a take; 0 = none yet. By tracking.
        map_depth_mm: (P,) distance of the root by the depth map; NaN = not read. By lifting.
        rotations: (P, 21, 3, 3) of the joints of `fitting.tree` in their parents' axes, from a T-pose that faces the camera
            upright (axes x right, y up, z towards the camera); NaN = not fitted. By fitting.
        bone_lengths_mm: (P, 24) the skeleton fitted; constant once calibrated. NaN = not fitted. By fitting.
        foot_stands: (P, 2) whether the left and the right foot stand. By fitting.
    """

    joints_px: np.ndarray
    joint_score: np.ndarray
    person_score: np.ndarray
    bones_ray_m: np.ndarray
    locations_ray_m: np.ndarray
    joints_mm: np.ndarray
    spread_mm: np.ndarray
    root_cam_mm: np.ndarray
    ids: np.ndarray
    map_depth_mm: np.ndarray
    rotations: np.ndarray
    bone_lengths_mm: np.ndarray
    foot_stands: np.ndarray

    @classmethod
    def empty(cls, count: int = 0) -> People:
        """``count`` people of whom nothing is known."""
        return cls(
            joints_px=_nan(count, NUM_JOINTS, 2),
            joint_score=np.zeros((count, NUM_JOINTS), np.float32),
            person_score=np.zeros(count, np.float32),
            bones_ray_m=_nan(count, NUM_JOINTS, 3),
            locations_ray_m=_nan(count, NUM_JOINTS, 3, NUM_JOINTS),
            joints_mm=_nan(count, NUM_JOINTS, 3),
            spread_mm=_nan(count, NUM_JOINTS),
            root_cam_mm=_nan(count, 3),
            ids=np.zeros(count, np.int64),
            map_depth_mm=_nan(count),
            rotations=_nan(count, NUM_TREE_JOINTS, 3, 3),
            bone_lengths_mm=_nan(count, NUM_JOINTS),
            foot_stands=np.zeros((count, 2), bool),
        )

    def __len__(self) -> int:
        return len(self.joints_px)

    def take(self, rows: np.ndarray) -> People:
        """The people of these rows, in this order. ``rows``: indices or a boolean mask."""
        return People(*(getattr(self, name)[rows] for name in self.__slots__))

    @property
    def joints_cam_mm(self) -> np.ndarray:
        """(P, 24, 3) joints in camera space."""
        return self.joints_mm + self.root_cam_mm[:, None]


@dataclass(frozen=True, slots=True)
class Floor:
    """Which way is up and how high the camera hangs.

    Attributes:
        up_cam: (3,) unit vector in camera axes.
        height_mm: of the camera above the floor, in the scale people were placed in; NaN = not known.
    """

    up_cam: np.ndarray
    height_mm: float


@dataclass(frozen=True, slots=True)
class PoseResult:
    """What the pipeline says of one frame.

    Attributes:
        frame: the frame it is about; overlays are drawn on this picture and on no other.
        people: everyone found.
        focal_px: focal length used, in source pixels.
        timings_ms: stage name -> milliseconds, in the order of the stages.
        floor: which way is up, as far as is known by now; None = nobody asked.
        effort: what a network that skips spent on the frame; None = one that does not skip.
    """

    frame: Frame
    people: People
    focal_px: float
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    floor: Floor | None = None
    effort: Effort | None = None
