"""The one contract of all readers: a `Sample` is a picture and what is known of the people in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import cv2
import numpy as np

from xnect_lite.data.silhouettes import Silhouette
from xnect_lite.errors import XnectError
from xnect_lite.files.picture_file import decode
from xnect_lite.skeleton import NUM_JOINTS

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LabelledPeople:
    """Labels of everyone in a picture whose joints may be taught. P people, XNECT24 joints.

    joints_px      (P, 24, 2) pixels of the picture, NaN = unknown.
    joints_ray_mm  (P, 24, 3) root-relative in viewing-ray axes (x right, y down, z away), of a body scaled so that
                   thigh + shin + upper arm + forearm is 1.40 m; NaN = unknown.
    root_cam_mm    (P, 3) pelvis in camera space, metric; NaN = unknown.
    weight_2d      (P, 24) trust in the 2D position, 0..1; 0 = unknown, not absent.
    weight_3d      (P, 24) trust in the 3D position, 0..1.
    visible        (P, 24) bool, the joint can be seen.
    human_px       (P, 24, 2) positions given by a human annotator, NaN = none; what validation scores against.
    """

    joints_px: np.ndarray
    joints_ray_mm: np.ndarray
    root_cam_mm: np.ndarray
    weight_2d: np.ndarray
    weight_3d: np.ndarray
    visible: np.ndarray
    human_px: np.ndarray

    @classmethod
    def empty(cls, count: int = 0) -> LabelledPeople:
        """``count`` people of whom nothing is known."""

        def nan(*shape: int) -> np.ndarray:
            return np.full(shape, np.nan, np.float32)

        zero = np.zeros((count, NUM_JOINTS), np.float32)
        return cls(
            nan(count, NUM_JOINTS, 2),
            nan(count, NUM_JOINTS, 3),
            nan(count, 3),
            zero,
            zero.copy(),
            zero > 0,
            nan(count, NUM_JOINTS, 2),
        )

    def __len__(self) -> int:
        return len(self.joints_px)

    @classmethod
    def stack(cls, people: list[LabelledPeople]) -> LabelledPeople:
        """Concatenate along the people axis."""
        if not people:
            return cls.empty()
        return cls(*(np.concatenate([getattr(p, name) for p in people]) for name in cls.__slots__))


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture and its labels.

    read_image:       returns (H, W, 3) uint8 RGB; pictures are decoded only when asked for.
    size:             (width, height) in pixels.
    ignore_xyxy:      (K, 4) boxes where somebody is, or may be, whom nobody labelled reliably: no loss there.
    negative_weight:  0..1, trust that a place without a label holds nobody.
    focal_px:         focal length or None.
    provenance:       data set and file, for messages and contact sheets.
    read_encoded:     returns the picture file's own bytes, where there is a file; archives copy these.
    synthetic:        rendered, not photographed: every label is exact.
    silhouettes:      of each of ``people``, None where nobody knows it; empty = of nobody.
    """

    read_image: Callable[[], np.ndarray]
    size: tuple[int, int]
    people: LabelledPeople
    ignore_xyxy: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    negative_weight: float = 1.0
    focal_px: float | None = None
    provenance: str = ""
    read_encoded: Callable[[], bytes] | None = None
    synthetic: bool = False
    silhouettes: tuple[Silhouette | None, ...] = ()


def evenly(samples: list[T], limit: int) -> list[T]:
    """At most ``limit`` of the samples (or of anything else), evenly spread; 0 = all."""
    return samples[:: -(-len(samples) // limit)] if 0 < limit < len(samples) else samples


def decode_rgb(data: bytes, name: str) -> np.ndarray:
    """Decode a picture file's bytes to (H, W, 3) uint8 RGB. Raises XnectError naming ``name`` if they are no picture.

    An orientation in the file's metadata is not applied: labels are in the pixels as stored.
    """
    try:
        image = decode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except ValueError as error:
        raise XnectError(name, str(error), "Fetch the file again") from error
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
