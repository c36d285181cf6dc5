"""Composites in MuCo-3DHP's manner, made while training: people cut out of other pictures by their silhouettes, pasted in
depth order, with everybody's labels. Here all is decided, for a whole batch; `paste_pixels` paints.

Photographs tell no distances, so whoever stands lower on the canvas is taken as nearer, as on level ground. People of the
canvas who are nearer than somebody pasted come before them again, if their silhouettes are known. A joint behind somebody
nearer is hidden: it can only be guessed, and counts half.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from xnect_lite.data.archives.packed import PackedSet
from xnect_lite.data.canvases.canvas import CanvasPeople, Windows, people_in_windows
from xnect_lite.data.canvases.config import AugmentConfig
from xnect_lite.data.canvases.views import Plan, apply, draw_angles, views
from xnect_lite.skeleton import LIMB_JOINTS_12

HIDDEN_SHARE = 0.5
_LEAST_SEEN = 3  # joints
_LEAST_IN_VIEW = 2 / 3  # of the limb joints
_MOST_PASTED = 2
_MOST_ENLARGED = 2.0
_LEAST_NET_PX = 24.0


@dataclass(frozen=True)
class Pastes:
    """M people: row (M,) of the packed set, canvas (M,) ascending; to_source (M, 2, 3) from network to source pixels."""

    canvas: np.ndarray
    row: np.ndarray
    to_source: np.ndarray
    flipped: np.ndarray

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True)
class Layers:
    """Everybody (L) of the canvases that somebody is pasted into; the nearer, the greater their layer.

    to_source (L, 2, 3): of the picture that their silhouette belongs to. pasted (L,) bool.
    """

    people: CanvasPeople
    to_source: np.ndarray
    pasted: np.ndarray

    def nearer_than(self, index: np.ndarray) -> np.ndarray:
        """(K, L) bool: who stands before layers ``index`` (K,) on their canvas."""
        canvas, layer = self.people.canvas, self.people.layer
        return (canvas[index, None] == canvas) & (layer[index, None] < layer)

    def turns(self) -> list[np.ndarray]:
        """Indices of those to be pasted, the farthest first; a turn holds one of a canvas at most."""
        index = np.flatnonzero(self.pasted)
        nearer = self.nearer_than(index)[:, index].sum(1)
        return [index[nearer == k] for k in reversed(range(nearer.max(initial=-1) + 1))]


@dataclass(frozen=True)
class Composites:
    """A batch in which people are pasted: those of whom enough shows, everyone's layers on the canvases concerned, and boxes of
    those of whom too little shows, hidden_xyxy (H, 4) network pixels on canvas hidden_on (H,).
    """

    people: CanvasPeople
    layers: Layers
    hidden_on: np.ndarray
    hidden_xyxy: np.ndarray

    def renumbered(self, numbers: np.ndarray) -> Composites:
        """The same, canvas b now being number ``numbers[b]``."""
        layers = replace(self.layers, people=replace(self.layers.people, canvas=numbers[self.layers.people.canvas]))
        return Composites(self.people.renumbered(numbers), layers, numbers[self.hidden_on], self.hidden_xyxy)

    def hidden(self, shape: tuple[int, ...], stride: int) -> np.ndarray:
        """(B, h, w) bool of this ``shape``: map cells where somebody is of whom too little shows."""
        out = np.zeros(shape, bool)
        limits = np.array([shape[2], shape[1]] * 2)
        for b, (x0, y0, x1, y1) in zip(self.hidden_on, (self.hidden_xyxy / stride).clip(0, limits), strict=True):
            out[b, int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = True
        return out


class Paster:
    """Decides who of a packed set is pasted where."""

    def __init__(self, packed: PackedSet) -> None:
        self.packed = packed
        self._image = np.repeat(np.arange(len(packed)), np.diff(packed.people_start))
        # Of people half hidden in their own picture, only pieces could be cut out.
        in_view = packed.people.visible[:, LIMB_JOINTS_12].mean(1) >= _LEAST_IN_VIEW
        self._choices = np.flatnonzero(packed.silhouettes.whole(packed.sizes[self._image]) & in_view)

    def draw(self, people: CanvasPeople, plan: Plan, config: AugmentConfig, rng: np.random.Generator) -> Pastes:
        """One or two people at random places of a share of the canvases of one picture.

        They stand near somebody there, about as tall, lower if taller.
        """
        if not len(self._choices) or config.paste <= 0:
            return Pastes(*(np.zeros((0, *shape), kind) for shape, kind in (((), int), ((), int), ((2, 3), float), ((), bool))))
        chosen = np.flatnonzero(plan.single & (rng.random(len(plan.image)) < config.paste))
        canvas = np.repeat(chosen, rng.integers(1, _MOST_PASTED + 1, len(chosen)))
        count, (width, height) = len(canvas), plan.size
        row = rng.choice(self._choices, count)
        near, there = _draw_neighbours(people, canvas, len(plan.image), rng)
        low, high = (np.where(there[:, None], corner, 0.0) for corner in near)
        tall = np.where(there, (high - low).max(1).clip(_LEAST_NET_PX), rng.uniform(0.3, 0.9, count) * height)
        centre = np.where(there, (low[:, 0] + high[:, 0]) / 2, rng.uniform(0, width, count))
        feet = np.where(there, high[:, 1], rng.uniform(0.6, 1.1, count) * height)

        x0, y0, x1, y1 = self.packed.silhouettes.box_xyxy[row].astype(np.float64).T
        wanted = tall * np.exp(rng.uniform(np.log(0.6), np.log(1.5), count))
        scale = np.clip(wanted, _LEAST_NET_PX, _MOST_ENLARGED * (y1 - y0)) / (y1 - y0)
        share = scale * (y1 - y0) / tall
        x = centre + rng.uniform(-0.6, 0.6, count) * tall
        y = feet + (share - 1) * 0.4 * tall + rng.normal(0, 0.03, count) * tall
        flip, angle = rng.random(count) < config.flip, draw_angles(config, rng, count)
        feet_source = np.stack([(x0 + x1) / 2, y1], 1) - 0.5
        return Pastes(canvas, row, views(scale[:, None], angle, flip, feet_source, np.stack([x, y], 1)), flip)

    def compose(self, people: CanvasPeople, plan: Plan, pastes: Pastes) -> Composites:
        """Put ``pastes`` before and behind the ``people`` of the pictures, and see who hides whom."""
        if not len(pastes):
            nobody = people.rows(slice(0))
            return Composites(people, Layers(nobody, np.zeros((0, 2, 3)), np.zeros(0, bool)), nobody.canvas, np.zeros((0, 4)))
        layers = self._layers(people, plan, pastes)
        everyone = layers.people
        covered = self._covered(layers)
        seen = everyone.seen & ~covered
        hidden = (layers.pasted | covered.any(1)) & (seen.sum(1) < _LEAST_SEEN)
        weight = everyone.weight_2d * np.where(covered, HIDDEN_SHARE, 1.0)
        taught = replace(everyone, seen=seen, weight_2d=weight).rows(~hidden)
        others = people.rows(~np.isin(people.canvas, pastes.canvas))
        return Composites(
            CanvasPeople.joined([others, taught]).by_canvas(),
            layers,
            everyone.canvas[hidden],
            _wider(*everyone.rows(hidden).boxes()),
        )

    def _layers(self, people: CanvasPeople, plan: Plan, pastes: Pastes) -> Layers:
        """Pasted people of whom no joint would be on the canvas are left out."""
        corner = np.broadcast_to(np.array(plan.size, np.float64), (len(pastes), 2))
        windows = Windows(
            pastes.canvas, self._image[pastes.row], pastes.to_source, pastes.flipped, np.zeros_like(corner), corner
        )
        found, there = people_in_windows(self.packed, windows, np.arange(len(pastes)), pastes.row)
        base = people.rows(np.isin(people.canvas, pastes.canvas))
        everyone = CanvasPeople.joined([base, found])
        to_source = np.concatenate([plan.to_source[base.canvas, 0], pastes.to_source[there]])
        pasted = np.arange(len(everyone)) >= len(base)
        order, layer = self._far_to_near(everyone, pasted)
        return Layers(replace(everyone.rows(order), layer=layer), to_source[order], pasted[order])

    def _far_to_near(self, people: CanvasPeople, pasted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(L,) index of the people from far to near, canvas after canvas, and (L,) their layers in that order."""
        low, high = people.boxes()
        size, feet = (high - low).max(1), high[:, 1]
        over = ~pasted & self.packed.silhouettes.known[people.row]  # who can be painted over somebody
        order: list[int] = []
        layers: list[int] = []
        for canvas in np.unique(people.canvas):
            here = np.flatnonzero(people.canvas == canvas)
            base, new = here[~pasted[here]], here[pasted[here]]
            by_depth = np.isfinite(people.log_depth[base]).all()
            far_to_near = base[np.argsort(-people.log_depth[base] if by_depth else size[base])].tolist()
            # Somebody pasted stands behind those nearest ones who are lower, and can be painted over them.
            for one in new[np.argsort(feet[new])].tolist():
                behind = [k for k, other in enumerate(far_to_near) if not (over[other] and feet[other] > feet[one])]
                far_to_near.insert(1 + max(behind, default=-1), one)
            order += far_to_near
            layers += range(len(far_to_near))
        return np.array(order, np.int64), np.array(layers, np.float64)

    def _covered(self, layers: Layers) -> np.ndarray:
        """(L, 24) bool. Who hides whom among the base picture's own people is in their labels already."""
        far, near = np.nonzero(layers.nearer_than(np.arange(len(layers.people))) & (layers.pasted[:, None] | layers.pasted))
        covered = np.zeros(layers.people.weight_2d.shape, bool)
        if len(far):
            to_source = layers.to_source[near]
            source = apply(to_source[..., :2], layers.people.joints_net_px[far]) + to_source[:, None, :, 2]
            row = torch.from_numpy(layers.people.row[near])[:, None].expand(source.shape[:2])
            alpha = self.packed.silhouettes.alpha(row, torch.from_numpy(source.astype(np.float32)))
            np.logical_or.at(covered, far, alpha.numpy() > 0.5)
        return covered


def _draw_neighbours(
    people: CanvasPeople, canvas: np.ndarray, canvases: int, rng: np.random.Generator
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Low and high corner (M, 2) of a random person of each of ``canvas`` (M,), and (M,) whether anybody is there."""
    counts = people.counts(canvases)
    index = (np.cumsum(counts) - counts)[canvas] + (rng.random(len(canvas)) * counts[canvas]).astype(np.int64)
    there = counts[canvas] > 0
    corners = np.zeros((2, len(canvas), 2))
    corners[:, there] = people.rows(index[there]).boxes()
    return (corners[0], corners[1]), there


def _wider(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """(N, 4) boxes a tenth wider than from low to high (N, 2)."""
    margin = 0.1 * (high - low).max(1, keepdims=True, initial=0)
    return np.concatenate([low - margin, high + margin], 1)
