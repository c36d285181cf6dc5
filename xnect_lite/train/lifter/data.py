"""What the lifting network learns from: Stage I's own answers for labelled people, errors and gaps included."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from tqdm import tqdm

from xnect_lite.data.sample import Sample
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.keypoints import match
from xnect_lite.files.npz import read_npz
from xnect_lite.files.values import Deviation, Range, Share
from xnect_lite.skeleton import FLIP, INDEX, NUM_JOINTS, ROOT
from xnect_lite.stages.detector import Detector
from xnect_lite.types import Frame

_LEAST_OKS = 0.3  # a worse match may be somebody else

_DISTAL = [[INDEX[f"{s}_{n}"] for n in names] for s in "rl" for names in (("elbow", "wrist", "hand"), ("knee", "ankle", "toe"))]
_LOWER_BODY = [INDEX[f"{s}_{n}"] for s in "rl" for n in ("hip", "knee", "ankle", "toe")] + [ROOT]


@dataclass(frozen=True)
class LiftSet:
    """N people as Stage I saw them, and the truth.

    joints_px (N, 24, 2) NaN = not detected; score (N, 24); locations_m (N, 24, 3, 24) NaN = none; truth_m (N, 24, 3) in
    viewing-ray axes, metres of the canonical body, root-relative, NaN = unknown; weight (N, 24); truth_px (N, 24, 2).
    """

    joints_px: torch.Tensor
    score: torch.Tensor
    locations_m: torch.Tensor
    truth_m: torch.Tensor
    weight: torch.Tensor
    truth_px: torch.Tensor

    def __len__(self) -> int:
        return len(self.score)

    def rows(self, index: torch.Tensor) -> LiftSet:
        """The people of these rows."""
        return LiftSet(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def collect(
    detector: Detector,
    samples: Iterable[Sample],
    progress: bool = False,
) -> LiftSet:
    """Run Stage I and the refiner on whole pictures, as the app does, and pair the people found with those labelled in 3D."""
    rows: list[tuple[np.ndarray, ...]] = []
    for sample in tqdm(list(samples), desc="Stage I", unit="image", disable=not progress):
        labels = sample.people
        if not (labels.weight_3d > 0).any():
            continue
        image = sample.read_image()
        people = detector(Frame(image, 0.0, 0)).people
        known = np.where(labels.weight_2d[..., None] > 0, labels.joints_px, np.nan)
        for truth, found in enumerate(match(known, people.joints_px, _LEAST_OKS)):
            if found >= 0 and (labels.weight_3d[truth] > 0).any():
                rows.append((
                    people.joints_px[found], people.joint_score[found], people.locations_ray_m[found].astype(np.float16),
                    labels.joints_ray_mm[truth] / 1000, labels.weight_3d[truth], known[truth],
                ))  # fmt: skip
    if not rows:
        raise XnectError("the training pictures", "Stage I found nobody there whose 3D pose is labelled", "Train Stage I first")
    return LiftSet(*(torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True)))


def joined(one: LiftSet, other: LiftSet) -> LiftSet:
    """Both, one after the other."""
    return LiftSet(*(torch.cat([getattr(one, name), getattr(other, name)]) for name in LiftSet.__dataclass_fields__))


def save(lift_set: LiftSet, path: Path) -> None:
    """Keep a set as .npz."""
    with path.open("wb") as file:
        np.savez(file, **{name: getattr(lift_set, name).numpy() for name in lift_set.__dataclass_fields__})


def load(path: Path) -> LiftSet:
    """Read what `save` wrote. Raises XnectError if it is something else."""
    try:
        arrays = {name: torch.from_numpy(values) for name, values in read_npz(path, list(LiftSet.__dataclass_fields__)).items()}
    except ValueError as error:
        raise XnectError(str(path), f"is no set of Stage I's answers: {error}", "Remove it; it will be made anew") from error
    if len({len(value) for value in arrays.values()}) != 1:
        raise XnectError(str(path), "holds columns of different lengths", "Remove it; it will be made anew")
    return LiftSet(**arrays)


@dataclass(frozen=True)
class LiftAugment:
    """Chances and sizes of what is done to a person before the network sees them."""

    flip: Share = 0.5
    rotation_deg: Annotated[float, Range(0, 180)] = 15.0  # in the picture's plane, standard deviation
    drop_joint: Share = 0.1
    drop_limb: Share = 0.15
    drop_lower_body: Share = 0.1  # people behind a table
    drop_locations: Share = 0.1  # a joint keeps its place in the picture and loses its bones
    jitter: Deviation = 0.015  # of the person's size, standard deviation
    location_noise_m: Deviation = 0.03


def augment(people: LiftSet, config: LiftAugment, generator: torch.Generator) -> LiftSet:
    """Mirrored, turned, jittered and thinned out; picture, bones and truth stay consistent."""
    count = len(people)

    def chance(share: float, *shape: int) -> torch.Tensor:
        return torch.rand(count, *shape, generator=generator) < share

    people = _turn(_flip(people, chance(config.flip)), config.rotation_deg, generator)
    lost = chance(config.drop_joint, NUM_JOINTS)
    for joints in _DISTAL:
        cut = torch.randint(0, len(joints), (count,), generator=generator)  # from here outwards
        gone = chance(config.drop_limb)
        for i, joint in enumerate(joints):
            lost[:, joint] |= gone & (i >= cut)
    lost[:, _LOWER_BODY] |= chance(config.drop_lower_body)[:, None]
    alone = lost.all(1) | ~((people.score > 0) & ~lost).any(1)
    lost[alone] = False

    size = person_size(people.joints_px)
    joints_px = people.joints_px + config.jitter * size[:, None, None] * torch.randn(count, NUM_JOINTS, 2, generator=generator)
    noise = config.location_noise_m * torch.randn(people.locations_m.shape, generator=generator)
    locations = torch.where(chance(config.drop_locations, NUM_JOINTS)[..., None, None], 0.0, people.locations_m + noise)
    return LiftSet(
        torch.where(lost[..., None], torch.nan, joints_px), torch.where(lost, 0.0, people.score), locations,
        people.truth_m, people.weight, people.truth_px,
    )  # fmt: skip


def _flip(people: LiftSet, chosen: torch.Tensor) -> LiftSet:
    """Mirror the chosen people: x changes sign and right becomes left, for joints and for the bones read at them."""
    order = torch.from_numpy(FLIP)
    mirror = torch.tensor([-1.0, 1.0, 1.0])
    mirrored = LiftSet(
        people.joints_px[:, order] * mirror[:2],
        people.score[:, order],
        people.locations_m[:, order][..., order] * mirror[:, None],
        people.truth_m[:, order] * mirror,
        people.weight[:, order],
        people.truth_px[:, order] * mirror[:2],
    )
    mixed = []
    for name in LiftSet.__dataclass_fields__:
        old, new = getattr(people, name), getattr(mirrored, name)
        mixed.append(torch.where(chosen.view(-1, *[1] * (old.ndim - 1)), new, old))
    return LiftSet(*mixed)


def _turn(people: LiftSet, degrees: float, generator: torch.Generator) -> LiftSet:
    """Turn everybody in the picture's plane; about the viewing ray, that is what turning the picture does to the pose."""
    angle = torch.randn(len(people), generator=generator) * degrees * torch.pi / 180
    c, s = angle.cos(), angle.sin()
    plane = torch.stack([torch.stack([c, -s], -1), torch.stack([s, c], -1)], -2)
    space = torch.eye(3).repeat(len(people), 1, 1)
    space[:, :2, :2] = plane
    return LiftSet(
        torch.einsum("nab,njb->nja", plane, people.joints_px),
        people.score,
        torch.einsum("nab,njbk->njak", space, people.locations_m),
        torch.einsum("nab,njb->nja", space, people.truth_m),
        people.weight,
        torch.einsum("nab,njb->nja", plane, people.truth_px),
    )


def person_size(joints_px: torch.Tensor) -> torch.Tensor:
    """(N,) longer side of the box around the joints known, pixels."""
    low = joints_px.nan_to_num(torch.inf).amin(1)
    high = joints_px.nan_to_num(-torch.inf).amax(1)
    return (high - low).amax(-1).clamp_min(1.0)
