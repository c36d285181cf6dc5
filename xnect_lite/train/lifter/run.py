"""Training of the lifting network: minutes on a CPU, so it starts anew rather than resumes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from xnect_lite.config import as_dict, checked
from xnect_lite.inference.weights import find_weights, sha256
from xnect_lite.models.lifter import Lifted, Lifter, evidence
from xnect_lite.skeleton import PARENTS, ROOT
from xnect_lite.stages.detector import Detector
from xnect_lite.stages.grouping.group import choose_bones
from xnect_lite.stages.lifting.lift import chain, complete_bones, plausible_lengths
from xnect_lite.stages.network import Predictor
from xnect_lite.stages.refining.refine import find_refiner, open_refine
from xnect_lite.train.fit import Task, fit
from xnect_lite.train.lifter import data as lift_data
from xnect_lite.train.lifter import motion as lift_motion
from xnect_lite.train.lifter.config import LifterConfig
from xnect_lite.train.lifter.data import LiftSet
from xnect_lite.train.lifter.motion import BorrowedErrors, Posed, posed_people
from xnect_lite.train.pictures import kept, origin, read_split
from xnect_lite.train.short_run import begin


def train_lifter(config: LifterConfig) -> dict[str, float]:
    """Collect Stage I's answers once, train on them, keep the best by validation. Returns the best figures."""
    config = checked(config)
    out = begin(config)
    train, held_out = (answers(config, split) for split in ("train", "val"))
    print(f"{len(train)} people to train on, {len(held_out)} to validate on", flush=True)
    generator = torch.Generator().manual_seed(config.seed)
    motion = MotionSource(config, train, held_out, generator) if config.data.motion else None
    raw = {"read_out_mm": read_out_mm(held_out)} | ({"motion_read_out_mm": read_out_mm(motion.held_out)} if motion else {})
    print(" ".join(f"{name} {value:.4g}" for name, value in raw.items()), flush=True)

    from_pictures = round(config.batch * (1 - config.motion_share)) if motion else config.batch

    def fresh() -> Lifter:
        return Lifter(config.width)

    def loss(net: Lifter, rows: Tensor) -> Tensor:
        people = train.rows(rows)
        if motion:
            people = lift_data.joined(people, motion.draw(config.batch - len(people), generator))
        people = lift_data.augment(people, config.augment, generator)
        return lift_loss(net(see(people)), people, config.branch, config.bones)

    task = Task(len(train), from_pictures, loss, lambda net: validate(net, held_out, motion), "error_mm", 1.0, raw)
    return fit(fresh(), fresh, task, config, out, generator)


class MotionSource:
    """People posed by motion capture, to train on and held out, as this Stage I would see them."""

    def __init__(self, config: LifterConfig, train: LiftSet, held_out: LiftSet, generator: torch.Generator) -> None:
        count = config.data.posed_people
        self._people = _posed(config, "train", count)
        self._errors = BorrowedErrors(train, generator)
        few = _posed(config, "val", max(count // 20, 1))
        self.held_out = BorrowedErrors(held_out, generator).see(few, generator)

    def draw(self, count: int, generator: torch.Generator) -> LiftSet:
        """``count`` random people, with errors borrowed anew."""
        rows = torch.randint(len(self._people), (count,), generator=generator)
        return self._errors.see(self._people.rows(rows), generator)


def _posed(config: LifterConfig, split: str, count: int) -> Posed:
    """Posed people of a split, from the run's folder if they are there already."""
    data = config.data
    path = kept(config.out, f"posed_{split}", data.motion, data.bodies, count, config.seed).with_suffix(".npz")
    if path.is_file():
        return lift_motion.load(path)
    people = posed_people(count, data.motion, data.bodies or None, split == "val", config.seed)
    lift_motion.save(people, path)
    return people


def validate(net: Lifter, held_out: LiftSet, motion: MotionSource | None) -> dict[str, float]:
    """Errors on pictures and, apart, on held-out posed people. ``error_mm``, their mean, decides which epoch is kept."""
    figures = score(net, held_out)
    errors = [figures["mpjpe_mm"]]
    if motion:
        figures |= {f"motion_{name}": value for name, value in score(net, motion.held_out).items()}
        errors.append(figures["motion_mpjpe_mm"])
    return figures | {"error_mm": sum(errors) / len(errors)}


def answers(config: LifterConfig, split: str) -> LiftSet:
    """Stage I's answers for a split, from the run's folder if they are there already."""
    path = answers_path(config, split)
    if path.is_file():
        print(f"using Stage I's answers in {path}", flush=True)
        return _single(lift_data.load(path))
    detector = Detector(Predictor(config.network), config.grouping, open_refine(config.refining))
    found = lift_data.collect(detector, read_split(config.data, split), progress=True)
    lift_data.save(found, path)
    return _single(found)


def answers_path(config: LifterConfig, split: str) -> Path:
    """Where the answers of this Stage I to these pictures are kept."""
    network = config.network
    weights = sha256(find_weights(network.backbone, network.weights))
    size = (network.long_side_net_px, network.short_side_net_px)
    refiner = find_refiner(config.refining.weights) if config.refining.network else None
    refining = (sha256(refiner), config.refining.least_score) if refiner else None
    name = kept(config.out, f"answers_{split}", weights, origin(config.data), size, as_dict(config.grouping), refining)
    return name.with_suffix(".npz")


def _single(people: LiftSet) -> LiftSet:
    """Locations are kept in half precision; learning wants single."""
    return LiftSet(*(getattr(people, name).float() for name in LiftSet.__dataclass_fields__))


def see(people: LiftSet) -> Tensor:
    """(N, 24, EVIDENCE) of people."""
    return evidence(people.joints_px, people.score, people.locations_m.flatten(2))


def lift_loss(lifted: Lifted, people: LiftSet, branch: float, bones: float) -> Tensor:
    """Laplace likelihood of the joints with the network's own spread, plus plain errors of joints, branches and bones."""
    weight = people.weight * torch.isfinite(people.truth_m).all(-1)
    weight[:, ROOT] = 0
    truth = people.truth_m.nan_to_num()
    total = weight.sum().clamp_min(1.0)

    def error(joints: Tensor) -> Tensor:
        return (joints - truth).abs().mean(-1)

    own = error(lifted.joints_m)
    likelihood = own.detach() / lifted.spread_m + lifted.spread_m.log()
    both = torch.minimum(weight, weight[:, PARENTS])
    both[:, PARENTS == ROOT] = weight[:, PARENTS == ROOT]  # the root itself is known by definition
    bone = ((lifted.joints_m - lifted.joints_m[:, PARENTS]) - (truth - truth[:, PARENTS])).abs().mean(-1)
    parts = error(lifted.part_m) + error(lifted.full_m)
    return ((10 * own + 0.1 * likelihood + 10 * branch * parts) * weight + 10 * bones * bone * both).sum() / total


@torch.inference_mode()
def score(net: Lifter, people: LiftSet) -> dict[str, float]:
    """Root-relative error in mm over the joints that are known, and how it compares with what the network expected."""
    lifted = net(see(people))
    error, known = _error_m(lifted.joints_m, people)
    expected = lifted.spread_m[known] * 3  # spread is per axis
    return {
        "mpjpe_mm": float(error.mean() * 1000),
        "expected_mm": float(expected.mean() * 1000),
        "spread_correlation": float(torch.corrcoef(torch.stack([error, expected]))[0, 1]),
    }


def read_out_mm(people: LiftSet) -> float:
    """Root-relative error in mm of the raw read-out, which the network has to beat. Everybody is alone in their picture."""
    read, joints = people.locations_m.numpy(), people.joints_px.numpy()
    bones = np.concatenate([choose_bones(read[i : i + 1], joints[i : i + 1]) for i in range(len(people))])
    error, _ = _error_m(torch.from_numpy(chain(plausible_lengths(complete_bones(bones)))), people)
    return float(error.mean() * 1000)


def _error_m(joints_m: Tensor, people: LiftSet) -> tuple[Tensor, Tensor]:
    """(K,) metres off, of all K joints whose place is known, and (N, 24) which these are. The root is right by definition."""
    error = (joints_m - people.truth_m).norm(dim=-1)
    known = (people.weight > 0) & torch.isfinite(error)
    known[:, ROOT] = False
    return error[known], known
