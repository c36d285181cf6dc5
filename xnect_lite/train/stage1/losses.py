"""Losses of Stage I. Every term is normalised by how much there was to learn, so sizes and crowds do not change its scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional

from xnect_lite.data.targets import Targets
from xnect_lite.files.values import Range, Weight


@dataclass(frozen=True)
class LossConfig:
    """Relative weights of the terms; chosen so that they stay within a factor of three of each other."""

    heat: Weight = 1.0
    paf: Weight = 1.0
    location: Weight = 1.0
    depth: Weight = 0.2
    # exponent of |target - prediction| that turns the loss towards what is still wrong
    focus: Annotated[float, Range(0, 10)] = 1.0
    paf_background: Weight = 0.15  # weight of a cell on no limb against one on a limb


def stage1_losses(maps: dict[str, Tensor], targets: Targets, config: LossConfig) -> dict[str, Tensor]:
    """Weighted terms by name; their sum is the loss. ``maps`` as XNect returns them (logits for heat), any float type."""
    logits = torch.cat([maps["heatmaps"], maps["centre"]], 1).float()
    error = (targets.heat - logits.detach().sigmoid()).abs() ** config.focus
    heat = functional.binary_cross_entropy_with_logits(logits, targets.heat, reduction="none") * error * targets.heat_weight
    # A perfect soft target still costs its entropy; that constant has no gradient and is left in.
    mass = (targets.heat * targets.heat_weight).sum().clamp_min(1.0)

    pafs = maps["pafs"].float().unflatten(1, (-1, 2))
    share = targets.paf_weight * (targets.paf_on + config.paf_background * (1 - targets.paf_on))
    paf = ((pafs - targets.pafs) ** 2).sum(2) * share
    on_limbs = (targets.paf_weight * targets.paf_on).sum().clamp_min(1.0)

    locations = maps["locations"].float().unflatten(1, (3, -1))
    location = (locations - targets.locations).abs().sum(1) * targets.location_weight
    depth = (maps["depth"][:, 0].float() - targets.depth).abs() * targets.depth_weight
    return {
        "heat": config.heat * heat.sum() / mass,
        "paf": config.paf * paf.sum() / on_limbs,
        "location": config.location * location.sum() / targets.location_weight.sum().clamp_min(1.0),
        "depth": config.depth * depth.sum() / targets.depth_weight.sum().clamp_min(1.0),
    }
