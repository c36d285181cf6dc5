"""Labels of a batch of training canvases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from xnect_lite.skeleton import PARENTS, ROOT


@dataclass(frozen=True)
class Labels:
    """Labels of a batch, padded to P people; tensors on the device.

    joints_net_px   (B, P, 24, 2), NaN = unknown.
    weight_2d       (B, P, 24); 0 at a known place: the picture, the canvas or its tile cuts the joint off.
    bones_m         (B, P, 24, 3) bone parent(j) -> j in metres of the canonical body in ray axes, NaN = unknown.
    weight_3d       (B, P, 24).
    log_depth       (B, P) log(Z / f) of the root, Z in mm, f in network pixels, NaN = unknown.
    present         (B, P) bool.
    ignore          (B, h, w) bool map cells without loss.
    negative_weight (B, h, w).
    layer           (B, P) who is in front of whom, the nearer the greater, where people were pasted in; NaN = the canvas is no
                    composite: by depth where everyone has it, else by size. None = no canvas is one.
    canvases_with   for every k below P, how many canvases have more than k people, if those with most people come first; on
                    the host, so that nobody waits to know. None = they are in any order.
    """

    joints_net_px: torch.Tensor
    weight_2d: torch.Tensor
    bones_m: torch.Tensor
    weight_3d: torch.Tensor
    log_depth: torch.Tensor
    present: torch.Tensor
    ignore: torch.Tensor
    negative_weight: torch.Tensor
    layer: torch.Tensor | None = None
    canvases_with: tuple[int, ...] | None = None


def bones_from_joints(joints: np.ndarray) -> np.ndarray:
    """(..., 24, 3) joint positions -> (..., 24, 3) bone vectors parent(j) -> j, same unit; the root's is NaN."""
    bones = joints - joints[..., PARENTS, :]
    bones[..., ROOT, :] = np.nan
    return bones
