"""Training targets: people in, maps out. The Encoding of the design, batched and vectorised on whatever device the labels are.

Coordinates use pixel centres: x_map = (x_net + .5) / stride - .5. A joint without a label is unknown, not absent: its
channels carry no loss inside its person's box. A joint that the canvas cuts off is absent.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from xnect_lite.data.labels import Labels
from xnect_lite.data.target_maps import BoneMaps, DepthMap, HeatMaps, LimbMaps
from xnect_lite.data.target_people import Cells, far_to_near, map_people


@dataclass(frozen=True)
class Targets:
    """Maps to learn and how much each cell counts. h, w: map size.

    heat       (B, 25, h, w) 24 joints and the person centre, 0..1.   heat_weight      same shape.
    pafs       (B, 25, 2, h, w) unit vectors.                         paf_weight       (B, 25, h, w); paf_on: same, on a limb.
    locations  (B, 3, 24, h, w) metres.                               location_weight  (B, 24, h, w).
    depth      (B, h, w) log(Z / f).                                  depth_weight     (B, h, w).
    """

    heat: torch.Tensor
    heat_weight: torch.Tensor
    pafs: torch.Tensor
    paf_weight: torch.Tensor
    paf_on: torch.Tensor
    locations: torch.Tensor
    location_weight: torch.Tensor
    depth: torch.Tensor
    depth_weight: torch.Tensor


def encode(labels: Labels, stride: int, width: int, height: int) -> Targets:
    """Encode the labels of a batch for a network input of (width, height).

    The k-th people of all canvases are painted together, from far to near, so that the nearer person overwrites: in composites
    by layer, else by depth where everyone has it, else by size. The device is asked for no number: that would be a wait.
    """
    count, most = labels.present.shape
    cells = Cells.of(width // stride, height // stride, labels.present.device)
    people = map_people(labels, stride)
    people = people.reordered(far_to_near(labels, people.size_net_px))
    heat, limbs, bones, depth = HeatMaps(count, cells), LimbMaps(count, cells), BoneMaps(count, cells), DepthMap(count, cells)
    for k, canvases in enumerate(labels.canvases_with or (count,) * most):
        one = people.kth(k, canvases)
        box = one.box(cells)
        heat.paint(one, box)
        limbs.paint(one, box)
        bones.paint(one)
        depth.paint(one)
    # Where somebody unlabelled may be, an empty cell says nothing; labelled people are taught there all the same.
    negative = (labels.negative_weight * ~labels.ignore)[:, None]
    return Targets(*heat.finished(negative), *limbs.finished(negative), *bones.finished(), *depth.finished())
