"""Composites in MuCo-3DHP's manner: people cut out of other pictures, pasted in depth order, with everybody's labels.

Photographs tell no distances, so who stands lower in the picture is taken as nearer, as on level ground. People of the base
picture who are nearer than somebody pasted come before them again. A joint behind somebody nearer is hidden.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np

from xnect_lite.data.cut_outs import Layered, box_of, moved, rows
from xnect_lite.data.sample import LabelledPeople, Sample, decode_rgb
from xnect_lite.errors import XnectError

_LEAST_VISIBLE = 3
_MOST_ENLARGED = 1.3
_QUALITY = 92


@dataclass(frozen=True)
class Layer:
    """One person: colours (H, W, 3) float32 0..255 where alpha (H, W) is not 0, labels (P = 1), and whether pasted."""

    colour: np.ndarray
    alpha: np.ndarray
    people: LabelledPeople
    pasted: bool

    @property
    def nearness(self) -> float:
        """How low in the picture the person reaches."""
        box = box_of(self.alpha)
        return -np.inf if box is None else float(box[3])


def composites(pictures: Sequence[Layered], count: int, seed: int) -> Iterator[Sample]:
    """Yield ``count`` composites; number i depends on the pictures, ``seed`` and i alone.

    Raises XnectError if nobody can be cut out.
    """
    choices = [(p, int(row)) for p, picture in enumerate(pictures) for row in np.flatnonzero(picture.whole)]
    if not choices:
        raise XnectError("Composites", "nobody in these pictures can be cut out", "Give pictures with masks of whole people")
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        base = pictures[rng.integers(len(pictures))]
        chosen = [choices[rng.integers(len(choices))] for _ in range(int(rng.integers(1, 4)))]
        people = [_cut(pictures[p], row) for p, row in chosen]
        yield compose(base, people, rng, f"composite {seed} {number:07d}")


def _cut(picture: Layered, row: int) -> Layer:
    image = picture.sample.read_image().astype(np.float32)
    return Layer(image, picture.silhouettes[row](), rows(picture.sample.people, [row]), pasted=True)


def compose(base: Layered, people: Sequence[Layer], rng: np.random.Generator, name: str) -> Sample:
    """``people``, each in a picture of their own, pasted at random places into ``base``."""
    image = base.sample.read_image().astype(np.float32)
    own = [
        Layer(image, silhouette() if silhouette else np.zeros(image.shape[:2], np.float32), one, pasted=False)
        for silhouette, one in zip(base.silhouettes, _each(base.sample.people), strict=True)
    ]
    layers = own + [place(person, image.shape[:2], own, rng) for person in people]
    picture, labels, hidden = stack(image, layers)
    jpeg = _encode(picture)
    return Sample(
        read_image=partial(decode_rgb, jpeg, name),
        size=base.sample.size,
        people=labels,
        ignore_xyxy=np.concatenate([base.sample.ignore_xyxy.reshape(-1, 4), hidden]).astype(np.float32),
        negative_weight=base.sample.negative_weight,
        provenance=name,
        read_encoded=partial(bytes, jpeg),
    )


def place(person: Layer, shape: tuple[int, int], others: Sequence[Layer], rng: np.random.Generator) -> Layer:
    """The person scaled and moved into a picture of ``shape``: near somebody there, about as tall, lower if taller."""
    height, width = shape
    box = box_of(person.alpha)
    boxes = [b for b in (box_of(layer.alpha) for layer in others) if b is not None]
    if boxes:
        near = boxes[rng.integers(len(boxes))]
        tall, centre, feet = near[3] - near[1], (near[0] + near[2]) / 2, near[3]
    else:
        tall, centre, feet = rng.uniform(0.3, 0.9) * height, rng.uniform(0, width), rng.uniform(0.6, 1.1) * height
    share = np.exp(rng.uniform(np.log(0.6), np.log(1.5)))
    scale = min(share * tall / (box[3] - box[1]), _MOST_ENLARGED)
    share = scale * (box[3] - box[1]) / tall
    x = centre + rng.uniform(-1.0, 1.0) * 0.6 * tall
    y = feet + (share - 1) * 0.4 * tall + rng.normal(0, 0.03) * tall
    shift = np.array([x, y]) - scale * np.array([(box[0] + box[2]) / 2, box[3]])
    # Pixel centres: a place p of the cut-out's picture comes to scale * (p + .5) - .5 + shift.
    matrix = np.array([[scale, 0, 0.5 * scale - 0.5 + shift[0]], [0, scale, 0.5 * scale - 0.5 + shift[1]]])
    colour, alpha = person.colour, person.alpha
    if scale < 0.7:  # shrinking by much: average first
        blur = 0.35 / scale
        colour, alpha = cv2.GaussianBlur(colour, (0, 0), blur), cv2.GaussianBlur(alpha, (0, 0), blur)
    colour = cv2.warpAffine(colour, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(alpha, matrix, (width, height), flags=cv2.INTER_LINEAR)
    return Layer(colour, alpha, moved(person.people, scale, shift), pasted=True)


def stack(image: np.ndarray, layers: Sequence[Layer]) -> tuple[np.ndarray, LabelledPeople, np.ndarray]:
    """The picture (H, W, 3) uint8, the labels of those of whom enough shows, and (K, 4) boxes of the others."""
    order = sorted(range(len(layers)), key=lambda i: layers[i].nearness)
    picture = image.copy()
    for i in order:
        alpha = layers[i].alpha[..., None]
        picture += alpha * (layers[i].colour - picture)
    taught, hidden = [], []
    for rank, i in enumerate(order):
        layer, people = layers[i], layers[i].people
        covered = np.zeros(people.visible.shape, bool)
        # Who hides whom among the base picture's own people is in their labels already.
        for j in order[rank + 1 :]:
            if layer.pasted or layers[j].pasted:
                covered |= _at(layers[j].alpha, people.joints_px) > 0.5
        inside = np.isfinite(_at(layer.alpha, people.joints_px, outside=np.nan))
        seen = people.visible & ~covered & inside
        if layer.pasted and (seen.sum() < _LEAST_VISIBLE):
            box = box_of(layer.alpha)
            hidden += [] if box is None else [box]
        elif not layer.pasted and covered.any() and seen.sum() < _LEAST_VISIBLE:
            hidden.append(_joints_box(people.joints_px[0], image.shape[:2]))
        else:
            human = np.where(seen[..., None], people.human_px, np.nan)
            taught.append(replace(people, visible=seen, human_px=human.astype(np.float32)))
    boxes = np.array([box for box in hidden if box is not None], np.float32).reshape(-1, 4)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8), LabelledPeople.stack(taught), boxes


def _at(alpha: np.ndarray, joints_px: np.ndarray, outside: float = 0.0) -> np.ndarray:
    """(P, 24) values of (H, W) at joints (P, 24, 2), nearest pixel; ``outside`` beyond it and where a joint is unknown."""
    height, width = alpha.shape
    at = np.rint(np.nan_to_num(joints_px, nan=-1e6)).clip(-1e6, 1e6).astype(int)
    within = ((at >= 0) & (at < [width, height])).all(-1)
    x, y = at[..., 0].clip(0, width - 1), at[..., 1].clip(0, height - 1)
    return np.where(within, alpha[y, x], outside)


def _joints_box(joints_px: np.ndarray, shape: tuple[int, int]) -> np.ndarray | None:
    xy = joints_px[np.isfinite(joints_px).all(-1)].clip(0, np.array(shape[::-1]))
    if not len(xy) or (np.ptp(xy, axis=0) < 1).any():
        return None
    return np.concatenate([xy.min(0), xy.max(0)])


def _each(people: LabelledPeople) -> list[LabelledPeople]:
    return [rows(people, [i]) for i in range(len(people))]


def _encode(image: np.ndarray) -> bytes:
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise XnectError("JPEG", "cannot be written by this OpenCV", "Install opencv-python from PyPI")
    return data.tobytes()
