"""Silhouettes of labelled people: who can be cut out of a picture, and where they hide what is behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from xnect_lite.errors import XnectError
from xnect_lite.files.picture_file import decode

_MOST_PX = 96  # longer side in memory: outlines of people need no more, and a kit of 20,000 then takes 100 MB
_SOFT = 0.45, 0.75  # segmenters' masks fade out over too many pixels: halos of the old background would show
_BORDER_PX = 2
_LEAST_HEIGHT_PX = 80


@dataclass(frozen=True, slots=True)
class Silhouette:
    """One person's outline. read_png: a grey PNG file, 255 = the person, that fills box_xyxy (4,) of the picture."""

    read_png: Callable[[], bytes]
    box_xyxy: np.ndarray

    @classmethod
    def of(cls, inside: np.ndarray) -> Silhouette | None:
        """Of (H, W) bool; None if nothing is inside."""
        y, x = np.nonzero(inside)
        if not len(x):
            return None
        x0, y0, x1, y1 = x.min(), y.min(), x.max() + 1, y.max() + 1
        png = cv2.imencode(".png", inside[y0:y1, x0:x1].astype(np.uint8) * 255)[1].tobytes()
        return cls(lambda: png, np.array([x0, y0, x1, y1], np.float32))

    def decoded(self) -> np.ndarray:
        """(h, w) uint8 over the box, at most 96 px long. Raises XnectError if the file cannot be decoded."""
        try:
            mask = decode(self.read_png(), cv2.IMREAD_GRAYSCALE)
        except ValueError as error:
            raise XnectError("a silhouette", str(error), "Fetch or pack the data set again") from error
        shrink = _MOST_PX / max(mask.shape)
        if shrink >= 1:
            return mask
        size = tuple(max(1, round(side * shrink)) for side in mask.shape[::-1])
        return cv2.resize(mask, size, interpolation=cv2.INTER_AREA)


@dataclass(frozen=True)
class SilhouetteTable:
    """Silhouettes on one device, in the order of P people.

    pixels: (total,) uint8; place: (P, 3) int64 offset, width and height; box_xyxy: (P, 4) float32.
    """

    pixels: torch.Tensor
    place: torch.Tensor
    box_xyxy: torch.Tensor

    def to(self, device: torch.device) -> SilhouetteTable:
        """The same on another device."""
        return SilhouetteTable(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))

    def alpha(self, row: torch.Tensor, xy: torch.Tensor) -> torch.Tensor:
        """(...) 0..1, how much of persons ``row`` (...) covers (..., 2) pixels of their own pictures; of NaN, nothing."""
        offset, width, height = self.place[row].unbind(-1)
        last_x, last_y = ((size - 1).clamp_min(0) for size in (width, height))
        x0, y0, x1, y1 = self.box_xyxy[row].unbind(-1)
        x = (xy[..., 0] + 0.5 - x0) * (width / (x1 - x0)) - 0.5
        y = (xy[..., 1] + 0.5 - y0) * (height / (y1 - y0)) - 0.5
        inside = (x >= -0.5) & (y >= -0.5) & (x <= width - 0.5) & (y <= height - 0.5)
        x, y = (torch.where(inside, v, 0.0).clamp_min(0).minimum(last.float()) for v, last in ((x, last_x), (y, last_y)))
        left, top = x.long(), y.long()
        right, bottom = torch.minimum(left + 1, last_x), torch.minimum(top + 1, last_y)

        def at(down: torch.Tensor, across: torch.Tensor) -> torch.Tensor:
            return self.pixels[offset + down * width + across].float()

        upper = torch.lerp(at(top, left), at(top, right), x - left)
        lower = torch.lerp(at(bottom, left), at(bottom, right), x - left)
        value = torch.lerp(upper, lower, y - top) / 255
        return inside * ((value - _SOFT[0]) / (_SOFT[1] - _SOFT[0])).clamp(0, 1)


@dataclass(frozen=True)
class PackedSilhouettes:
    """Everyone's silhouettes, in the order of a packed set's P people.

    on_device, on_host: twice, so that labels can ask without waiting for the device.
    known: (P,) bool. box_xyxy: (P, 4) in pixels of the person's picture.
    """

    on_device: SilhouetteTable
    on_host: SilhouetteTable
    known: np.ndarray
    box_xyxy: np.ndarray

    def whole(self, sizes: np.ndarray) -> np.ndarray:
        """(P,) bool: large enough to be cut out, and not cut by the edge of their picture; sizes (P, 2) width, height."""
        box = self.box_xyxy
        inside = (box[:, :2] >= _BORDER_PX).all(1) & (box[:, 2:] <= sizes - _BORDER_PX).all(1)
        return self.known & inside & (box[:, 3] - box[:, 1] >= _LEAST_HEIGHT_PX)

    def alpha(self, row: torch.Tensor, xy: torch.Tensor) -> torch.Tensor:
        """As `SilhouetteTable.alpha`, on the device that ``row`` and ``xy`` are on."""
        return (self.on_host if xy.device.type == "cpu" else self.on_device).alpha(row, xy)


def pack_silhouettes(silhouettes: Iterable[Silhouette | None], device: torch.device, workers: int = 1) -> PackedSilhouettes:
    """Decode them all, ``workers`` at once. Raises XnectError if one cannot be decoded."""
    found = [one if one is not None and (one.box_xyxy[2:] > one.box_xyxy[:2]).all() else None for one in silhouettes]
    with ThreadPoolExecutor(workers) as pool:
        masks = list(pool.map(_decoded, found))
    shapes = np.array([mask.shape for mask in masks], np.int64).reshape(-1, 2)
    sizes = shapes.prod(1)
    pixels = np.concatenate(
        [*(mask.ravel() for mask in masks), np.zeros(1, np.uint8)]
    )  # whoever is not known reads the last one
    boxes = np.array([np.zeros(4) if one is None else one.box_xyxy for one in found], np.float32).reshape(-1, 4)
    place = np.column_stack([np.cumsum(sizes) - sizes, shapes[:, 1], shapes[:, 0]])
    table = SilhouetteTable(*map(torch.from_numpy, (pixels, place, boxes)))
    return PackedSilhouettes(table.to(device), table, sizes > 0, boxes)


def _decoded(one: Silhouette | None) -> np.ndarray:
    return np.zeros((0, 0), np.uint8) if one is None else one.decoded()
