"""Which part of which picture a training canvas shows: affine maps, drawn on the host so that a run can be resumed exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xnect_lite.data.augment_config import AugmentConfig
from xnect_lite.data.packed import PackedSet
from xnect_lite.skeleton import TORSO

TILES = 4
_MOST_TURN_DEG = 45.0
_MOST_ENLARGED = 5.0
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

    def single(self, b: int) -> bool:
        """Whether canvas ``b`` shows one picture."""
        return bool((self.split[b] == self.size).all())

    def tile_box(self, b: int, tile: int) -> tuple[np.ndarray, np.ndarray]:
        """(2,) low and high corner of a tile, network pixels."""
        return tile_box(self.split[b], self.size, tile)


def tile_box(split: np.ndarray, size: tuple[int, int], tile: int) -> tuple[np.ndarray, np.ndarray]:
    """(2,) low and high corner of tile 0 to 3 of a canvas that is divided at ``split``."""
    beyond = [tile & 1, tile >> 1]
    return np.where(beyond, split, 0.0), np.where(beyond, size, split)


def draw_plan(
    packed: PackedSet,
    config: AugmentConfig,
    rng: np.random.Generator,
    next_image: Callable[[], int],
    count: int,
    size: tuple[int, int],
) -> Plan:
    """``count`` canvases of ``size`` (width, height); ``next_image`` says which picture comes next."""
    image = np.zeros((count, TILES), np.int64)
    to_source = np.tile(np.eye(2, 3), (count, TILES, 1, 1))
    flipped = np.zeros((count, TILES), bool)
    split = np.tile(np.array(size, np.float64), (count, 1))
    for b in range(count):
        single = rng.random() >= config.mosaic
        if not single:
            split[b] = rng.uniform(0.35, 0.65, 2) * size
        for tile in range(1 if single else TILES):
            low, high = tile_box(split[b], size, tile)
            image[b, tile] = next_image()
            to_source[b, tile], flipped[b, tile] = _draw_view(packed, config, rng, image[b, tile], low, high, single)
        image[b, 1 if single else TILES :] = image[b, 0]
    return Plan(image, to_source, flipped, split, size)


def draw_angle(config: AugmentConfig, rng: np.random.Generator) -> float:
    """Degrees that a picture is turned by."""
    return float(np.clip(rng.normal(0, config.rotation_deg), -_MOST_TURN_DEG, _MOST_TURN_DEG))


def view(
    scale: float | np.ndarray, degrees: float, flip: bool, anchor_source: np.ndarray, anchor_net: np.ndarray
) -> np.ndarray:
    """(2, 3) map from network to source pixels: mirrored, enlarged by ``scale``, turned, anchor on anchor."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    forward = np.array([[c, -s], [s, c]]) @ np.diag(scale * np.array([-1.0 if flip else 1.0, 1.0]))
    inverse = np.linalg.inv(forward)
    return np.concatenate([inverse, (anchor_source - inverse @ anchor_net)[:, None]], 1)


def _draw_view(
    packed: PackedSet,
    config: AugmentConfig,
    rng: np.random.Generator,
    image: int,
    low: np.ndarray,
    high: np.ndarray,
    single: bool,
) -> tuple[np.ndarray, bool]:
    """(2, 3) map from network to source pixels for one tile, and whether it mirrors."""
    size, box = packed.sizes[image].astype(np.float64), high - low
    angle = draw_angle(config, rng)
    if rng.random() < config.any_rotation:
        angle = rng.uniform(-180, 180)
    person = _person_box(packed, rng, image)
    whole = person is None or (single and rng.random() < config.whole_picture)
    if whole:
        scale = (box / size).min() if person is not None else (box / size).max() * rng.uniform(1.0, 1.6)
        scale *= np.exp(rng.normal(0, 0.1))
        anchor_source, anchor_net = (size - 1) / 2, (low + high) / 2 + rng.normal(0, 0.04, 2) * box
        if rng.random() < 0.5:
            angle = 0.0
    else:
        row, anchor_source, extent = person
        largest = config.max_person_share * box.min()
        wanted = np.exp(rng.uniform(np.log(config.min_person_net_px), np.log(max(largest, config.min_person_net_px + 1))))
        least = min(config.fill * (box / size).max(), _MOST_ENLARGED)
        scale = np.clip(wanted / max(extent, 4.0), least, _MOST_ENLARGED)
        anchor_net = low + box * rng.uniform(0.25, 0.75, 2)
    flip = bool(rng.random() < config.flip)
    stretch = np.exp(rng.normal(0, config.aspect, 1)[0] * np.array([0.5, -0.5]))
    chance, *place = rng.uniform(*np.transpose([(0, 1), _CUT_AT, _CUT_FILLS, (0.25, 0.75)]))
    if single and not whole and chance < config.cut_by_border:
        forward = np.linalg.inv(view(stretch, angle, flip, anchor_source, anchor_net)[:, :2])
        cut = _cut_by_border(packed, row, forward, box, *place)
        scale, anchor_source, anchor_net = cut or (scale, anchor_source, anchor_net)
    return view(scale * stretch, angle, flip, anchor_source, anchor_net), flip


def _cut_by_border(
    packed: PackedSet, row: int, forward: np.ndarray, size: np.ndarray, at: float, fills: float, across: float
) -> tuple[float, np.ndarray, np.ndarray] | None:
    """Scale and anchors that let the lower border of a canvas of ``size`` (2,) cut person ``row`` between waist and chest.

    ``forward`` (2, 2) turns and mirrors the picture. None if they are not upright then, lack shoulders or hips, or are small.
    """
    known = packed.people.weight_2d[row] > 0
    xy = packed.people.joints_px[row].astype(np.float64)
    shoulders, hips = (ends[known[ends]] for ends in (TORSO[:2], TORSO[2:]))
    if not len(shoulders) or not len(hips):
        return None
    hip, shoulder = xy[hips].mean(0), xy[shoulders].mean(0)
    trunk = forward @ (shoulder - hip)
    if -trunk[1] <= _LEAST_UPRIGHT * np.linalg.norm(trunk):
        return None
    cut = hip + at * (shoulder - hip)
    shown = -((xy[known] - cut) @ forward.T)[:, 1].min()
    scale = fills * size[1] / shown
    if scale > _MOST_ENLARGED:
        return None
    return scale, cut, np.array([across * size[0], size[1] - 0.5])


def _person_box(packed: PackedSet, rng: np.random.Generator, image: int) -> tuple[int, np.ndarray, float] | None:
    """Row, centre and extent (longer side of the box of their labelled joints) of a random person in this picture."""
    start, stop = packed.people_start[image : image + 2]
    if start == stop:
        return None
    row = int(rng.integers(start, stop))
    xy = packed.people.joints_px[row][packed.people.weight_2d[row] > 0]
    if len(xy) < 2:
        return None
    low, high = xy.min(0), xy.max(0)
    return row, ((low + high) / 2).astype(np.float64), float((high - low).max())
