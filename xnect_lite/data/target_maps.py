"""The maps that targets are made of, painted with the k-th people of the first n canvases at a time, from far to near."""

from __future__ import annotations

import torch

from xnect_lite.data.target_people import Cells, MapPeople, indices
from xnect_lite.skeleton import INDEX, LIMBS, NUM_JOINTS, NUM_LIMBS, PARENTS, ROOT

LIMB_RADIUS_MAP = 1.0
BONE_RADIUS_MAP = 2.0
_LEAST_OF_BELL = 0.02  # below, a cell counts as empty
_LEAST_LIMB_MAP = 1e-2  # ends on one point have no direction
_LIMB_A, _LIMB_B = (tuple(ends) for ends in zip(*LIMBS, strict=True))
_PARENTS = tuple(PARENTS.tolist())
_MIDDLE = INDEX["pelvis"], NUM_JOINTS


class HeatMaps:
    """Bells of joints and centres: the highest wins. A joint nobody knows carries no loss inside its person's box."""

    def __init__(self, count: int, cells: Cells) -> None:
        self.cells = cells
        self.heat = cells.zeros(count, NUM_JOINTS + 1)
        self.positive = cells.zeros(count, NUM_JOINTS + 1)  # weight where some person's joint raises the map
        self.unknown = cells.zeros(count, NUM_JOINTS + 1, dtype=torch.bool)

    def paint(self, one: MapPeople, box: torch.Tensor) -> None:
        """Add people, box (n, h, w)."""
        cells, spread, known = self.cells, one.sigma[:, None, None], one.known[..., None, None]
        gx = torch.exp(-0.5 * ((cells.xs - one.points[..., :1]) / spread) ** 2)
        gy = torch.exp(-0.5 * ((cells.ys - one.points[..., 1:]) / spread) ** 2)
        bell = gy[..., :, None] * gx[..., None, :] * known
        heat, positive, unknown = (maps[: len(box)] for maps in (self.heat, self.positive, self.unknown))
        raised = (bell > heat) & (bell > _LEAST_OF_BELL)
        torch.where(raised, one.trust[..., None, None], positive, out=positive)
        torch.maximum(bell, heat, out=heat)
        unknown |= box[:, None] & ~(known | one.cut_off[..., None, None])

    def finished(self, negative: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Maps and weights; negative (B, 1, h, w): the weight of empty cells."""
        weight = torch.where(self.positive > 0, self.positive, torch.where(self.unknown, 0.0, negative))
        return self.heat, weight


class LimbMaps:
    """Unit vectors along limbs, averaged where limbs overlap. A limb nobody knows carries no loss inside its person's box."""

    def __init__(self, count: int, cells: Cells) -> None:
        self.cells = cells
        self.sum = cells.zeros(count, NUM_LIMBS, 2)
        self.hits = cells.zeros(count, NUM_LIMBS)
        self.trust = cells.zeros(count, NUM_LIMBS)
        self.unknown = cells.zeros(count, NUM_LIMBS, dtype=torch.bool)

    def paint(self, one: MapPeople, box: torch.Tensor) -> None:
        """Add people, box (n, h, w)."""
        ends = [indices(joints, box.device) for joints in (_LIMB_A, _LIMB_B)]
        a, b = (one.points.index_select(1, joints) for joints in ends)
        trust = torch.minimum(*(one.trust.index_select(1, joints) for joints in ends))
        along = b - a
        length = along.norm(dim=-1).clamp_min(1e-3)
        known = (trust > 0) & (length > _LEAST_LIMB_MAP)
        unit = along / length[..., None]
        on = self._on(a, unit, length) & known[..., None, None]
        sums, hits, most, unknown = (maps[: len(box)] for maps in (self.sum, self.hits, self.trust, self.unknown))
        sums += on[:, :, None] * unit[..., None, None]
        hits += on
        torch.maximum(most, trust[..., None, None] * on, out=most)
        unknown |= box[:, None] & ~known[..., None, None]

    def _on(self, start: torch.Tensor, unit: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
        """(n, 25, h, w) bool: cells next to limbs."""
        dx, dy = (self.cells.xs - start[..., :1])[..., None, :], (self.cells.ys - start[..., 1:])[..., :, None]
        ux, uy = unit[..., 0, None, None], unit[..., 1, None, None]
        forth = dx * ux + dy * uy
        aside = dx * uy - dy * ux
        beside = aside.abs() <= LIMB_RADIUS_MAP
        return beside & (forth >= -LIMB_RADIUS_MAP) & (forth <= length[..., None, None] + LIMB_RADIUS_MAP)

    def finished(self, negative: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Maps, weights, and where there is a limb; negative as for heatmaps."""
        on = self.hits > 0
        weight = torch.where(on, self.trust, torch.where(self.unknown, 0.0, negative))
        return self.sum / self.hits.clamp_min(1)[:, :, None], weight, on.float()


class BoneMaps:
    """Bones around either of their ends: the nearer person's."""

    def __init__(self, count: int, cells: Cells) -> None:
        self.cells = cells
        self.locations = cells.zeros(count, 3, NUM_JOINTS)
        self.weight = cells.zeros(count, NUM_JOINTS)

    def paint(self, one: MapPeople) -> None:
        """Add people."""
        far2 = self.cells.distance2(one.points[:, :NUM_JOINTS])
        near = (far2 <= BONE_RADIUS_MAP**2) & one.known[:, :NUM_JOINTS, None, None]
        near = near | near.index_select(1, indices(_PARENTS, near.device))
        locations, weight = (maps[: len(near)] for maps in (self.locations, self.weight))
        # A person in front whose bone is unknown hides the one behind all the same.
        torch.where(near, one.bone_trust[..., None, None], weight, out=weight)
        bones = one.bones_m.nan_to_num().permute(0, 2, 1)[..., None, None]
        torch.where(near[:, None], bones, locations, out=locations)

    def finished(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Maps and weights; the root has no bone."""
        self.weight[:, ROOT] = 0
        return self.locations, self.weight


class DepthMap:
    """log(Z / f) around pelvis and centre: the nearer person's."""

    def __init__(self, count: int, cells: Cells) -> None:
        self.cells = cells
        self.depth, self.weight = cells.zeros(count), cells.zeros(count)

    def paint(self, one: MapPeople) -> None:
        """Add people."""
        middle = indices(_MIDDLE, one.points.device)
        far2 = self.cells.distance2(one.points.index_select(1, middle))
        near = ((far2 <= BONE_RADIUS_MAP**2) & one.known.index_select(1, middle)[..., None, None]).any(1)
        depth, weight = (maps[: len(near)] for maps in (self.depth, self.weight))
        torch.where(near, one.log_depth.nan_to_num()[:, None, None], depth, out=depth)
        torch.where(near, torch.isfinite(one.log_depth).float()[:, None, None], weight, out=weight)

    def finished(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Map and weights."""
        return self.depth, self.weight
