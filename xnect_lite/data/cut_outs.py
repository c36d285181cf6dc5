"""People with their silhouettes, from the photo kit and from renders: what composites are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from xnect_lite.data.parts import read_manifest, read_packed
from xnect_lite.data.photokit import map_records, to_sample_and_taught
from xnect_lite.data.pictures import read_rgb
from xnect_lite.data.sample import LabelledPeople, Sample
from xnect_lite.errors import XnectError

_BORDER_PX = 2
_LEAST_HEIGHT_PX = 80
_SOFT = 0.45, 0.75  # the kit's masks fade out over too many pixels: halos of the old background would show


@dataclass(frozen=True)
class Layered:
    """A picture and the silhouettes of its labelled people.

    silhouettes: per row of ``sample.people`` a function that returns (H, W) float32 0..1, or None where nobody knows it.
    whole (P,) bool: the silhouette is known, ends inside the picture and is large enough to be cut out.
    """

    sample: Sample
    silhouettes: tuple[Callable[[], np.ndarray] | None, ...]
    whole: np.ndarray


def layered_photos(root: str | Path, split: str, sets: tuple[str, ...]) -> list[Layered]:
    """The photo kit's pictures. Raises as `read_photokit` does."""
    return list(map_records(_layered_record, root, split, sets))


def layered_renders(folder: str | Path, split: str) -> list[Layered]:
    """A folder of ``synth render``, silhouettes from its truth. Raises XnectError if one of its files cannot be read."""
    from xnect_lite.synth.truth import load_truths

    folder = Path(folder)
    parts = read_manifest(folder)["parts"]
    if not all("truth" in part for part in parts):
        raise XnectError(str(folder), "holds no truth, and so no silhouettes", "Give a folder of xnect-lite synth render")
    truths = dict(entry for part in parts for entry in load_truths(folder / part["truth"]))
    out = []
    for sample in read_packed(folder, split):
        truth = truths.get(sample.provenance)
        rows = [] if truth is None else np.flatnonzero(truth.labelled).tolist()
        if len(rows) != len(sample.people):
            raise XnectError(f"{folder}, {sample.provenance}", "has a truth of somebody else", "Render the folder again")
        out.append(_layered(sample, [partial(_of_ident, truth.ident, row + 1) for row in rows]))
    return out


def _layered_record(record: dict[str, Any], folder: Path, set_name: str) -> Layered:
    sample, taught = to_sample_and_taught(record, folder, set_name)
    return _layered(
        sample,
        [
            partial(_read_mask, folder / "masks" / p["mask"], p["mask_xyxy"], sample.size) if p.get("mask") else None
            for p in taught
        ],
        [p.get("mask_xyxy") if p.get("mask") else None for p in taught],
    )


def _layered(sample: Sample, silhouettes: list, boxes: list | None = None) -> Layered:
    """``boxes``: of the silhouettes, where they are known without reading them."""
    whole = []
    for i, silhouette in enumerate(silhouettes):
        box = None if silhouette is None else boxes[i] if boxes else box_of(silhouette())
        whole.append(box is not None and _is_whole(np.asarray(box, float), sample.size))
    return Layered(sample, tuple(silhouettes), np.array(whole, bool))


def _is_whole(box: np.ndarray, size: tuple[int, int]) -> bool:
    inside = (box[:2] >= _BORDER_PX).all() and (box[2:] <= np.array(size) - _BORDER_PX).all()
    return bool(inside and box[3] - box[1] >= _LEAST_HEIGHT_PX)


def box_of(alpha: np.ndarray) -> np.ndarray | None:
    """(4,) box of what is more than half opaque in (H, W), None if nothing is."""
    y, x = np.nonzero(alpha > 0.5)
    return np.array([x.min(), y.min(), x.max() + 1, y.max() + 1], np.float32) if len(x) else None


def _read_mask(path: Path, box: list[int], size: tuple[int, int]) -> np.ndarray:
    """(H, W) of a mask that covers only ``box`` of a picture of ``size``."""
    alpha = np.zeros((size[1], size[0]), np.float32)
    x0, y0, x1, y1 = (round(v) for v in box)
    mask = read_rgb(path)[..., 0].astype(np.float32) / 255
    if x1 <= x0 or y1 <= y0:
        return alpha
    mask = cv2.resize(mask, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
    mask = np.clip((mask - _SOFT[0]) / (_SOFT[1] - _SOFT[0]), 0, 1)
    left, top = max(x0, 0), max(y0, 0)
    part = mask[top - y0 : size[1] - y0, left - x0 : size[0] - x0]
    alpha[top : top + part.shape[0], left : left + part.shape[1]] = part
    return alpha


def _of_ident(ident: np.ndarray, person: int) -> np.ndarray:
    return cv2.GaussianBlur((ident == person).astype(np.float32), (0, 0), 0.7)


def moved(people: LabelledPeople, scale: float, shift: np.ndarray) -> LabelledPeople:
    """The labels of a picture enlarged by ``scale`` and moved by ``shift`` (2,) px.

    Bones stay as they are, as they are in the axes of the viewing ray; the place in the room is no longer known.
    """
    joints = scale * (people.joints_px + 0.5) - 0.5 + shift
    human = scale * (people.human_px + 0.5) - 0.5 + shift
    return replace(
        people,
        joints_px=joints.astype(np.float32),
        human_px=human.astype(np.float32),
        root_cam_mm=np.full_like(people.root_cam_mm, np.nan),
    )


def rows(people: LabelledPeople, index: np.ndarray | list[int]) -> LabelledPeople:
    """Some of the people."""
    return LabelledPeople(*(getattr(people, name)[index] for name in LabelledPeople.__slots__))
