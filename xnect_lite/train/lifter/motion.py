"""People posed by motion capture before random cameras, seen with the errors that Stage I makes on photographs.

Photographs hold few poses and their 3D labels are a teacher's; motion capture holds many, exact ones, but no pictures. What
Stage I would have answered is made up from the truth and from the errors it made for some real person.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from xnect_lite.data.bodies import canonical_body
from xnect_lite.errors import XnectError
from xnect_lite.files.npz import read_npz
from xnect_lite.skeleton import MEETS, NUM_JOINTS, PARENTS
from xnect_lite.synth.bake import bodies_or_bake
from xnect_lite.synth.held_out import share
from xnect_lite.synth.motion import Contact, open_motions
from xnect_lite.synth.scene import Cast, SceneConfig, sample_person, sample_view
from xnect_lite.train.lifter.data import LiftSet, person_size

_RIDGE = 1e-4  # of a square metre, against pairs of joint and bone that were hardly ever seen


@dataclass(frozen=True)
class Posed:
    """N people nobody has looked at yet: joints_px (N, 24, 2) and truth_m (N, 24, 3), both complete, as in LiftSet."""

    joints_px: Tensor
    truth_m: Tensor

    def __len__(self) -> int:
        return len(self.truth_m)

    def rows(self, index: Tensor) -> Posed:
        """The people of these rows."""
        return Posed(self.joints_px[index], self.truth_m[index])


def posed_people(count: int, motion: str | Path, bodies: str | Path | None, held_out: bool, seed: int = 0) -> Posed:
    """``count`` people in captured and mixed poses, each before a camera of their own.

    motion: the motion kit's folder. bodies: baked bodies, None for the user's cache. held_out: from the bodies and clips that
    nobody trains on. Raises XnectError if one of them is missing.
    """

    every = bodies_or_bake(bodies)
    some = every.rows(share(range(len(every)), held_out))
    cast = Cast(some, None, open_motions(motion, held_out=held_out), Contact(some))
    config, rng = SceneConfig(), np.random.default_rng((seed, held_out))
    joints_px: list[np.ndarray] = []
    truth_m: list[np.ndarray] = []
    with tqdm(total=count, desc="posing", unit="person") as bar:
        while len(truth_m) < count:
            view = sample_view(config, rng)
            person = sample_person(cast, [], view, config, rng)
            if person is None:
                continue
            joints = person.joints_m()
            px = view.to_px(joints)
            body = canonical_body(view.to_camera_mm(joints), px, None)
            if isinstance(body, tuple):
                joints_px.append(px)
                truth_m.append(body[0] / 1000)
                bar.update()
    return Posed(*(torch.from_numpy(np.stack(a).astype(np.float32)) for a in (joints_px, truth_m)))


def save(people: Posed, path: Path) -> None:
    """Keep them as .npz."""
    with path.open("wb") as file:
        np.savez(file, joints_px=people.joints_px.numpy(), truth_m=people.truth_m.numpy())


def load(path: Path) -> Posed:
    """Read what `save` wrote. Raises XnectError if it is something else."""
    try:
        arrays = read_npz(path, [field.name for field in dataclasses.fields(Posed)])
    except ValueError as error:
        raise XnectError(str(path), f"is no set of posed people: {error}", "Remove it; it will be made anew") from error
    return Posed(**{name: torch.from_numpy(values) for name, values in arrays.items()})


class BorrowedErrors:
    """What Stage I did wrong for real people, lent to posed ones.

    A posed person gets one real person's gaps and scores, their offsets in the picture (in units of the person's size) and
    the errors of the bones read at their joints. Location maps err towards the mean, so that a bone is first shrunk by a
    3x3 matrix fitted per joint and bone; the error lent is what that leaves. An error that is not known for that real
    person, because the truth was not, is some other person's.
    """

    def __init__(self, answers: LiftSet, generator: torch.Generator) -> None:
        self._score = answers.score
        size = person_size(answers.truth_px)
        offset = (answers.joints_px - answers.truth_px) / size[:, None, None]
        self._offset = _filled(offset, generator)
        joint, bone = np.nonzero(MEETS)
        self._joint, self._bone = torch.from_numpy(joint), torch.from_numpy(bone)
        truth = _bones(answers.truth_m)[:, self._bone]  # (N, pairs, 3)
        read = answers.locations_m[:, self._joint, :, self._bone].transpose(0, 1)  # the same
        self._matrix = _fit(truth, read)
        self._error = _filled(read - _apply(self._matrix, truth), generator)

    def see(self, people: Posed, generator: torch.Generator) -> LiftSet:
        """The people as Stage I might have seen them."""
        who = torch.randint(len(self._score), (len(people),), generator=generator)
        score = self._score[who]
        size = person_size(people.joints_px)[:, None, None]
        joints = torch.where(score[..., None] > 0, people.joints_px + self._offset[who] * size, torch.nan)
        locations = torch.full((len(people), NUM_JOINTS, 3, NUM_JOINTS), torch.nan)
        read = _apply(self._matrix, _bones(people.truth_m)[:, self._bone]) + self._error[who]
        locations[:, self._joint, :, self._bone] = read.transpose(0, 1)
        locations = torch.where(score[..., None, None] > 0, locations, torch.nan)
        return LiftSet(joints, score, locations, people.truth_m, torch.ones_like(score), people.joints_px)


def _bones(joints_m: Tensor) -> Tensor:
    return joints_m - joints_m[:, PARENTS]


def _fit(truth: Tensor, read: Tensor) -> Tensor:
    """(pairs, 4, 3) least squares of ``read`` (N, pairs, 3) by ``truth`` (N, pairs, 3) and a constant."""
    known = (torch.isfinite(truth) & torch.isfinite(read)).all(-1, keepdim=True)
    a = torch.where(known, torch.cat([truth, torch.ones_like(truth[..., :1])], -1), 0.0)
    b = torch.where(known, read, 0.0)
    square = torch.einsum("npi,npj->pij", a, a) + _RIDGE * torch.eye(4)
    return torch.linalg.solve(square, torch.einsum("npi,npj->pij", a, b))


def _apply(matrix: Tensor, truth: Tensor) -> Tensor:
    return torch.einsum("npi,pij->npj", truth, matrix[:, :3]) + matrix[:, 3]


def _filled(values: Tensor, generator: torch.Generator) -> Tensor:
    """(N, columns, D) with every row that is not finite replaced by a finite one of its column, or by zero if there is none."""
    values = values.clone()
    finite = torch.isfinite(values).all(-1)
    for column in range(values.shape[1]):
        good, bad = finite[:, column].nonzero()[:, 0], (~finite[:, column]).nonzero()[:, 0]
        if len(good):
            values[bad, column] = values[good[torch.randint(len(good), (len(bad),), generator=generator)], column]
        else:
            values[bad, column] = 0.0
    return values
