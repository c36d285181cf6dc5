"""Which part of which picture a training canvas shows: affine maps, drawn on the host so that a run can be resumed exactly.

A whole batch is drawn at once: with a thousand canvases a second, a device would wait for a loop over them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xnect_lite.data.archives.packed import PackedSet
from xnect_lite.data.canvases.config import AugmentConfig
from xnect_lite.skeleton import TORSO, joint_box

TILES = 4
_MOST_TURN_DEG = 45.0
_MOST_ENLARGED = 5.0
_LEAST_EXTENT_PX = 4.0
_CUT_AT = 0.25, 0.7  # of the way from hips to shoulders: waist and chest
_CUT_FILLS = 0.5, 1.0  # of the canvas's height, by what is above the cut
_LEAST_UPRIGHT = np.cos(np.radians(45.0))  # of somebody lying or hanging, the lower border cuts off something else


@dataclass(frozen=True)
class Plan:
    """The drawn numbers of a batch. to_source maps (x, y, 1) network pixels to source pixels, per tile."""

    image: np.ndarray  # (B, TILES)
    to_source: np.ndarray  # (B, TILES, 2, 3)
    flipped: np.ndarray  # (B, TILES) bool
    split: np.ndarray  # (B, 2) where the four tiles meet; (W, H) = one tile
    size: tuple[int, int]  # (W, H)

    @property
    def single(self) -> np.ndarray:
        """(B,) whether a canvas shows one picture."""
        return (self.split == self.size).all(1)

    def tiles(self) -> Tiles:
        """The tiles that show something."""
        return Tiles.of(self.split, self.single, self.size)

    def canvases(self, index: np.ndarray) -> Plan:
        """The plan of some of the canvases, or of all in another order."""
        return Plan(self.image[index], self.to_source[index], self.flipped[index], self.split[index], self.size)


@dataclass(frozen=True)
class Tiles:
    """V tiles: canvas (V,), number on it (V,), low and high corner (V, 2) in network pixels; single (V,): its only tile."""

    canvas: np.ndarray
    tile: np.ndarray
    low: np.ndarray
    high: np.ndarray
    single: np.ndarray

    def __len__(self) -> int:
        return len(self.canvas)

    @classmethod
    def of(cls, split: np.ndarray, single: np.ndarray, size: tuple[int, int]) -> Tiles:
        """Those of canvases divided at ``split`` (B, 2): all four, or the first where ``single`` (B,)."""
        canvas, tile = np.nonzero(~single[:, None] | (np.arange(TILES) == 0))
        beyond = np.stack([tile & 1, tile >> 1], 1).astype(bool)
        at = split[canvas]
        return cls(canvas, tile, np.where(beyond, at, 0.0), np.where(beyond, size, at), single[canvas])


@dataclass(frozen=True)
class Subjects:
    """What views of the P people of a packed set are drawn around; computed once.

    centre (P, 2) and extent (P,), the longer side, of the box of their labelled joints; framed (P,): two or more are labelled.
    hip and shoulder (P, 2): the middle of those labelled, NaN = none.
    """

    packed: PackedSet
    centre: np.ndarray
    extent: np.ndarray
    framed: np.ndarray
    hip: np.ndarray
    shoulder: np.ndarray

    @classmethod
    def of(cls, packed: PackedSet) -> Subjects:
        """Those of everyone in ``packed``."""
        known, xy = packed.people.weight_2d > 0, packed.people.joints_px.astype(np.float64)
        framed = known.sum(1) >= 2
        low, high = joint_box(np.where(known[..., None], xy, np.nan))
        low, high = (np.where(framed[:, None], corner, 0.0) for corner in (low, high))
        shoulder, hip = (_middle(xy[:, ends], known[:, ends]) for ends in (TORSO[:2], TORSO[2:]))
        return cls(packed, (low + high) / 2, (high - low).max(1, initial=0), framed, hip, shoulder)


def draw_plan(
    subjects: Subjects,
    config: AugmentConfig,
    rng: np.random.Generator,
    next_images: Callable[[int], np.ndarray],
    count: int,
    size: tuple[int, int],
) -> Plan:
    """``count`` canvases of ``size`` (width, height); ``next_images(n)`` says which n pictures come next."""
    single = rng.random(count) >= config.mosaic
    split = np.where(single[:, None], np.array(size, np.float64), rng.uniform(0.35, 0.65, (count, 2)) * size)
    tiles = Tiles.of(split, single, size)
    at = tiles.canvas, tiles.tile
    shown = next_images(len(tiles))
    image = np.zeros((count, TILES), np.int64)
    image[at] = shown
    image = np.where(single[:, None], image[:, :1], image)
    to_source, flipped = np.tile(np.eye(2, 3), (count, TILES, 1, 1)), np.zeros((count, TILES), bool)
    to_source[at], flipped[at] = _draw_views(subjects, config, rng, shown, tiles)
    return Plan(image, to_source, flipped, split, size)


def draw_angles(config: AugmentConfig, rng: np.random.Generator, count: int) -> np.ndarray:
    """(count,) degrees that pictures are turned by."""
    return np.clip(rng.normal(0, config.rotation_deg, count), -_MOST_TURN_DEG, _MOST_TURN_DEG)


def turns(scale: np.ndarray, degrees: np.ndarray, flip: np.ndarray) -> np.ndarray:
    """(V, 2, 2) from source to network pixels: mirrored where ``flip``, enlarged by ``scale`` (V, 1) or (V, 2), then turned."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    across, down = np.broadcast_to(scale, (len(scale), 2)).T
    across = np.where(flip, -across, across)
    return np.stack([c * across, -s * down, s * across, c * down], -1).reshape(-1, 2, 2)


def views(
    scale: np.ndarray, degrees: np.ndarray, flip: np.ndarray, anchor_source: np.ndarray, anchor_net: np.ndarray
) -> np.ndarray:
    """(V, 2, 3) maps from network to source pixels: as `turns`, anchor (V, 2) on anchor."""
    inverse = np.linalg.inv(turns(scale, degrees, flip))
    return np.concatenate([inverse, (anchor_source - apply(inverse, anchor_net))[..., None]], 2)


def apply(matrix: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """(V, ..., 2) points, those of each v mapped by its own matrix (V, 2, 2)."""
    matrix = matrix.reshape(len(matrix), *(1,) * (xy.ndim - 2), 2, 2)
    return matrix[..., 0] * xy[..., :1] + matrix[..., 1] * xy[..., 1:]


@dataclass(frozen=True)
class _Placed:
    """Where V tiles show what: scale (V,), and anchors (V, 2) in source and network pixels that come to lie on each other."""

    scale: np.ndarray
    anchor_source: np.ndarray
    anchor_net: np.ndarray

    def where(self, chosen: np.ndarray, other: _Placed) -> _Placed:
        """These where ``chosen`` (V,), else the others."""
        return _Placed(
            np.where(chosen, self.scale, other.scale),
            np.where(chosen[:, None], self.anchor_source, other.anchor_source),
            np.where(chosen[:, None], self.anchor_net, other.anchor_net),
        )


def _draw_views(
    subjects: Subjects, config: AugmentConfig, rng: np.random.Generator, image: np.ndarray, tiles: Tiles
) -> tuple[np.ndarray, np.ndarray]:
    """(V, 2, 3) maps from network to source pixels for all tiles, and (V,) whether they mirror."""
    count = len(tiles)
    person, there = _draw_people(subjects, rng, image)
    whole = ~there | (tiles.single & (rng.random(count) < config.whole_picture))
    angle = draw_angles(config, rng, count)
    angle = np.where(rng.random(count) < config.any_rotation, rng.uniform(-180, 180, count), angle)
    angle = np.where(whole & (rng.random(count) < 0.5), 0.0, angle)
    flip = rng.random(count) < config.flip
    stretch = np.exp(rng.normal(0, config.aspect, (count, 1)) * (0.5, -0.5))
    placed = _around_pictures(rng, subjects.packed.sizes[image], tiles, there)
    placed = placed.where(whole, _around_people(subjects, config, rng, person, subjects.packed.sizes[image], tiles))
    wanted = rng.random(count) < config.cut_by_border
    cut, possible = _cut_by_border(subjects, rng, person, turns(stretch, angle, flip), tiles)
    placed = cut.where(wanted & possible & tiles.single & ~whole, placed)
    return views(placed.scale[:, None] * stretch, angle, flip, placed.anchor_source, placed.anchor_net), flip


def _draw_people(subjects: Subjects, rng: np.random.Generator, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(V,) a random person of each picture, and (V,) whether there is one with a box."""
    start = subjects.packed.people_start[image]
    crowd = subjects.packed.people_start[image + 1] - start
    row = start + (rng.random(len(image)) * crowd).astype(np.int64)
    row = np.minimum(row, len(subjects.framed) - 1)  # of pictures without people, anybody
    return row, (crowd > 0) & subjects.framed[row]


def _around_pictures(rng: np.random.Generator, sizes: np.ndarray, tiles: Tiles, with_people: np.ndarray) -> _Placed:
    """Whole pictures of ``sizes`` (V, 2), letterboxed; those without people fill their tile instead."""
    box, count = tiles.high - tiles.low, len(tiles)
    ratio = box / sizes
    scale = np.where(with_people, ratio.min(1), ratio.max(1) * rng.uniform(1.0, 1.6, count))
    middle = (tiles.low + tiles.high) / 2 + rng.normal(0, 0.04, (count, 2)) * box
    return _Placed(scale * np.exp(rng.normal(0, 0.1, count)), (sizes - 1) / 2, middle)


def _around_people(
    subjects: Subjects, config: AugmentConfig, rng: np.random.Generator, person: np.ndarray, sizes: np.ndarray, tiles: Tiles
) -> _Placed:
    """People of log-uniform height somewhere in the middle of their tile, most of which shows the picture."""
    box, count = tiles.high - tiles.low, len(tiles)
    smallest = config.min_person_net_px
    largest = np.maximum(config.max_person_share * box.min(1), smallest + 1)
    wanted = np.exp(rng.uniform(np.log(smallest), np.log(largest)))
    least = np.minimum(config.fill * (box / sizes).max(1), _MOST_ENLARGED)
    scale = np.clip(wanted / np.maximum(subjects.extent[person], _LEAST_EXTENT_PX), least, _MOST_ENLARGED)
    return _Placed(scale, subjects.centre[person], tiles.low + box * rng.uniform(0.25, 0.75, (count, 2)))


def _cut_by_border(
    subjects: Subjects, rng: np.random.Generator, person: np.ndarray, forward: np.ndarray, tiles: Tiles
) -> tuple[_Placed, np.ndarray]:
    """People whom the lower border of their tile cuts between waist and chest, and (V,) for whom that is possible.

    ``forward`` (V, 2, 2) turns and mirrors the pictures. Whoever is not upright then, or lacks shoulders or hips, cannot be cut
    there, nor somebody small, who would be enlarged too far.
    """
    count, people = len(tiles), subjects.packed.people
    hip, trunk = subjects.hip[person], subjects.shoulder[person] - subjects.hip[person]
    cut = hip + rng.uniform(*_CUT_AT, (count, 1)) * trunk
    trunk_net = apply(forward, trunk)
    upright = -trunk_net[:, 1] > _LEAST_UPRIGHT * np.hypot(*trunk_net.T)  # never where there is no trunk: NaN
    height_net = apply(forward, people.joints_px[person] - cut[:, None])[..., 1]
    above = np.where(people.weight_2d[person] > 0, -height_net, 0.0).max(1)
    scale = rng.uniform(*_CUT_FILLS, count) * (tiles.high - tiles.low)[:, 1] / np.where(upright, above, 1.0)
    across = tiles.low[:, 0] + rng.uniform(0.25, 0.75, count) * (tiles.high - tiles.low)[:, 0]
    return _Placed(scale, cut, np.stack([across, tiles.high[:, 1] - 0.5], 1)), upright & (scale <= _MOST_ENLARGED)


def _middle(xy: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(P, 2) mean of the points (P, K, 2) that are known (P, K), NaN = none."""
    count = known.sum(1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.where(known[..., None], xy, 0.0).sum(1) / np.where(count, count, np.nan)
