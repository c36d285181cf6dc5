"""From a plan to canvases: pixels, and the labels that are moved with them.

Bones turn with the picture in its plane, and a flip swaps left and right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from xnect_lite.data.labels import Labels, bones_from_joints
from xnect_lite.data.packed import PackedSet, send
from xnect_lite.data.views import TILES, Plan
from xnect_lite.skeleton import FLIP, NUM_JOINTS, PARENTS
from xnect_lite.types import PAD_RGB

_SHRINKS = 1.5  # source pixels per network pixel from which on the half-size picture is read


@dataclass(frozen=True)
class CanvasPeople:
    """The P people of one canvas, as in `Labels`; on the host.

    row   (P,) of the packed set's people.
    seen  (P, 24) bool, the joint is on the canvas and can be seen.
    layer (P,) as in `Labels`.
    """

    joints_net_px: np.ndarray
    weight_2d: np.ndarray
    bones_m: np.ndarray
    weight_3d: np.ndarray
    log_depth: np.ndarray
    seen: np.ndarray
    row: np.ndarray
    layer: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    def rows(self, index: np.ndarray | list[int] | slice) -> CanvasPeople:
        """Some of the people."""
        return CanvasPeople(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    def far_to_near(self) -> np.ndarray:
        """(P,) index: by depth where everyone has it, else by size, as the targets have it."""
        if np.isfinite(self.log_depth).all():
            return np.argsort(-self.log_depth)
        return np.argsort((np.nanmax(self.joints_net_px, 1) - np.nanmin(self.joints_net_px, 1)).max(1))

    @classmethod
    def joined(cls, parts: list[CanvasPeople]) -> CanvasPeople:
        """All of them, one after the other; at least one part."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


def people_in_view(
    packed: PackedSet, image: int, rows: slice, to_source: np.ndarray, flipped: bool, low: np.ndarray, high: np.ndarray
) -> CanvasPeople:
    """The people ``rows``, of picture ``image``, seen through ``to_source`` (2, 3) in the part low..high of a canvas.

    Whoever has no known joint there is left out.
    """
    people = packed.people
    index = np.arange(len(people))[rows]
    forward = np.linalg.inv(to_source[:, :2])
    xy = (people.joints_px[rows] - to_source[:, 2]) @ forward.T
    enlarged = np.sqrt(np.abs(np.linalg.det(forward)))
    with np.errstate(invalid="ignore"):
        log_depth = np.log(people.root_cam_mm[rows, 2] / (packed.focal_px[image] * enlarged))
    w2, w3, seen = people.weight_2d[rows].copy(), people.weight_3d[rows], people.visible[rows]
    w3 = np.minimum(w3, w3[:, PARENTS])  # a bone is known as well as the less known of its ends
    bones = bones_from_joints(people.joints_ray_mm[rows]) / 1000
    turn = _nearest_rotation(forward / enlarged)  # the aspect jitter is no rotation
    bones[..., :2] = bones[..., :2] @ turn.T
    inside_picture = ((people.joints_px[rows] > -0.5) & (people.joints_px[rows] < packed.sizes[image] - 0.5)).all(-1)
    if flipped:
        xy, w2, w3, bones, seen, inside_picture = (a[:, FLIP] for a in (xy, w2, w3, bones, seen, inside_picture))
    inside = ((xy > low - 0.5) & (xy < high - 0.5)).all(-1) & inside_picture
    xy = np.where(w2[..., None] > 0, xy, np.nan)
    w2 = w2 * inside
    w3 = w3 * np.isfinite(bones[..., 0])
    found = CanvasPeople(xy, w2, bones, w3, log_depth, seen & (w2 > 0), index, np.full(len(index), np.nan))
    return found.rows((w2 > 0).any(1))


def canvas_people(packed: PackedSet, plan: Plan, b: int) -> CanvasPeople:
    """Everyone on canvas ``b``."""
    parts = []
    for tile in range(1 if plan.single(b) else TILES):
        image = plan.image[b, tile]
        rows = slice(*packed.people_start[image : image + 2].tolist())
        view = plan.to_source[b, tile], plan.flipped[b, tile]
        parts.append(people_in_view(packed, image, rows, *view, *plan.tile_box(b, tile)))
    return CanvasPeople.joined(parts)


def _nearest_rotation(matrix: np.ndarray) -> np.ndarray:
    """The closest orthogonal matrix (a rotation, or a reflection if ``matrix`` mirrors)."""
    u, _, vt = np.linalg.svd(matrix)
    return u @ vt


def to_labels(people: list[CanvasPeople], ignore: torch.Tensor, negative_weight: torch.Tensor) -> Labels:
    """Labels of a batch, padded; ignore and negative_weight (B, h, w) on the device."""
    most, count = max(1, max(map(len, people))), len(people)

    def padded(name: str, shape: tuple[int, ...], fill: float) -> torch.Tensor:
        out = np.full((count, most, *shape), fill, np.float32)
        for b, one in enumerate(people):
            out[b, : len(one)] = getattr(one, name)
        return send(out, ignore.device)

    layers = any(np.isfinite(one.layer).any() for one in people)
    return Labels(
        joints_net_px=padded("joints_net_px", (NUM_JOINTS, 2), np.nan),
        weight_2d=padded("weight_2d", (NUM_JOINTS,), 0.0),
        bones_m=padded("bones_m", (NUM_JOINTS, 3), np.nan),
        weight_3d=padded("weight_3d", (NUM_JOINTS,), 0.0),
        log_depth=padded("log_depth", (), np.nan),
        present=send(np.arange(most) < np.array([[len(one)] for one in people]), ignore.device),
        ignore=ignore,
        negative_weight=negative_weight,
        layer=padded("layer", (), np.nan) if layers else None,
    )


def canvas_pixels(packed: PackedSet, plan: Plan) -> torch.Tensor:
    """(B, 3, H, W) float 0..255."""
    device, (width, height) = packed.images.pixels.device, plan.size
    tile, source = _source_of(plan, _grid(width, height, 1, device))
    image = send(plan.image, device).gather(1, tile)
    level = send(picture_level(plan.to_source), device).gather(1, tile)
    colour = packed.images.gather(image, level, source, PAD_RGB)
    return colour.view(len(tile), height, width, 3).permute(0, 3, 1, 2)


def picture_level(to_source: np.ndarray) -> np.ndarray:
    """(...) int64 level of `PackedImages` that maps (..., 2, 3) read from: 0 whole, 1 half size."""
    return (np.sqrt(np.abs(np.linalg.det(to_source[..., :2]))) > _SHRINKS).astype(np.int64)


def area_weights(packed: PackedSet, plan: Plan, stride: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, h, w) bool ignored cells and (B, h, w) negative weights."""
    device, (width, height) = packed.images.pixels.device, plan.size
    w, h = width // stride, height // stride
    tile, source = _source_of(plan, _grid(width, height, stride, device))
    most = max(1, int((packed.ignore_start[plan.image + 1] - packed.ignore_start[plan.image]).max()))
    boxes = np.full((*plan.image.shape, most, 4), np.nan, np.float32)
    for index in np.ndindex(plan.image.shape):
        start, stop = packed.ignore_start[plan.image[index] : plan.image[index] + 2]
        boxes[index][: stop - start] = packed.ignore_xyxy[start:stop]
    box = send(boxes, device).gather(1, tile[..., None, None].expand(-1, -1, most, 4))
    point = source[:, :, None]
    inside = ((point >= box[..., :2]) & (point <= box[..., 2:])).all(-1).any(-1)
    negative = send(packed.negative_weight[plan.image], device).gather(1, tile)
    return inside.view(-1, h, w), negative.view(-1, h, w)


def _source_of(plan: Plan, xy_net: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """For network pixels (n, 2): their tile (B, n) and source pixels (B, n, 2)."""
    device = xy_net.device
    split = send(np.asarray(plan.split, np.float32), device)
    beyond = xy_net[None] > split[:, None] - 0.5
    tile = beyond[..., 0].long() + 2 * beyond[..., 1].long()
    matrix = send(np.asarray(plan.to_source, np.float32), device)
    matrix = matrix.gather(1, tile[..., None, None].expand(-1, -1, 2, 3))
    source = (matrix[..., :2] @ xy_net[None, :, :, None]).squeeze(-1) + matrix[..., 2]
    return tile, source


def _grid(width: int, height: int, stride: int, device: torch.device) -> torch.Tensor:
    """(n, 2) network-pixel coordinates of the centres of all cells of a map, row by row."""
    ys, xs = torch.meshgrid(
        torch.arange(height // stride, dtype=torch.float32, device=device),
        torch.arange(width // stride, dtype=torch.float32, device=device),
        indexing="ij",
    )
    return (torch.stack([xs, ys], -1).reshape(-1, 2) + 0.5) * stride - 0.5
