"""The refiner's loss, its score, and whole runs of its training."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from refine_people import Remembering, bell_people

import train_pose
from xnect_lite.data.readers.photokit import read_photokit
from xnect_lite.errors import XnectError
from xnect_lite.models.refiner import GRID, MAP_CHANNELS
from xnect_lite.skeleton import FLIP, INDEX, NUM_JOINTS, NUM_LIMBS
from xnect_lite.stages.refining.crops import bells
from xnect_lite.stages.refining.refine import load_refiner
from xnect_lite.train.refiner import run as refine_train
from xnect_lite.train.refiner.config import RefinerConfig
from xnect_lite.train.refiner.data import RefineAugment, RefineSet
from xnect_lite.train.refiner.run import TARGET_SIZE, pck, refine_loss

NAN = float("nan")
QUIET = RefineAugment(flip=0, rotation_deg=0, scale=0, shift=0, lose_joint=0)
FLIP_ORDER = torch.from_numpy(FLIP)
STEP = np.repeat([1 / 127, 1 / 100, 1 / 200], [NUM_JOINTS, 2 * NUM_LIMBS, 3 * NUM_JOINTS])[:, None, None]


# -- the loss --------------------------------------------------------------------------------------------------------


def answer(places: torch.Tensor) -> torch.Tensor:
    """Logits of somebody who is rather sure that joints are there."""
    return bells(places, TARGET_SIZE).clamp_min(1e-3).log()


def test_the_right_answer_has_the_least_loss():
    truth, weight = bell_people(2).truth, torch.ones(2, NUM_JOINTS)
    right = refine_loss(answer(truth), truth, weight)
    for aside in (0.03, 0.1, -0.05):
        assert refine_loss(answer(truth + aside), truth, weight) > right + 0.1
    assert refine_loss(torch.zeros(2, NUM_JOINTS, GRID, GRID), truth, weight) == pytest.approx(np.log(GRID**2), rel=1e-4)
    assert refine_loss(bells(truth, TARGET_SIZE).clamp_min(1e-30).log(), truth, weight) <= right


TEACHES = [
    # where the joint is, how much it counts, whether it teaches anything
    ((0.1, -0.2), 1.0, True),
    ((0.1, -0.2), 0.3, True),
    ((0.49, 0.49), 1.0, True),  # in a corner
    ((0.1, -0.2), 0.0, False),  # its label is worth nothing
    ((NAN, NAN), 1.0, False),  # unknown
    ((0.51, 0.0), 1.0, False),  # beside the crop, though some of its bell is in it
    ((0.0, -0.51), 1.0, False),
    ((3.0, 0.0), 1.0, False),  # far away
]


@pytest.mark.parametrize(("place", "weight", "teaches"), TEACHES)
def test_who_teaches(place, weight, teaches):
    truth, weights = bell_people(1).truth, torch.ones(1, NUM_JOINTS)
    truth[0, 3], weights[0, 3] = torch.tensor(place), weight
    logits = torch.randn(1, NUM_JOINTS, GRID, GRID, generator=torch.Generator().manual_seed(0)).requires_grad_()
    refine_loss(logits, truth, weights).backward()
    assert torch.isfinite(logits.grad).all()
    assert bool((logits.grad[0, 3] != 0).any()) == teaches
    assert (logits.grad[0, 4] != 0).any()


SIDES = [
    # where the right knee is thought to be; whether that costs more with the exclusion of sides
    ((0.1, -0.2), False),  # where it is
    ((-0.3, 0.3), True),  # where the left knee is
    ((0.3, 0.3), False),  # somewhere else: wrong, but no confusion of sides
]


@pytest.mark.parametrize(("thought", "costs"), SIDES)
def test_being_on_the_other_leg_costs_more(thought, costs):
    right, left = INDEX["r_knee"], INDEX["l_knee"]
    truth, weight = torch.full((1, NUM_JOINTS, 2), NAN), torch.ones(1, NUM_JOINTS)
    truth[0, right], truth[0, left] = torch.tensor((0.1, -0.2)), torch.tensor((-0.3, 0.3))
    places = truth.clone()
    places[0, right] = torch.tensor(thought)
    more = refine_loss(answer(places), truth, weight, exclusion=1.0) - refine_loss(answer(places), truth, weight)
    assert more > 0.1 if costs else more < 0.02
    beside = truth.clone()
    beside[0, left] = truth[0, right] + 0.05
    assert refine_loss(answer(places), beside, weight, exclusion=1.0) == refine_loss(answer(places), beside, weight), "together"


def test_nobody_known_is_no_loss():
    truth = torch.full((2, NUM_JOINTS, 2), NAN)
    assert refine_loss(torch.zeros(2, NUM_JOINTS, GRID, GRID), truth, torch.ones(2, NUM_JOINTS), exclusion=1.0) == 0


def test_pck_counts_what_a_human_marked():
    people = bell_people(2)
    joints, human = people.truth.clone(), people.human
    joints[0, INDEX["r_knee"]] += torch.tensor([0.05, 0.0])  # a fifth of the torso is .06
    joints[0, INDEX["l_knee"]] += torch.tensor([0.07, 0.0])
    joints[0, INDEX["r_ankle"]] = NAN  # not found
    joints[0, INDEX["nose"]] += 1  # is not counted
    human[0, INDEX["l_ankle"]] = NAN  # nobody said where it is
    people.torso[1] = NAN  # nor how large the second person is
    assert pck(joints, people) == pytest.approx(9 / 11)


# -- learning --------------------------------------------------------------------------------------------------------


def two_peaks(count: int, seed: int) -> RefineSet:
    """Knees and ankles are hot in two places, and grouping takes either. Location maps tell: z is large at the right one."""
    generator = torch.Generator().manual_seed(seed)
    wrong = [INDEX[f"{s}_{n}"] for s in "lr" for n in ("knee", "ankle")]
    truth = 0.6 * torch.rand(count, NUM_JOINTS, 2, generator=generator) - 0.3
    angle = 2 * torch.pi * torch.rand(count, NUM_JOINTS, generator=generator)
    other = truth.clone()
    other[:, wrong] += 0.2 * torch.stack([angle.cos(), angle.sin()], -1)[:, wrong]
    found = torch.where(torch.rand(count, NUM_JOINTS, 1, generator=generator) < 0.5, other, truth)
    maps = torch.zeros(count, MAP_CHANNELS, GRID, GRID)
    here, there = bells(truth, TARGET_SIZE), bells(other, TARGET_SIZE)
    maps[:, :NUM_JOINTS] = torch.maximum(here, there) * 0.9
    z = slice(MAP_CHANNELS - NUM_JOINTS, MAP_CHANNELS)
    maps[:, z][:, wrong] = 0.6 * (here - there)[:, wrong]
    crops = (maps * (1 / torch.from_numpy(STEP)).float()).round().clamp(-127, 127).to(torch.int8)
    score = torch.full((count, NUM_JOINTS), 0.8)
    return RefineSet(crops, found, score, truth, torch.ones(count, NUM_JOINTS), truth.clone(), torch.full((count,), 0.3))


@pytest.mark.slow
def test_a_few_dozen_steps_beat_grouping_where_other_maps_tell(tmp_path, monkeypatch):
    sets = {"train": two_peaks(192, 0), "val": two_peaks(32, 1)}
    monkeypatch.setattr(refine_train, "answers", lambda config, split: sets[split])
    config = RefinerConfig(
        out=str(tmp_path), widths=(16, 8, 8), epochs=4, batch=12, learning_rate=1e-2, warm_up_steps=4, ema_decay=0.8,
        precision="fp32", threads=1,
    )  # fmt: skip
    best = refine_train.train_refiner(config)
    assert best["grouping_pck"] == pytest.approx(10 / 12, abs=0.03), "of four joints in twelve, every other one is wrong"
    assert best["pck"] > best["grouping_pck"] + 0.1
    net = load_refiner(tmp_path / "best.safetensors")
    assert refine_train.score(net, sets["val"])["pck"] == pytest.approx(best["pck"], abs=0.02)

    # Another run goes on from there, in the widths of what it goes on from.
    best_file = str(tmp_path / "best.safetensors")
    config = dataclasses.replace(config, out=str(tmp_path / "on"), init=best_file, epochs=1, learning_rate=1e-6)
    on = refine_train.train_refiner(dataclasses.replace(config, widths=(8, 8, 8)))
    assert on["pck"] == pytest.approx(best["pck"], abs=0.02)
    assert load_refiner(tmp_path / "on" / "best.safetensors").arch["refiner"] == [16, 8, 8]
    with pytest.raises(XnectError, match=r"none\.safetensors"):
        refine_train.train_refiner(dataclasses.replace(config, init=str(tmp_path / "none.safetensors")))


def run(photos, out, *more: str) -> int:
    (out.parent / "stage1.safetensors").write_bytes(b"its answers are known")
    values = [
        f"out={out}", f"network.weights={out.parent / 'stage1.safetensors'}", f"data.photos={photos}", "data.sets=[lspet]",
        "widths=[8, 8, 8]", "epochs=2", "batch=4", "threads=1", "warm_up_steps=1", *more,
    ]  # fmt: skip
    return train_pose.main(["refine", *(part for value in values for part in ("--set", value))])


def test_a_run_leaves_its_files_and_uses_stage_ones_answers_again(photos, tmp_path, monkeypatch, capsys):
    splits = iter(("train", "val"))
    built = []

    def stage_one(config):
        built.append(config)
        return Remembering(list(read_photokit(photos, next(splits), ("lspet",))))

    monkeypatch.setattr(refine_train, "Predictor", stage_one)
    out = tmp_path / "run"
    assert run(photos, out) == 0
    printed = capsys.readouterr().out
    assert "6 people to train on, 3 to validate on" in printed and "grouping_pck 1" in printed and len(built) == 2
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in log] == [1, 2]
    assert all(np.isfinite([line["loss"], line["training_loss"], line["pck"]]).all() for line in log)
    assert json.loads((out / "config.json").read_text())["widths"] == [8, 8, 8]
    assert load_refiner(out / "best.safetensors").arch["refiner"] == [8, 8, 8]
    # How it is learnt changes no answer of Stage I's; another grouping does.
    assert run(photos, out, "epochs=1", "precision=fp32") == 0
    assert capsys.readouterr().out.count("using Stage I's answers") == 2 and len(built) == 2
    splits = iter(("train", "val"))
    assert run(photos, out, "epochs=1", "grouping.min_joints=5") == 0
    assert "using Stage I's answers" not in capsys.readouterr().out and len(built) == 4


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert train_pose.main(["refine", "--set", f"out={tmp_path / 'file' / 'run'}"]) == 2
    assert "cannot be made" in capsys.readouterr().err
    assert RefinerConfig().network.weights == "", "by default it learns from the shipped Stage I"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("widths=[8, 8]", "'widths': needs a list of 3, got [8, 8]"),
        ("widths=[8, 0, 8]", "'widths': needs 1 to 4096, got 0"),
        ("precision=fp8", "'precision': needs bf16 or fp32"),
        ("epochs=0", "'epochs': needs 1 to 1000000000, got 0"),
        ("batch=0", "'batch': needs 1 to 1000000000, got 0"),
        ("exclusion=-1", "'exclusion': needs 0 to 1000, got -1"),
        ("exclusion=.nan", "'exclusion': needs 0 to 1000, got nan"),
    ],
)
def test_values_that_cannot_be_are_refused_before_anything_is_done(tmp_path, capsys, change, message):
    assert train_pose.main(["refine", "--set", f"out={tmp_path / 'run'}", "--set", change]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "run").exists()
