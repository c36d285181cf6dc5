"""The people of a single-person run, and the batches that its steps take.

What is drawn for a person depends on seed, epoch and person alone: a run that goes on draws what it would have drawn, and
however many processes read pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from xnect_lite.data.archives.parts import read_packed
from xnect_lite.data.crops.augment import CropAugment, drawn_matrix
from xnect_lite.data.crops.coco import MARGIN, annotated_people
from xnect_lite.data.crops.geometry import cut, moved
from xnect_lite.data.crops.person import CropPerson, mirror_order, people_of_samples
from xnect_lite.data.readers.photokit import read_photokit
from xnect_lite.data.sample import evenly
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.mpii_single import mpii_people
from xnect_lite.skeleton import JOINT_MAPS
from xnect_lite.train.single.config import SingleConfig, SingleDataConfig

Batch = tuple[Tensor, Tensor, Tensor]
"""Crops (B, H, W, 3) uint8 RGB, joints (B, J, 2) in crop pixels, their weights (B, J)."""


def read_people(data: SingleDataConfig, split: str, joints: str, margin: float = MARGIN) -> list[CropPerson]:
    """Everybody of one split, with crops of ``margin`` times their boxes. Raises XnectError if there is nobody."""
    if not (data.mpii or data.coco or data.archive or data.photos):
        step = "Give --set data.mpii=DIR, data.coco=DIR, data.archive=FILE or data.photos=DIR"
        raise XnectError("data", "names no pictures", step)
    scored = split == "val"
    if data.mpii:
        people = mpii_people(Path(data.mpii), split)
    elif data.coco:
        people = [box.person for box in annotated_people(Path(data.coco), split)]
    elif data.archive:
        people = people_of_samples(read_packed(data.archive, split), joints, scored)
    else:
        people = people_of_samples(read_photokit(data.photos, split, data.sets), joints, scored)
    if margin != MARGIN:
        people = [replace(one, box_px=one.box_px * margin / MARGIN) for one in people]
    if not people:
        raise XnectError(
            data.mpii or data.coco or data.archive or data.photos, f"holds nobody of split '{split}'", "Check data.*"
        )
    return evenly(people, data.limit)


class Crops(Dataset[tuple[np.ndarray, np.ndarray, np.ndarray]]):
    """Augmented crops of one epoch."""

    def __init__(self, people: Sequence[CropPerson], config: SingleConfig, epoch: int) -> None:
        self.people, self.seed, self.epoch, self.augment = people, config.seed, epoch, config.augment
        self.size = (config.width_net_px, config.height_net_px)
        self.mirror = mirror_order(JOINT_MAPS[config.joints])

    def __len__(self) -> int:
        return len(self.people)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        one, rng = self.people[index], np.random.default_rng([self.seed, self.epoch, index])
        return crop_of(one, self.size, self.augment, self.mirror, rng)


def crop_of(
    one: CropPerson, size: tuple[int, int], augment: CropAugment, mirror: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A person's crop as drawn (H, W, 3), joints (J, 2) in its pixels and their weights (J,)."""
    matrix, flipped = drawn_matrix(one.centre_px, one.box_px, size, augment, rng)
    places, weight = moved(matrix, one.joints_px), one.weight
    if flipped:
        places, weight = places[mirror], weight[mirror]
    return cut(one.read_image(), matrix, size), places.astype(np.float32), weight.astype(np.float32)


def epoch_batches(
    people: Sequence[CropPerson], config: SingleConfig, epoch: int, done: int = 0, rank: int = 0, processes: int = 1
) -> Iterator[Batch]:
    """The batches of an epoch in its order, from the ``done``-th on; the last may be smaller, but never a single person.

    Of several processes each takes its part of every step's people, alike in number.
    """
    order = np.random.default_rng([config.seed, epoch]).permutation(len(people)).tolist()
    whole = config.batch * processes
    steps = steps_per_epoch(len(people), config.batch, processes)
    groups = [order[i : i + whole][rank * config.batch : (rank + 1) * config.batch] for i in range(0, steps * whole, whole)]
    generator = torch.Generator()  # the loader's own numbers must not move torch's
    loader: DataLoader[Any] = DataLoader(
        Crops(people, config, epoch), batch_sampler=groups[done:], num_workers=config.workers, generator=generator
    )
    yield from loader


def steps_per_epoch(count: int, batch: int, processes: int = 1) -> int:
    """How many batches `epoch_batches` makes of ``count`` people. Raises XnectError if there are too few for all processes."""
    full, rest = divmod(count, batch * processes)
    if processes > 1:  # a smaller last step would leave some with nobody
        if not full:
            raise XnectError(
                f"{count} people", f"are too few for {processes} processes of {batch}", "Lower batch, or start fewer"
            )
        return full
    return full + (rest >= min(2, batch) or (full == 0 and rest > 0))
