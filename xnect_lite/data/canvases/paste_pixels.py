"""Paints people into canvases as `paste` decided: in turns, one at most on every canvas, all canvases at once."""

from __future__ import annotations

import numpy as np
import torch

from xnect_lite.data.archives.packed import PackedSet, send
from xnect_lite.data.canvases.areas import Areas
from xnect_lite.data.canvases.canvas import picture_level
from xnect_lite.data.canvases.paste import Layers


def paint(packed: PackedSet, image: torch.Tensor, layers: Layers) -> None:
    """Paint those of ``layers`` who are pasted into ``image`` (B, 3, H, W), in place; its pixels must lie channels last."""
    pixels = image.permute(0, 2, 3, 1)
    for turn in layers.turns():
        _paint(packed, pixels, layers, turn)


def _paint(packed: PackedSet, pixels: torch.Tensor, layers: Layers, pasted: np.ndarray) -> None:
    """One person ``pasted`` (K,) on each of K canvases of ``pixels`` (B, H, W, 3)."""
    device, (height, width) = pixels.device, pixels.shape[1:3]
    boxes = _windows(packed.silhouettes.box_xyxy[layers.people.row[pasted]], layers.to_source[pasted], width, height)
    before = layers.nearer_than(pasted) & ~layers.pasted
    # With those first who have most people before them, having a k-th one before them is true of a first part of all pixels.
    order = np.argsort(-before.sum(1), kind="stable")
    order = order[(boxes[order, 2] > boxes[order, 0]) & (boxes[order, 3] > boxes[order, 1])]
    pasted, boxes, before = pasted[order], boxes[order], before[order]
    if not len(pasted):
        return
    areas = Areas.of(boxes, device)
    net = torch.stack([areas.x, areas.y], -1).float()

    source = _through(layers, pasted, areas.which, net)
    alpha = packed.silhouettes.alpha(_of(layers.people.row[pasted], areas.which), source)
    counts = before.sum(1)
    for k in range(counts.max()):
        some = int((counts > k).sum())
        nearer = np.argsort(~before[:some], axis=1, kind="stable")[:, k]
        part = slice(0, int(areas.ends[some - 1]))
        which = areas.which[part]
        over = packed.silhouettes.alpha(_of(layers.people.row[nearer], which), _through(layers, nearer, which, net[part]))
        alpha[part] *= 1 - over

    pictures = packed.picture_of(layers.people.row[pasted])
    level = picture_level(layers.to_source[pasted])
    colour = packed.images.gather(_of(pictures, areas.which), _of(level, areas.which), source, 0.0)
    index = (_of(layers.people.canvas[pasted], areas.which) * height + areas.y) * width + areas.x
    flat = pixels.view(-1, 3)
    flat.index_copy_(0, index, torch.lerp(flat.index_select(0, index), colour, alpha[:, None]))


def _of(values: np.ndarray, which: torch.Tensor) -> torch.Tensor:
    """(T, ...) the values (K, ...) of each pixel's rectangle."""
    return send(values, which.device).index_select(0, which)


def _through(layers: Layers, index: np.ndarray, which: torch.Tensor, net: torch.Tensor) -> torch.Tensor:
    """(T, 2) network pixels in the pictures that layers ``index`` (K,) belong to."""
    matrix = _of(layers.to_source[index].astype(np.float32), which)
    return matrix[..., 0] * net[:, :1] + matrix[..., 1] * net[:, 1:] + matrix[..., 2]


def _windows(boxes: np.ndarray, to_source: np.ndarray, width: int, height: int) -> np.ndarray:
    """(K, 4) left, top, right and bottom of the parts of canvases in which boxes (K, 4) of pictures lie."""
    corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]].astype(np.float64) - 0.5 - to_source[:, None, :, 2]
    inverse = np.linalg.inv(to_source[..., :2])
    net = inverse[:, None, :, 0] * corners[..., :1] + inverse[:, None, :, 1] * corners[..., 1:]
    limits = np.array([width, height])
    low, high = np.floor(net.min(1)).clip(0, limits), (np.ceil(net.max(1)) + 1).clip(0, limits)
    return np.concatenate([low, high], 1).astype(np.int64)
