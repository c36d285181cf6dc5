"""From a plan to canvases: pixels, and the labels that are moved with them.

Bones turn with the picture in its plane, and a flip swaps left and right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from xnect_lite.data.archives.packed import PackedSet, send
from xnect_lite.data.canvases.views import Plan, apply
from xnect_lite.data.labels import Labels, bones_from_joints
from xnect_lite.skeleton import FLIP, NUM_JOINTS, PARENTS, joint_box
from xnect_lite.types import PAD_RGB

_SHRINKS = 1.5  # source pixels per network pixel from which on the half-size picture is read


@dataclass(frozen=True)
class CanvasPeople:
    """N people of a batch of canvases, labels as in `Labels`; on the host.

    canvas (N,) whose they are, ascending.
    row    (N,) of the packed set's people.
    seen   (N, 24) bool, the joint is on the canvas and can be seen.
    layer  (N,) as in `Labels`.
    """

    canvas: np.ndarray
    row: np.ndarray
    joints_net_px: np.ndarray
    weight_2d: np.ndarray
    bones_m: np.ndarray
    weight_3d: np.ndarray
    log_depth: np.ndarray
    seen: np.ndarray
    layer: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    def rows(self, index: np.ndarray | list[int] | slice) -> CanvasPeople:
        """Some of the people."""
        return CanvasPeople(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    def boxes(self) -> tuple[np.ndarray, np.ndarray]:
        """(N, 2) low and high corner of everyone's known joints, of whom there is at least one."""
        return joint_box(self.joints_net_px)

    def counts(self, canvases: int) -> np.ndarray:
        """(B,) how many people each of ``canvases`` has."""
        return np.bincount(self.canvas, minlength=canvases)

    def by_canvas(self) -> CanvasPeople:
        """In ascending order of canvases."""
        return self.rows(np.argsort(self.canvas, kind="stable"))

    def renumbered(self, numbers: np.ndarray) -> CanvasPeople:
        """The same, canvas b now being number ``numbers[b]``."""
        return replace(self, canvas=numbers[self.canvas]).by_canvas()

    @classmethod
    def joined(cls, parts: list[CanvasPeople]) -> CanvasPeople:
        """All of them, one after the other; at least one part."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


@dataclass(frozen=True)
class Windows:
    """V parts of canvases (V,) from low to high (V, 2), through which pictures (V,) are seen by to_source (V, 2, 3)."""

    canvas: np.ndarray
    image: np.ndarray
    to_source: np.ndarray
    flipped: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, plan: Plan) -> Windows:
        """The tiles of a batch."""
        tiles = plan.tiles()
        at = tiles.canvas, tiles.tile
        return cls(tiles.canvas, plan.image[at], plan.to_source[at], plan.flipped[at], tiles.low, tiles.high)


def canvas_people(packed: PackedSet, plan: Plan) -> CanvasPeople:
    """Everyone on the canvases of a batch."""
    windows = Windows.of(plan)
    start = packed.people_start[windows.image]
    count = packed.people_start[windows.image + 1] - start
    window = np.repeat(np.arange(len(count)), count)
    row = start[window] + numbered(count)
    return people_in_windows(packed, windows, window, row)[0]


def people_in_windows(
    packed: PackedSet, windows: Windows, window: np.ndarray, row: np.ndarray
) -> tuple[CanvasPeople, np.ndarray]:
    """People ``row`` (N,) of the packed set, each seen through a ``window`` (N,); and (N,) who has a known joint there.

    Whoever has none is left out of the first.
    """
    people, forward = packed.people, np.linalg.inv(windows.to_source[..., :2])
    enlarged = np.sqrt(np.abs(np.linalg.det(forward)))
    place, turned = people.joints_px[row], forward[window]
    xy = apply(turned, place - windows.to_source[window, None, :, 2])
    with np.errstate(invalid="ignore"):
        log_depth = np.log(people.root_cam_mm[row, 2] / (packed.focal_px[windows.image] * enlarged)[window])
        in_picture = ((place > -0.5) & (place < packed.sizes[windows.image][window, None] - 0.5)).all(-1)
    weight_3d = people.weight_3d[row]
    weight_3d = np.minimum(weight_3d, weight_3d[:, PARENTS])  # a bone is known as well as the less known of its ends
    bones = bones_from_joints(people.joints_ray_mm[row]) / 1000
    turn = _nearest_rotations(forward / enlarged[:, None, None])  # the aspect jitter is no rotation
    bones[..., :2] = apply(turn[window], bones[..., :2])

    sides = np.where(windows.flipped[window, None], FLIP, np.arange(NUM_JOINTS))
    one = np.arange(len(row))[:, None]
    xy, bones, weight_3d = (values[one, sides] for values in (xy, bones, weight_3d))
    in_picture = in_picture[one, sides]
    weight_2d, seen = people.weight_2d[row][one, sides], people.visible[row][one, sides]
    low, high = windows.low[window, None], windows.high[window, None]
    with np.errstate(invalid="ignore"):
        inside = ((xy > low - 0.5) & (xy < high - 0.5)).all(-1) & in_picture
    xy = np.where(weight_2d[..., None] > 0, xy, np.nan)
    weight_2d = weight_2d * inside
    weight_3d = weight_3d * np.isfinite(bones[..., 0])
    seen = seen & (weight_2d > 0)
    there = (weight_2d > 0).any(1)
    layer = np.full(len(row), np.nan)
    found = CanvasPeople(windows.canvas[window], row, xy, weight_2d, bones, weight_3d, log_depth, seen, layer)
    return found.rows(there), there


def _nearest_rotations(matrix: np.ndarray) -> np.ndarray:
    """(V, 2, 2) the closest orthogonal matrices: rotations, or reflections where ``matrix`` mirrors.

    Of a 2x2 matrix M, that is M + sign(det M) cof(M), scaled to a determinant of 1 or -1.
    """
    (a, b), (c, d) = np.moveaxis(matrix, (-2, -1), (0, 1))
    sign = np.sign(a * d - b * c)
    across, down = a + sign * d, c - sign * b
    length = np.hypot(across, down)
    across, down = across / length, down / length
    return np.stack([across, -sign * down, down, sign * across], -1).reshape(*a.shape, 2, 2)


def numbered(counts: np.ndarray) -> np.ndarray:
    """0, 1, .. within each of groups of these sizes, one after the other."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def to_labels(people: CanvasPeople, ignore: torch.Tensor, negative_weight: torch.Tensor) -> Labels:
    """Labels of a batch, padded; ignore and negative_weight (B, h, w) on the device."""
    counts = people.counts(len(ignore))
    most, at = max(1, int(counts.max())), (people.canvas, numbered(counts))

    def padded(values: np.ndarray, fill: float) -> torch.Tensor:
        out = np.full((len(counts), most, *values.shape[1:]), fill, np.float32)
        out[at] = values
        return send(out, ignore.device)

    return Labels(
        joints_net_px=padded(people.joints_net_px, np.nan),
        weight_2d=padded(people.weight_2d, 0.0),
        bones_m=padded(people.bones_m, np.nan),
        weight_3d=padded(people.weight_3d, 0.0),
        log_depth=padded(people.log_depth, np.nan),
        present=send(np.arange(most) < counts[:, None], ignore.device),
        ignore=ignore,
        negative_weight=negative_weight,
        layer=padded(people.layer, np.nan) if np.isfinite(people.layer).any() else None,
        canvases_with=_canvases_with(counts),
    )


def _canvases_with(counts: np.ndarray) -> tuple[int, ...] | None:
    """As in `Labels`; None where the canvases are not sorted by ``counts`` (B,)."""
    if (np.diff(counts) > 0).any():
        return None
    return tuple((counts[:, None] > np.arange(counts.max(initial=0))).sum(0).tolist())


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
    start = packed.ignore_start[plan.image].ravel()
    counts = packed.ignore_start[plan.image + 1].ravel() - start
    most, numbers = max(1, int(counts.max())), numbered(counts)
    boxes = np.full((len(counts), most, 4), np.nan, np.float32)
    of = np.repeat(np.arange(len(counts)), counts)
    boxes[of, numbers] = packed.ignore_xyxy[start[of] + numbers]
    box = send(boxes.reshape(*plan.image.shape, most, 4), device).gather(1, tile[..., None, None].expand(-1, -1, most, 4))
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
    x, y = xy_net.unbind(-1)
    # Not as a product of matrices: a batched one of 2x2 is slow, and may be done in lower precision.
    return tile, matrix[..., 0] * x[:, None] + matrix[..., 1] * y[:, None] + matrix[..., 2]


def _grid(width: int, height: int, stride: int, device: torch.device) -> torch.Tensor:
    """(n, 2) network-pixel coordinates of the centres of all cells of a map, row by row."""
    ys, xs = torch.meshgrid(
        torch.arange(height // stride, dtype=torch.float32, device=device),
        torch.arange(width // stride, dtype=torch.float32, device=device),
        indexing="ij",
    )
    return (torch.stack([xs, ys], -1).reshape(-1, 2) + 0.5) * stride - 0.5
