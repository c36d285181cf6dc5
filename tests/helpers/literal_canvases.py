"""Canvases and composites made one person after the other, to compare whole batches with.

What `data.canvases.canvas` and `data.canvases.paste` do at once; slow, and so plain that one can read off what is meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from xnect_lite.data.archives.packed import PackedSet
from xnect_lite.data.canvases.canvas import CanvasPeople, picture_level
from xnect_lite.data.canvases.paste import Pastes
from xnect_lite.data.canvases.views import TILES, Plan
from xnect_lite.data.labels import bones_from_joints
from xnect_lite.skeleton import FLIP, PARENTS

PEOPLE_FIELDS = ("joints_net_px", "weight_2d", "bones_m", "weight_3d", "log_depth", "seen", "layer")


def literal_people(packed: PackedSet, plan: Plan) -> CanvasPeople:
    """Everyone on the canvases, tile after tile."""
    found = []
    for b in range(len(plan.image)):
        for tile in range(1 if plan.single[b] else TILES):
            left, top = (split if beyond else 0.0 for split, beyond in zip(plan.split[b], (tile & 1, tile >> 1), strict=True))
            right, bottom = (
                end if beyond else split
                for split, end, beyond in zip(plan.split[b], plan.size, (tile & 1, tile >> 1), strict=True)
            )
            image = plan.image[b, tile]
            for row in range(*packed.people_start[image : image + 2].tolist()):
                view = plan.to_source[b, tile], plan.flipped[b, tile]
                found += literal_person(packed, b, image, row, *view, (left, top), (right, bottom))
    return CanvasPeople.joined(found)


def literal_person(packed, canvas, image, row, to_source, flipped, low, high) -> Iterator[CanvasPeople]:
    """One person through ``to_source`` (2, 3) between two corners of a canvas; nothing if they have no known joint there."""
    people = packed.people
    forward = np.linalg.inv(to_source[:, :2])
    source = people.joints_px[row]
    xy = (source - to_source[:, 2]) @ forward.T
    enlarged = np.sqrt(np.abs(np.linalg.det(forward)))
    u, _, vt = np.linalg.svd(forward / enlarged)
    bones = bones_from_joints(people.joints_ray_mm[row]) / 1000
    bones[:, :2] = bones[:, :2] @ (u @ vt).T
    weight_2d, seen = people.weight_2d[row], people.visible[row]
    weight_3d = np.minimum(people.weight_3d[row], people.weight_3d[row][PARENTS])
    in_picture = ((source > -0.5) & (source < packed.sizes[image] - 0.5)).all(-1)
    if flipped:
        xy, bones, weight_2d, weight_3d, seen, in_picture = (
            values[FLIP] for values in (xy, bones, weight_2d, weight_3d, seen, in_picture)
        )
    inside = ((xy > np.array(low) - 0.5) & (xy < np.array(high) - 0.5)).all(-1) & in_picture
    xy = np.where(weight_2d[:, None] > 0, xy, np.nan)
    weight_2d = weight_2d * inside
    if not (weight_2d > 0).any():
        return
    log_depth = np.log(people.root_cam_mm[row, 2] / (packed.focal_px[image] * enlarged))
    fields = (
        canvas,
        row,
        xy,
        weight_2d,
        bones,
        weight_3d * np.isfinite(bones[:, 0]),
        log_depth,
        seen & (weight_2d > 0),
        np.nan,
    )
    yield CanvasPeople(*(np.asarray(value)[None] for value in fields))


def literal_composites(packed: PackedSet, image: torch.Tensor, people: CanvasPeople, plan: Plan, pastes: Pastes):
    """Paint ``pastes`` into ``image`` (B, 3, H, W), in place; those of whom enough shows, and (canvas, box) of others."""
    taught, hidden = [people.rows(slice(0))], []
    for b in range(len(image)):
        base = people.rows(people.canvas == b)
        chosen = np.flatnonzero(pastes.canvas == b)
        if not len(chosen):
            taught.append(base)
            continue
        by_depth = np.isfinite(base.log_depth).all()
        size = (np.nanmax(base.joints_net_px, 1) - np.nanmin(base.joints_net_px, 1)).max(1) if len(base) else np.zeros(0)
        layers = [(base.rows([i]), plan.to_source[b, 0], False) for i in np.argsort(-base.log_depth if by_depth else size)]
        new = []
        for k in chosen:
            picture = packed.picture_of(pastes.row[k])
            view = pastes.to_source[k], pastes.flipped[k]
            new += [(one, view[0], True) for one in literal_person(packed, b, picture, pastes.row[k], *view, (0, 0), plan.size)]
        for one in sorted(new, key=lambda one: feet(one[0])):
            behind = [k for k, other in enumerate(layers) if other[2] or not is_before(packed, other[0], one[0])]
            layers.insert(1 + max(behind, default=-1), one)
        for k, (one, to_source, pasted) in enumerate(layers):
            if pasted:
                paint_one(packed, image[b], one.row[0], to_source, [other for other in layers[k + 1 :] if not other[2]])
        for k, (one, _, pasted) in enumerate(layers):
            covered = np.zeros((1, 24), bool)
            for other, view, other_pasted in layers[k + 1 :]:
                if pasted or other_pasted:
                    covered |= (alpha(packed, other.row[0], view, torch.from_numpy(one.joints_net_px)) > 0.5).numpy()
            seen = one.seen & ~covered
            if (pasted or covered.any()) and seen.sum() < 3:
                low, high = np.nanmin(one.joints_net_px[0], 0), np.nanmax(one.joints_net_px[0], 0)
                margin = 0.1 * (high - low).max()
                hidden.append((b, *(low - margin), *(high + margin)))
            else:
                weight = one.weight_2d * np.where(covered, 0.5, 1.0)
                taught.append(replace(one, seen=seen, weight_2d=weight, layer=np.array([float(k)])))
    return CanvasPeople.joined(taught), hidden


def feet(one: CanvasPeople) -> float:
    return float(np.nanmax(one.joints_net_px[..., 1]))


def is_before(packed: PackedSet, other: CanvasPeople, one: CanvasPeople) -> bool:
    return bool(packed.silhouettes.known[other.row[0]]) and feet(other) > feet(one)


def alpha(packed: PackedSet, row: int, to_source: np.ndarray, xy_net: torch.Tensor) -> torch.Tensor:
    """(...) how much somebody covers (..., 2) network pixels."""
    matrix = torch.from_numpy(to_source)
    xy = (xy_net[..., None, :].double() * matrix[:, :2]).sum(-1) + matrix[:, 2]
    return packed.silhouettes.alpha(torch.full(xy.shape[:-1], int(row)), xy.float())


def paint_one(packed: PackedSet, image: torch.Tensor, row: int, to_source: np.ndarray, before: list) -> None:
    """One person over a whole canvas (3, H, W), in place."""
    ys, xs = torch.meshgrid(*(torch.arange(side, dtype=torch.float32) for side in image.shape[1:]), indexing="ij")
    net = torch.stack([xs, ys], -1)
    cover = alpha(packed, row, to_source, net)
    for other, view, _ in before:
        cover = cover * (1 - alpha(packed, other.row[0], view, net))
    matrix = torch.from_numpy(to_source).float()
    source = (net[..., None, :] * matrix[:, :2]).sum(-1) + matrix[:, 2]
    picture = torch.full(cover.shape, int(packed.picture_of(row)))
    level = torch.full(cover.shape, int(picture_level(to_source)))
    colour = packed.images.gather(picture, level, source, 0.0).permute(2, 0, 1)
    image.copy_(torch.lerp(image, colour, cover[None]))
