"""Training targets: people in, maps out. The Encoding of the design, batched and vectorised on whatever device the labels are.

Coordinates use pixel centres: x_map = (x_net + .5) / stride - .5. A joint without a label is unknown, not absent: its
channels carry no loss inside its person's box. A joint that the canvas cuts off is absent.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from xnect_lite.data.labels import Labels
from xnect_lite.skeleton import INDEX, LIMBS, NUM_JOINTS, NUM_LIMBS, PARENTS, ROOT, TORSO

LIMB_RADIUS_MAP = 1.0
BONE_RADIUS_MAP = 2.0
_SIGMA_AT_200_NET_PX = 1.25
_SIGMA_RANGE_MAP = (0.7, 2.0)
_LIMB_A = [a for a, _ in LIMBS]
_LIMB_B = [b for _, b in LIMBS]


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


def person_size_net_px(joints: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """(B, P) longer side of the box around the known joints (B, P, 24, 2), network pixels."""
    low = torch.where(known[..., None], joints, torch.inf).amin(2)
    high = torch.where(known[..., None], joints, -torch.inf).amax(2)
    return (high - low).amax(-1).clamp_min(1.0)


def person_centre(joints: torch.Tensor, known: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, P, 2) mean of the labelled shoulders and hips, and (B, P) whether at least one of each is labelled."""
    torso = [int(j) for j in TORSO]
    has = known[:, :, torso]
    xy = torch.where(has[..., None], joints[:, :, torso], 0.0)
    centre = xy.sum(2) / has.sum(2, keepdim=True).clamp_min(1)
    return centre, has[..., :2].any(-1) & has[..., 2:].any(-1)


def encode(labels: Labels, stride: int, width: int, height: int) -> Targets:
    """Encode the labels of a batch for a network input of (width, height)."""
    w, h = width // stride, height // stride
    joints = (labels.joints_net_px + 0.5) / stride - 0.5
    device, count = joints.device, len(joints)
    xs = torch.arange(w, device=device, dtype=torch.float32)
    ys = torch.arange(h, device=device, dtype=torch.float32)

    known = (labels.weight_2d > 0) & labels.present[..., None]
    placed = torch.isfinite(labels.joints_net_px).all(-1) & labels.present[..., None]  # those that were cut off, too
    size = person_size_net_px(labels.joints_net_px.nan_to_num(), placed)
    low = torch.where(placed[..., None], joints, torch.inf).amin(2)
    high = torch.where(placed[..., None], joints, -torch.inf).amax(2)
    margin = 0.15 * (high - low).amax(-1, keepdim=True) + 2
    cut_off = functional.pad(placed & ~known, (0, 1))  # and for the centre: never
    joints = torch.where(known[..., None], joints, 0.0)
    sigma = (_SIGMA_AT_200_NET_PX * (size / 200).sqrt()).clamp(*_SIGMA_RANGE_MAP)
    centre, has_centre = person_centre(joints, known)
    points = torch.cat([joints, centre[:, :, None]], 2)
    point_weight = torch.cat([labels.weight_2d * known, has_centre[..., None].float()], 2)

    heat = torch.zeros(count, NUM_JOINTS + 1, h, w, device=device)
    positive = torch.zeros_like(heat)  # weight where some person's joint raises the map
    unknown = torch.zeros(count, NUM_JOINTS + 1, h, w, dtype=torch.bool, device=device)
    paf_sum = torch.zeros(count, NUM_LIMBS, 2, h, w, device=device)
    paf_hits = torch.zeros(count, NUM_LIMBS, h, w, device=device)
    paf_trust = torch.zeros(count, NUM_LIMBS, h, w, device=device)
    paf_unknown = torch.zeros(count, NUM_LIMBS, h, w, dtype=torch.bool, device=device)
    locations = torch.zeros(count, 3, NUM_JOINTS, h, w, device=device)
    location_weight = torch.zeros(count, NUM_JOINTS, h, w, device=device)
    depth = torch.zeros(count, h, w, device=device)
    depth_weight = torch.zeros(count, h, w, device=device)

    # From far to near, so that the nearer person overwrites: in composites by layer, else by depth where everyone has it,
    # else by size.
    for p in _far_to_near(labels, size).unbind(1):
        row = torch.arange(count, device=device)
        here = labels.present[row, p]
        point, trust, spread = points[row, p], point_weight[row, p] * here[:, None], sigma[row, p]
        is_known = trust > 0

        gx = torch.exp(-0.5 * ((xs - point[..., :1]) / spread[:, None, None]) ** 2)
        gy = torch.exp(-0.5 * ((ys - point[..., 1:]) / spread[:, None, None]) ** 2)
        bump = gy[..., :, None] * gx[..., None, :] * is_known[..., None, None]
        higher = bump > heat
        heat = torch.where(higher, bump, heat)
        positive = torch.where(higher & (bump > 0.02), trust[..., None, None], positive)

        lo, hi = low[row, p] - margin[row, p], high[row, p] + margin[row, p]
        in_x = (xs >= lo[:, :1]) & (xs <= hi[:, :1])
        in_y = (ys >= lo[:, 1:]) & (ys <= hi[:, 1:])
        box = in_y[:, :, None] & in_x[:, None, :] & here[:, None, None]
        unknown |= box[:, None] & ~(is_known | cut_off[row, p])[..., None, None]

        a, b = point[:, _LIMB_A], point[:, _LIMB_B]
        both = is_known[:, _LIMB_A] & is_known[:, _LIMB_B]
        along = b - a
        length = along.norm(dim=-1).clamp_min(1e-3)
        both &= length > 1e-2  # ends on one point have no direction
        unit = along / length[..., None]
        dx, dy = xs - a[..., :1], ys - a[..., 1:]  # (B, 25, w), (B, 25, h)
        forth = dx[..., None, :] * unit[..., 0, None, None] + dy[..., :, None] * unit[..., 1, None, None]
        aside = dx[..., None, :] * unit[..., 1, None, None] - dy[..., :, None] * unit[..., 0, None, None]
        on = (
            (aside.abs() <= LIMB_RADIUS_MAP)
            & (forth >= -LIMB_RADIUS_MAP)
            & (forth <= length[..., None, None] + LIMB_RADIUS_MAP)
        )
        on &= both[..., None, None]
        paf_sum += on[:, :, None] * unit[..., None, None]
        paf_hits += on
        limb_trust = torch.minimum(trust[:, _LIMB_A], trust[:, _LIMB_B])
        paf_trust = torch.where(on, torch.maximum(paf_trust, limb_trust[..., None, None]), paf_trust)
        paf_unknown |= box[:, None] & ~both[..., None, None]

        bone = labels.bones_m[row, p]
        far = (xs - point[:, :NUM_JOINTS, :1])[..., None, :] ** 2 + (ys - point[:, :NUM_JOINTS, 1:])[..., :, None] ** 2
        near = (far <= BONE_RADIUS_MAP**2) & is_known[:, :NUM_JOINTS, None, None]
        near_bone = near | near[:, PARENTS.tolist()]
        bone_trust = labels.weight_3d[row, p] * torch.isfinite(bone[..., 0])
        bone_trust = bone_trust * here[:, None]
        # A person in front whose bone is unknown hides the one behind all the same.
        location_weight = torch.where(near_bone, bone_trust[..., None, None], location_weight)
        locations = torch.where(near_bone[:, None], bone.nan_to_num().permute(0, 2, 1)[..., None, None], locations)

        log_z = labels.log_depth[row, p]
        middle = torch.stack([point[:, INDEX["pelvis"]], point[:, -1]], 1)
        far = (xs - middle[..., :1])[..., None, :] ** 2 + (ys - middle[..., 1:])[..., :, None] ** 2
        near_root = ((far <= BONE_RADIUS_MAP**2) & is_known[:, [INDEX["pelvis"], NUM_JOINTS], None, None]).any(1)
        depth = torch.where(near_root, log_z.nan_to_num()[:, None, None], depth)
        depth_weight = torch.where(near_root, torch.isfinite(log_z).float()[:, None, None], depth_weight)

    # Somebody unlabelled may be there, so an empty cell says nothing; labelled people are taught there all the same.
    negative = (labels.negative_weight * ~labels.ignore)[:, None]
    heat_weight = torch.where(positive > 0, positive, torch.where(unknown, 0.0, negative))
    paf_on = paf_hits > 0
    pafs = paf_sum / paf_hits.clamp_min(1)[:, :, None]
    paf_weight = torch.where(paf_on, paf_trust, torch.where(paf_unknown, 0.0, negative))
    location_weight[:, ROOT] = 0
    return Targets(heat, heat_weight, pafs, paf_weight, paf_on.float(), locations, location_weight, depth, depth_weight)


def _far_to_near(labels: Labels, size: torch.Tensor) -> torch.Tensor:
    """(B, P) people in painting order, per canvas."""
    has_depth = (torch.isfinite(labels.log_depth) | ~labels.present).all(1, keepdim=True)
    nearness = torch.where(has_depth, -labels.log_depth.nan_to_num(), size)
    if labels.layer is not None:
        nearness = torch.where(labels.layer.isnan(), nearness, labels.layer)
    return torch.where(labels.present, nearness, -torch.inf).argsort(1)
