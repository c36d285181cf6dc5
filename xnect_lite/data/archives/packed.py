"""A whole training set in memory: every picture decoded once to bytes on the device, labels in flat arrays.

Pictures have different sizes, so their pixels lie in one flat tensor with an offset per picture; sampling gathers from
it. Each picture is stored twice, whole and at half size, so that shrinking does not alias.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from tqdm import tqdm

from xnect_lite.data.sample import LabelledPeople, Sample
from xnect_lite.data.silhouettes import PackedSilhouettes, pack_silhouettes

LEVELS = 2


@dataclass(frozen=True)
class PackedImages:
    """Decoded pictures.

    pixels (total, 3) uint8 RGB on the device. offset, width, height: (N, LEVELS) int64 in pixels, level 0 whole and
    level 1 half size, rounded up.
    """

    pixels: torch.Tensor
    offset: torch.Tensor
    width: torch.Tensor
    height: torch.Tensor

    def __len__(self) -> int:
        return len(self.offset)

    def gather(self, image: torch.Tensor, level: torch.Tensor, xy: torch.Tensor, fill: float) -> torch.Tensor:
        """Bilinear samples of picture ``image`` at whole-size coordinates ``xy``.

        image, level: (...) int64; xy: (..., 2) float pixels of the whole picture. Returns (..., 3) float 0..255;
        outside the picture it is ``fill``.
        """
        shrink = (0.5**level).unsqueeze(-1).to(xy.dtype)
        x, y = ((xy + 0.5) * shrink - 0.5).unbind(-1)
        w, h = self.width[image, level], self.height[image, level]
        inside = (x > -0.5) & (y > -0.5) & (x < w - 0.5) & (y < h - 0.5)
        x, y = x.clamp_min(0).minimum(w - 1.0), y.clamp_min(0).minimum(h - 1.0)
        x0, y0 = x.long(), y.long()
        fx, fy = (x - x0).unsqueeze(-1), (y - y0).unsqueeze(-1)
        here = self.offset[image, level] + y0 * w + x0
        right = (x0 + 1 < w).long()
        down = torch.where(y0 + 1 < h, w, 0)

        def corner(index: torch.Tensor) -> torch.Tensor:
            return self.pixels.index_select(0, index.reshape(-1)).view(*index.shape, 3).float()

        top = torch.lerp(corner(here), corner(here + right), fx)
        bottom = torch.lerp(corner(here + down), corner(here + down + right), fx)
        return torch.where(inside.unsqueeze(-1), torch.lerp(top, bottom, fy), fill)


@dataclass(frozen=True)
class PackedSet:
    """Pictures and labels of a split.

    people:          everyone, picture after picture.
    people_start:    (N + 1,) first row of each picture in ``people``.
    ignore_xyxy:     (K, 4) ignore boxes, ignore_start (N + 1,) as above.
    negative_weight: (N,).
    synthetic:       (N,) bool, the picture is rendered.
    focal_px:        (N,) focal length in pixels of the whole picture, NaN = unknown.
    sizes:           (N, 2) width and height.
    silhouettes:     of everyone, where they are known.
    """

    images: PackedImages
    people: LabelledPeople
    people_start: np.ndarray
    ignore_xyxy: np.ndarray
    ignore_start: np.ndarray
    negative_weight: np.ndarray
    synthetic: np.ndarray
    focal_px: np.ndarray
    provenance: tuple[str, ...]
    sizes: np.ndarray
    silhouettes: PackedSilhouettes

    def __len__(self) -> int:
        return len(self.images)

    def picture_of(self, row: np.ndarray) -> np.ndarray:
        """(...) the picture that people ``row`` (...) are on."""
        return np.searchsorted(self.people_start, row, side="right") - 1


def pack(samples: Iterable[Sample], device: torch.device | str = "cpu", workers: int = 0, progress: bool = False) -> PackedSet:
    """Decode every picture, ``workers`` at once (0 = as many as there are processor cores), and lay the labels out flat."""
    samples, device, workers = list(samples), torch.device(device), workers or os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        decoded = pool.map(_levels, samples)
        pictures = list(tqdm(decoded, total=len(samples), desc="decoding", unit="image", disable=not progress))
    sizes = np.array([levels[0].shape[1::-1] for levels in pictures], np.int64).reshape(-1, 2)
    return PackedSet(
        images=_pack_images(pictures, device),
        people=LabelledPeople.stack([s.people for s in samples]),
        people_start=_starts([len(s.people) for s in samples]),
        ignore_xyxy=np.concatenate([s.ignore_xyxy for s in samples]) if samples else np.zeros((0, 4), np.float32),
        ignore_start=_starts([len(s.ignore_xyxy) for s in samples]),
        negative_weight=np.array([s.negative_weight for s in samples], np.float32),
        synthetic=np.array([s.synthetic for s in samples], bool),
        focal_px=np.array([np.nan if s.focal_px is None else s.focal_px for s in samples], np.float64),
        provenance=tuple(s.provenance for s in samples),
        sizes=sizes,
        silhouettes=pack_silhouettes(
            (one for s in samples for one in s.silhouettes or (None,) * len(s.people)), device, workers
        ),
    )


def _starts(counts: Sequence[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)


def _levels(sample: Sample) -> list[np.ndarray]:
    whole = sample.read_image()
    height, width = whole.shape[:2]
    even = cv2.copyMakeBorder(whole, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)  # half is then exactly half
    half = cv2.resize(even, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    return [whole, half]


def _pack_images(pictures: list[list[np.ndarray]], device: torch.device) -> PackedImages:
    shapes = np.array([[level.shape[:2] for level in levels] for levels in pictures], np.int64).reshape(-1, LEVELS, 2)
    sizes = shapes.prod(-1)
    offset = np.concatenate([[0], np.cumsum(sizes.ravel())[:-1]]).reshape(sizes.shape) if len(pictures) else sizes
    flat = np.empty((int(sizes.sum()), 3), np.uint8)
    for i, levels in enumerate(pictures):
        for k, level in enumerate(levels):
            flat[offset[i, k] : offset[i, k] + sizes[i, k]] = level.reshape(-1, 3)
        pictures[i] = []  # free as we go: the set is held once, not twice
    return PackedImages(
        torch.from_numpy(flat).to(device),
        torch.from_numpy(offset.astype(np.int64)).to(device),
        torch.from_numpy(np.ascontiguousarray(shapes[..., 1])).to(device),
        torch.from_numpy(np.ascontiguousarray(shapes[..., 0])).to(device),
    )


def send(array: np.ndarray, device: torch.device) -> torch.Tensor:
    """Copy to the device without waiting for the work already queued there."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)
