"""Training of the refiner: half an hour on two cores, so it starts anew rather than resumes."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from xnect_lite.config import as_dict, checked
from xnect_lite.evaluate.keypoints import PCK_SHARE
from xnect_lite.inference.devices import channels_last
from xnect_lite.inference.weights import find_weights, sha256
from xnect_lite.models.refiner import Refiner
from xnect_lite.skeleton import FLIP, LIMB_JOINTS_12
from xnect_lite.stages.detector import Detector
from xnect_lite.stages.network import Predictor
from xnect_lite.stages.refining.crops import bells, joint_spots
from xnect_lite.stages.refining.refine import decode, load_refiner
from xnect_lite.train.fit import Task, fit
from xnect_lite.train.pictures import kept, origin, read_split
from xnect_lite.train.refiner import data as refine_data
from xnect_lite.train.refiner.config import RefinerConfig
from xnect_lite.train.refiner.data import RefineSet, augmented, maps_of
from xnect_lite.train.short_run import begin

TARGET_SIZE = 0.03  # standard deviation of where a joint is said to be, in sides of the crop
_APART = 4 * TARGET_SIZE  # so far from each other, right and left can be told apart


def train_refiner(config: RefinerConfig) -> dict[str, float]:
    """Collect Stage I's answers once, train on them, keep the best by validation. Returns the best figures."""
    config = checked(config)
    first = load_refiner(Path(config.init)) if config.init else None
    out = begin(config)
    train, held_out = (answers(config, split) for split in ("train", "val"))
    print(f"{len(train)} people to train on, {len(held_out)} to validate on", flush=True)
    grouped = {"grouping_pck": pck(held_out.found, held_out)}
    print(" ".join(f"{name} {value:.4g}" for name, value in grouped.items()), flush=True)

    generator = torch.Generator().manual_seed(config.seed)
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bf16")

    def fresh() -> Refiner:
        return Refiner(config.widths if first is None else first.widths)

    def loss(net: Refiner, rows: Tensor) -> Tensor:
        crops, truth, weight = augmented(train.rows(rows), config.augment, generator)
        with autocast:
            logits = net(crops.contiguous(memory_format=torch.channels_last))
        return refine_loss(logits, truth, weight, config.exclusion)

    task = Task(len(train), config.batch, loss, lambda net: score(net, held_out), "loss", 5.0, grouped)
    return fit(channels_last((first or fresh()).train()), fresh, task, config, out, generator)


def answers(config: RefinerConfig, split: str) -> RefineSet:
    """Stage I's answers for a split, from the run's folder if they are there already."""
    network = config.network
    weights = sha256(find_weights(network.backbone, network.weights))
    size = (network.long_side_net_px, network.short_side_net_px)
    folder = kept(config.out, f"crops_{split}", weights, origin(config.data), size, as_dict(config.grouping))
    if (folder / "people.npz").is_file():
        print(f"using Stage I's answers in {folder}", flush=True)
        return refine_data.load(folder)
    found = refine_data.collect(Detector(Predictor(network), config.grouping), read_split(config.data, split), progress=True)
    refine_data.save(found, folder)
    return found


def refine_loss(logits: Tensor, truth: Tensor, weight: Tensor, exclusion: float = 0.0) -> Tensor:
    """Cross entropy between where joints are, (N, 24, 2) in crop coordinates, and where they are thought to be.

    Joints that are unknown, or not in the crop, teach nothing. With an ``exclusion``, a joint that is thought to be where the
    other side's joint is costs so much more: both legs on one leg is the commonest fault.
    """
    target = bells(truth, TARGET_SIZE)
    weight = torch.where((target.sum((-1, -2)) > 0) & (truth.abs() < 0.5).all(-1), weight, 0.0)
    target = target / target.sum((-1, -2), keepdim=True).clamp_min(1e-6)
    likelihood = (target * logits.float().flatten(2).log_softmax(-1).view(logits.shape)).sum((-1, -2))
    loss = -(likelihood * weight).sum() / weight.sum().clamp_min(1.0)
    return loss + exclusion * side_confusion(logits, truth, weight) if exclusion else loss


def side_confusion(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Mean surprise that a joint is not where its other side's joint is, over those whose places are known and apart."""
    order = torch.from_numpy(FLIP)
    other = truth[:, order]
    apart = ((truth - other).norm(dim=-1) > _APART) & (weight > 0) & (weight[:, order] > 0)  # False where one is NaN
    probability = logits.float().flatten(2).softmax(-1).view(logits.shape)
    there = (probability * bells(other, TARGET_SIZE)).sum((-1, -2)).clamp(max=1 - 1e-4)
    weight = torch.where(apart, torch.minimum(weight, weight[:, order]), 0.0)
    return -(torch.log1p(-there) * weight).sum() / weight.sum().clamp_min(1.0)


@torch.inference_mode()
def score(net: Refiner, people: RefineSet, batch: int = 64) -> dict[str, float]:
    """Loss, and PCK@0.2 of the people that grouping found: of joints as refined."""
    losses, places = [], []
    for index in torch.arange(len(people)).split(batch):
        some = people.rows(index)
        logits = net(torch.cat([maps_of(some), joint_spots(some.found, some.score)], 1))
        losses.append(float(refine_loss(logits, some.truth, some.weight)) * len(index))
        places.append(decode(logits)[0])
    return {"loss": sum(losses) / len(people), "pck": pck(torch.cat(places), people)}


def pck(joints: Tensor, people: RefineSet) -> float:
    """Share of the human limb joints that ``joints`` (N, 24, 2) hit within 0.2 of the torso."""
    limbs = list(LIMB_JOINTS_12)
    away = (joints[:, limbs] - people.human[:, limbs]).norm(dim=-1)
    counted = torch.isfinite(people.human[:, limbs, 0]) & torch.isfinite(people.torso)[:, None]
    return float((away <= PCK_SHARE * people.torso[:, None])[counted].float().mean())
