"""Targets canvas by canvas and person by person: what `data.targets.encode` does for whole batches. Slow and plain."""

from __future__ import annotations

import dataclasses

import torch

from xnect_lite.data.labels import Labels
from xnect_lite.data.target_maps import BONE_RADIUS_MAP, LIMB_RADIUS_MAP
from xnect_lite.data.targets import Targets
from xnect_lite.skeleton import INDEX, LIMBS, NUM_JOINTS, NUM_LIMBS, PARENTS, ROOT, TORSO

CENTRE = NUM_JOINTS


def literal_targets(labels: Labels, stride: int, width: int, height: int) -> Targets:
    """As `encode`."""
    canvases = [_Canvas(labels, b, stride, width // stride, height // stride).targets() for b in range(len(labels.present))]
    return Targets(*(torch.stack([getattr(one, f.name) for one in canvases]) for f in dataclasses.fields(Targets)))


class _Canvas:
    def __init__(self, labels: Labels, b: int, stride: int, w: int, h: int) -> None:
        self.labels, self.b, self.stride = labels, b, stride
        self.ys, self.xs = torch.meshgrid(torch.arange(h).float(), torch.arange(w).float(), indexing="ij")

    def targets(self) -> Targets:
        labels, b, (h, w) = self.labels, self.b, self.xs.shape
        heat, positive = torch.zeros(2, CENTRE + 1, h, w)
        unknown = torch.zeros(CENTRE + 1, h, w, dtype=torch.bool)
        paf_sum, paf_hits, paf_trust = torch.zeros(NUM_LIMBS, 2, h, w), *torch.zeros(2, NUM_LIMBS, h, w)
        paf_unknown = torch.zeros(NUM_LIMBS, h, w, dtype=torch.bool)
        locations, location_weight = torch.zeros(3, NUM_JOINTS, h, w), torch.zeros(NUM_JOINTS, h, w)
        depth, depth_weight = torch.zeros(2, h, w)
        for p in self.far_to_near():
            points, trust, size, (low, high) = self.person(p)
            sigma = (1.25 * (size / 200).sqrt()).clamp(0.7, 2.0)
            margin = 0.15 * (high - low).amax() + 2
            lo, hi = low - margin, high + margin
            box = (self.xs >= lo[0]) & (self.xs <= hi[0]) & (self.ys >= lo[1]) & (self.ys <= hi[1])
            for j in range(CENTRE + 1):
                if trust[j] > 0:
                    gx = torch.exp(-0.5 * ((self.xs - points[j, 0]) / sigma) ** 2)
                    bell = torch.exp(-0.5 * ((self.ys - points[j, 1]) / sigma) ** 2) * gx
                    positive[j] = torch.where((bell > heat[j]) & (bell > 0.02), trust[j], positive[j])
                    heat[j] = torch.maximum(heat[j], bell)
                elif j == CENTRE or not torch.isfinite(labels.joints_net_px[b, p, j]).all():
                    unknown[j] |= box
            for k, (a, c) in enumerate(LIMBS):
                along = points[c] - points[a]
                length = along[None].norm(dim=-1)[0].clamp_min(1e-3)
                if trust[a] > 0 and trust[c] > 0 and length > 1e-2:
                    unit = along / length
                    dx, dy = self.xs - points[a, 0], self.ys - points[a, 1]
                    forth, aside = dx * unit[0] + dy * unit[1], dx * unit[1] - dy * unit[0]
                    on = (aside.abs() <= LIMB_RADIUS_MAP) & (forth >= -LIMB_RADIUS_MAP) & (forth <= length + LIMB_RADIUS_MAP)
                    paf_sum[k] += on * unit[:, None, None]
                    paf_hits[k] += on
                    paf_trust[k] = torch.where(on, torch.maximum(paf_trust[k], torch.minimum(trust[a], trust[c])), paf_trust[k])
                else:
                    paf_unknown[k] |= box
            near = torch.stack([self.within(points[j]) if trust[j] > 0 else torch.zeros_like(box) for j in range(NUM_JOINTS)])
            for j in range(NUM_JOINTS):
                here, bone = near[j] | near[PARENTS[j]], labels.bones_m[b, p, j]
                known = torch.isfinite(bone[0])
                location_weight[j] = torch.where(here, labels.weight_3d[b, p, j] * known, location_weight[j])
                locations[:, j] = torch.where(here, bone.nan_to_num()[:, None, None], locations[:, j])
            log_z = labels.log_depth[b, p]
            for j in (INDEX["pelvis"], CENTRE):
                if trust[j] > 0:
                    here = self.within(points[j])
                    depth = torch.where(here, log_z.nan_to_num(), depth)
                    depth_weight = torch.where(here, torch.isfinite(log_z).float(), depth_weight)
        negative = labels.negative_weight[b] * ~labels.ignore[b]
        on = paf_hits > 0
        location_weight[ROOT] = 0
        heat_weight = torch.where(positive > 0, positive, torch.where(unknown, 0.0, negative))
        paf_weight = torch.where(on, paf_trust, torch.where(paf_unknown, 0.0, negative))
        pafs = paf_sum / paf_hits.clamp_min(1)[:, None]
        bones = locations, location_weight
        return Targets(heat, heat_weight, pafs, paf_weight, on.float(), *bones, depth, depth_weight)

    def far_to_near(self) -> list[int]:
        """By layer where there is one, else by depth where everyone has it, else by size."""
        labels, b = self.labels, self.b
        people = torch.nonzero(labels.present[b]).flatten().tolist()
        by_depth = torch.isfinite(labels.log_depth[b, people]).all()
        nearness = {p: float(-labels.log_depth[b, p] if by_depth else self.person(p)[2]) for p in people}
        if labels.layer is not None:
            nearness = {p: near if labels.layer[b, p].isnan() else float(labels.layer[b, p]) for p, near in nearness.items()}
        return sorted(people, key=nearness.__getitem__)

    def person(self, p: int):
        """(25, 2) map cells, (25,) trust, size in network pixels, and low and high corner of the placed joints in map cells."""
        xy, weight = self.labels.joints_net_px[self.b, p], self.labels.weight_2d[self.b, p]
        placed = torch.isfinite(xy).all(-1)
        joints = (xy + 0.5) / self.stride - 0.5
        low, high = joints[placed].amin(0), joints[placed].amax(0)
        size = (xy[placed].amax(0) - xy[placed].amin(0)).amax().clamp_min(1.0)
        torso = [int(j) for j in TORSO]
        has = weight[torso] > 0
        centre = torch.where(has[:, None], joints[torso], 0.0).sum(0) / has.sum().clamp_min(1)
        both = (has[:2].any() & has[2:].any()).float()
        points = torch.cat([torch.where((weight > 0)[:, None], joints, 0.0), centre[None]])
        return points, torch.cat([weight, both[None]]), size, (low, high)

    def within(self, point: torch.Tensor) -> torch.Tensor:
        """(h, w) bool: next to a point."""
        return (self.xs - point[0]) ** 2 + (self.ys - point[1]) ** 2 <= BONE_RADIUS_MAP**2
