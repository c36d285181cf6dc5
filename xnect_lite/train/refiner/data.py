"""What the refiner learns from: the maps around labelled people, as Stage I made them, errors and gaps included."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from xnect_lite.data.sample import Sample
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.keypoints import match
from xnect_lite.files.npz import read_npz
from xnect_lite.files.values import Deviation, Range, Share
from xnect_lite.models.refiner import GRID, MAP_CHANNELS
from xnect_lite.skeleton import FLIP, INDEX, LIMBS, NUM_JOINTS
from xnect_lite.stages.detector import Detector
from xnect_lite.stages.refining.crops import crop_boxes, crop_maps, joint_spots, map_parts, mirrored, to_crop
from xnect_lite.types import Frame

_SIZES = {"heat": (NUM_JOINTS, 127.0), "paf": (2 * len(LIMBS), 100.0), "location": (3 * NUM_JOINTS, 200.0)}
_STEPS = np.concatenate([np.full(count, steps, np.float32) for count, steps in _SIZES.values()])
"""(MAP_CHANNELS,) steps per unit in which maps are kept: bytes take a quarter of the room."""


@dataclass(frozen=True)
class RefineSet:
    """N people as Stage I saw them, and the truth; places in crop coordinates.

    crops (N, MAP_CHANNELS, GRID, GRID) int8, see `maps_of`. found (N, 24, 2), NaN = not found; score (N, 24).
    truth (N, 24, 2), NaN = unknown; weight (N, 24). human (N, 24, 2) human joints, NaN = none. torso (N,), NaN = unknown.
    """

    crops: Tensor
    found: Tensor
    score: Tensor
    truth: Tensor
    weight: Tensor
    human: Tensor
    torso: Tensor

    def __len__(self) -> int:
        return len(self.score)

    def rows(self, index: Tensor) -> RefineSet:
        """The people of these rows."""
        return RefineSet(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def collect(detector: Detector, samples: Iterable[Sample], progress: bool = False) -> RefineSet:
    """Run Stage I on whole pictures, as the app does, and pair the people it finds with those labelled."""
    rows: list[tuple[np.ndarray, ...]] = []
    labelled = [sample for sample in samples if (sample.people.weight_2d > 0).any()]
    for sample, image in tqdm(_read(labelled), total=len(labelled), desc="Stage I", unit="image", disable=not progress):
        labels = sample.people
        known = np.where(labels.weight_2d[..., None] > 0, labels.joints_px, np.nan)
        people, maps = detector(Frame(image, 0.0, 0))
        partner = match(known, people.joints_px)
        truth, found = np.flatnonzero(partner >= 0), partner[partner >= 0]
        if not len(truth):
            continue
        joints = maps.to_cells(people.joints_px[found])
        boxes = crop_boxes(joints)
        true, human = (to_crop(maps.to_cells(px[truth]), boxes) for px in (known, labels.human_px))
        by_human = np.isfinite(human[..., 0])
        rows.append((
            _to_bytes(crop_maps(maps, boxes).cpu().numpy()), to_crop(joints, boxes), people.joint_score[found],
            np.where(by_human[..., None], human, true), np.where(by_human, 1.0, labels.weight_2d[truth]), human,
            _torso(human, true),
        ))  # fmt: skip
    if not rows:
        raise XnectError("the training pictures", "Stage I found nobody there who is labelled", "Train Stage I first")
    crops, *others = (np.concatenate(column) for column in zip(*rows, strict=True))
    return RefineSet(torch.from_numpy(crops), *(torch.from_numpy(values.astype(np.float32)) for values in others))


def _read(samples: list[Sample]) -> Iterator[tuple[Sample, np.ndarray]]:
    """Samples with their pictures, each read while the one before is looked at."""
    with ThreadPoolExecutor(1) as pool:
        coming = [pool.submit(sample.read_image) for sample in samples[:1]]
        for i, sample in enumerate(samples):
            image = coming.pop().result()
            coming += [pool.submit(after.read_image) for after in samples[i + 1 : i + 2]]
            yield sample, image


def _torso(human: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(N,) from the left shoulder to the right hip, by the human where complete."""
    a, b = INDEX["l_shoulder"], INDEX["r_hip"]
    lengths = [np.linalg.norm(joints[:, a] - joints[:, b], axis=-1) for joints in (human, true)]
    return np.where(np.isfinite(lengths[0]), *lengths)


def _to_bytes(crops: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(crops * _STEPS[:, None, None]), -127, 127).astype(np.int8)


def maps_of(people: RefineSet) -> Tensor:
    """(N, MAP_CHANNELS, GRID, GRID) the maps that ``crops`` stand for."""
    return people.crops.float() / torch.from_numpy(_STEPS)[:, None, None]


def save(people: RefineSet, folder: Path) -> None:
    """Keep a set as a folder; people.npz is written last."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "crops.npy", people.crops.numpy())
    with (folder / "people.npz").open("wb") as file:
        np.savez(file, **{name: getattr(people, name).numpy() for name in _COLUMNS})


def load(folder: Path) -> RefineSet:
    """Read what `save` wrote; crops stay on the disk until they are used. Raises XnectError if it is something else."""
    try:
        columns = read_npz(folder / "people.npz", _COLUMNS)
        crops = np.load(folder / "crops.npy", mmap_mode="c", allow_pickle=False)
        shape = (len(columns["score"]), MAP_CHANNELS, GRID, GRID)
        if not isinstance(crops, np.ndarray) or crops.dtype != np.int8 or crops.shape != shape:
            raise ValueError("crops of another kind")
        if {len(values) for values in columns.values()} != {len(crops)}:
            raise ValueError("columns of different lengths")
    except (OSError, ValueError, EOFError) as error:
        raise XnectError(str(folder), f"is no set of Stage I's answers: {error}", "Remove it; it will be made anew") from error
    return RefineSet(torch.from_numpy(crops), *(torch.from_numpy(columns[name]) for name in _COLUMNS))


_COLUMNS = [name for name in RefineSet.__dataclass_fields__ if name != "crops"]


@dataclass(frozen=True)
class RefineAugment:
    """Chances and sizes of what is done to a person before the network sees them."""

    flip: Share = 0.5
    rotation_deg: Annotated[float, Range(0, 180)] = 10.0  # standard deviation
    scale: Deviation = 0.12  # standard deviation of its logarithm
    shift: Deviation = 0.04  # sides of the crop, standard deviation
    lose_joint: Share = 0.05  # a joint that was found is not shown


def augmented(people: RefineSet, config: RefineAugment, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """What the network sees, (N, CROP_CHANNELS, GRID, GRID), the true places (N, 24, 2) and their weights, moved alike."""
    maps, found, truth = maps_of(people), people.found, people.truth
    score, weight = people.score, people.weight
    if torch.rand((), generator=generator) < config.flip:
        maps, order = mirrored(maps), torch.from_numpy(FLIP)
        across = torch.tensor([-1.0, 1.0])
        found, truth, score, weight = found[:, order] * across, truth[:, order] * across, score[:, order], weight[:, order]
    count = len(people)
    angle = torch.randn(count, generator=generator) * config.rotation_deg * torch.pi / 180
    factor = torch.exp(torch.randn(count, generator=generator) * config.scale)
    shift = torch.randn(count, 1, 2, generator=generator) * config.shift
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], -1).view(-1, 2, 2)

    def moved(places: Tensor) -> Tensor:
        return torch.einsum("nab,njb->nja", turn, places) * factor[:, None, None] + shift

    # Where a cell of the new crop lies in the old one.
    back = turn.transpose(1, 2) / factor[:, None, None]
    theta = torch.cat([back, -2 * torch.einsum("nab,nb->na", back, shift[:, 0])[..., None]], 2)
    grid = functional.affine_grid(theta, list(maps.shape), align_corners=False)
    maps = turned(functional.grid_sample(maps, grid, align_corners=False), turn)
    score = torch.where(torch.rand(score.shape, generator=generator) < config.lose_joint, 0.0, score)
    return torch.cat([maps, joint_spots(moved(found), score)], 1), moved(truth), weight


def turned(maps: Tensor, turn: Tensor) -> Tensor:
    """Maps whose directions in the picture are turned by ``turn`` (N, 2, 2); where they stand stays the same."""
    heat, paf, location = map_parts(maps)
    paf = torch.einsum("nab,nlbhw->nlahw", turn, paf)
    plane = torch.einsum("nab,nbjhw->najhw", turn, location[:, :2])
    return torch.cat([heat, paf.flatten(1, 2), torch.cat([plane, location[:, 2:]], 1).flatten(1, 2)], 1)
