"""Composites in MuCo-3DHP's manner, made while training: people cut out of other pictures by their silhouettes, pasted in
depth order, with everybody's labels.

Photographs tell no distances, so whoever stands lower on the canvas is taken as nearer, as on level ground. People of the
canvas who are nearer than somebody pasted come before them again, if their silhouettes are known. A joint behind somebody
nearer is hidden: it can only be guessed, and counts half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from xnect_lite.data.augment_config import AugmentConfig
from xnect_lite.data.canvas import CanvasPeople, people_in_view, picture_level
from xnect_lite.data.packed import PackedSet
from xnect_lite.data.views import Plan, draw_angle, view
from xnect_lite.skeleton import LIMB_JOINTS_12

HIDDEN_SHARE = 0.5
_LEAST_SEEN = 3  # joints
_LEAST_IN_VIEW = 2 / 3  # of the limb joints
_MOST_PASTED = 2
_MOST_ENLARGED = 2.0
_LEAST_NET_PX = 24.0


@dataclass(frozen=True)
class Paste:
    """Person ``row`` of the packed set, seen through to_source (2, 3), network to source pixels."""

    row: int
    to_source: np.ndarray
    flipped: bool


@dataclass(frozen=True)
class _Layer:
    """One person (P = 1) between the others of a canvas, and the view of the picture that their silhouette belongs to."""

    people: CanvasPeople
    to_source: np.ndarray
    pasted: bool

    @property
    def row(self) -> int:
        return int(self.people.row[0])

    @property
    def feet(self) -> float:
        """How low on the canvas the person reaches."""
        return float(np.nanmax(self.people.joints_net_px[..., 1]))

    def source(self, xy_net: torch.Tensor) -> torch.Tensor:
        """(..., 2) network pixels in their picture."""
        (a, b, c), (d, e, f) = self.to_source.tolist()
        x, y = xy_net.unbind(-1)
        return torch.stack([a * x + b * y + c, d * x + e * y + f], -1)


class Paster:
    """Pastes people of a packed set into canvases."""

    def __init__(self, packed: PackedSet) -> None:
        self.packed = packed
        self._image = np.repeat(np.arange(len(packed)), np.diff(packed.people_start))
        # Of people half hidden in their own picture, only pieces could be cut out.
        in_view = packed.people.visible[:, LIMB_JOINTS_12].mean(1) >= _LEAST_IN_VIEW
        self._choices = np.flatnonzero(packed.silhouettes.whole(packed.sizes[self._image]) & in_view)

    def chosen(self, plan: Plan, config: AugmentConfig, rng: np.random.Generator) -> list[int]:
        """Which canvases get somebody pasted in: a share of those that show one picture."""
        if not len(self._choices) or config.paste <= 0:
            return []
        return [b for b in range(len(plan.image)) if plan.single(b) and rng.random() < config.paste]

    def draw(self, base: CanvasPeople, size: tuple[int, int], config: AugmentConfig, rng: np.random.Generator) -> list[Paste]:
        """One or two people at random places of a canvas of ``size``: near somebody there, about as tall, lower if taller."""
        return [self._draw(base, size, config, rng) for _ in range(int(rng.integers(1, _MOST_PASTED + 1)))]

    def _draw(self, base: CanvasPeople, size: tuple[int, int], config: AugmentConfig, rng: np.random.Generator) -> Paste:
        width, height = size
        row = int(rng.choice(self._choices))
        x0, y0, x1, y1 = self.packed.silhouettes.box_xyxy[row].astype(np.float64)
        if len(base):
            xy = base.joints_net_px[rng.integers(len(base))]
            low, high = np.nanmin(xy, 0), np.nanmax(xy, 0)
            tall, centre, feet = max(float((high - low).max()), _LEAST_NET_PX), (low[0] + high[0]) / 2, high[1]
        else:
            tall, centre, feet = rng.uniform(0.3, 0.9) * height, rng.uniform(0, width), rng.uniform(0.6, 1.1) * height
        wanted = tall * np.exp(rng.uniform(np.log(0.6), np.log(1.5)))
        scale = np.clip(wanted, _LEAST_NET_PX, _MOST_ENLARGED * (y1 - y0)) / (y1 - y0)
        share = scale * (y1 - y0) / tall
        x = centre + rng.uniform(-0.6, 0.6) * tall
        y = feet + (share - 1) * 0.4 * tall + rng.normal(0, 0.03) * tall
        flip = bool(rng.random() < config.flip)
        feet_source = np.array([(x0 + x1) / 2, y1]) - 0.5
        return Paste(row, view(scale, draw_angle(config, rng), flip, feet_source, np.array([x, y])), flip)

    def paste(
        self, image: torch.Tensor, base: CanvasPeople, base_to_source: np.ndarray, pastes: Sequence[Paste]
    ) -> tuple[CanvasPeople, np.ndarray]:
        """Paint ``pastes`` into ``image`` (3, H, W), in place, before and behind the ``base`` picture's people.

        Returns everyone of whom enough shows, and (K, 4) boxes of the others, network pixels.
        """
        layers = self._far_to_near(base, base_to_source, [self._layer(one, image.shape[2], image.shape[1]) for one in pastes])
        for k, layer in enumerate(layers):
            if layer.pasted:
                self._paint(image, layer, before=[nearer for nearer in layers[k + 1 :] if not nearer.pasted])
        taught, hidden = [], []
        for k, layer in enumerate(layers):
            covered = self._covered(layer, layers[k + 1 :])
            people = layer.people
            seen = people.seen & ~covered
            if (layer.pasted or covered.any()) and seen.sum() < _LEAST_SEEN:
                hidden.append(_box(people.joints_net_px[0]))
                continue
            weight = people.weight_2d * np.where(covered, HIDDEN_SHARE, 1.0)
            taught.append(replace(people, seen=seen, weight_2d=weight, layer=np.array([float(k)])))
        return CanvasPeople.joined([base.rows(slice(0)), *taught]), np.array(hidden).reshape(-1, 4)

    def _layer(self, one: Paste, width: int, height: int) -> _Layer | None:
        """None if no joint of theirs would be on the canvas."""
        corners = np.zeros(2), np.array([width, height], np.float64)
        rows, image = slice(one.row, one.row + 1), int(self._image[one.row])
        people = people_in_view(self.packed, image, rows, one.to_source, one.flipped, *corners)
        return _Layer(people, one.to_source, pasted=True) if len(people) else None

    def _far_to_near(self, base: CanvasPeople, base_to_source: np.ndarray, pasted: Sequence[_Layer | None]) -> list[_Layer]:
        """Base people in their own order; somebody pasted stands behind those nearest ones who can be painted over them."""
        layers = [_Layer(base.rows([i]), base_to_source, pasted=False) for i in base.far_to_near()]
        for one in sorted((one for one in pasted if one is not None), key=lambda one: one.feet):
            behind = [k for k, other in enumerate(layers) if other.pasted or not self._is_before(other, one)]
            layers.insert(1 + max(behind, default=-1), one)
        return layers

    def _is_before(self, other: _Layer, one: _Layer) -> bool:
        return bool(self.packed.silhouettes.known[other.row]) and other.feet > one.feet

    def _paint(self, image: torch.Tensor, layer: _Layer, before: Sequence[_Layer]) -> None:
        silhouettes, images = self.packed.silhouettes, self.packed.images
        window = _window(silhouettes.box_xyxy[layer.row], layer.to_source, image.shape[2], image.shape[1])
        if window is None:
            return
        left, top, right, bottom = window
        xs = torch.arange(left, right, dtype=torch.float32, device=image.device)
        ys = torch.arange(top, bottom, dtype=torch.float32, device=image.device)
        net = torch.stack(torch.meshgrid(xs, ys, indexing="xy"), -1)
        source = layer.source(net)
        alpha = silhouettes.alpha(layer.row, source)
        for other in before:
            alpha = alpha * (1 - silhouettes.alpha(other.row, other.source(net)))
        level = int(picture_level(layer.to_source))
        of = torch.full(source.shape[:-1], int(self._image[layer.row]), device=image.device)
        colour = images.gather(of, torch.full_like(of, level), source, 0.0)
        area = image[:, top:bottom, left:right]
        area.lerp_(colour.permute(2, 0, 1), alpha.expand_as(area))

    def _covered(self, layer: _Layer, nearer: Sequence[_Layer]) -> np.ndarray:
        """(1, 24) bool. Who hides whom among the base picture's own people is in their labels already."""
        joints = torch.from_numpy(layer.people.joints_net_px.astype(np.float32))
        covered = np.zeros(joints.shape[:-1], bool)
        for other in nearer:
            if layer.pasted or other.pasted:
                covered |= (self.packed.silhouettes.alpha(other.row, other.source(joints)) > 0.5).numpy()
        return covered


def _window(box: np.ndarray, to_source: np.ndarray, width: int, height: int) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of the canvas' part in which the box of a picture lies."""
    x0, y0, x1, y1 = (float(v) - 0.5 for v in box)
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    net = (corners - to_source[:, 2]) @ np.linalg.inv(to_source[:, :2]).T
    left, top = np.floor(net.min(0)).clip(0, (width, height)).astype(int).tolist()
    right, bottom = (np.ceil(net.max(0)) + 1).clip(0, (width, height)).astype(int).tolist()
    return (left, top, right, bottom) if left < right and top < bottom else None


def _box(joints: np.ndarray) -> np.ndarray:
    """(4,) around the joints (24, 2) that are known, a tenth wider."""
    low, high = np.nanmin(joints, 0), np.nanmax(joints, 0)
    margin = 0.1 * (high - low).max()
    return np.concatenate([low - margin, high + margin])
