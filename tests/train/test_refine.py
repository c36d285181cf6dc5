"""The refiner's training: crops collected from Stage I, changed consistently, learnt from."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from oracle import oracle

import train_pose
from xnect_lite.config import GroupingConfig
from xnect_lite.data.labels import Labels
from xnect_lite.data.photokit import read_photokit
from xnect_lite.data.targets import encode
from xnect_lite.errors import XnectError
from xnect_lite.grouping import group_people
from xnect_lite.models.refiner import GRID, MAP_CHANNELS
from xnect_lite.person_crops import cells, crop_boxes, crop_maps, to_map
from xnect_lite.refining import load_refiner
from xnect_lite.skeleton import FLIP, INDEX, NUM_JOINTS, NUM_LIMBS
from xnect_lite.train import lift_data, refine_data, refine_train
from xnect_lite.train.refine_config import RefineConfig
from xnect_lite.train.refine_data import RefineAugment, RefineSet, augmented, collect, maps_of, mirrored, turned
from xnect_lite.train.refine_train import pck, refine_loss, spread_out
from xnect_lite.types import Frame, Letterbox, Maps

NAN = float("nan")
QUIET = RefineAugment(flip=0, rotation_deg=0, scale=0, shift=0, lose_joint=0)
FLIP_ORDER = torch.from_numpy(FLIP)
STEP = np.repeat([1 / 127, 1 / 100, 1 / 200], [NUM_JOINTS, 2 * NUM_LIMBS, 3 * NUM_JOINTS])[:, None, None]


# -- collecting ------------------------------------------------------------------------------------------------------


class Remembering:
    """A Stage I that is always right, and its maps."""

    def __init__(self, samples, move_net_px: float = 0.0) -> None:
        self.answer, self.maps = oracle(samples, (512, 320), move_net_px), []

    def __call__(self, frame: Frame, timer) -> Maps:
        self.maps.append(self.answer(frame, timer))
        return self.maps[-1]


@pytest.fixture(scope="module")
def samples(photos):
    return list(read_photokit(photos, "train", ("lspet",)))


def test_what_a_perfect_stage_one_finds_is_the_truth(samples):
    network = Remembering(samples)
    found = collect(network, samples, GroupingConfig())
    assert len(found) == sum(len(s.people) for s in samples) == 6
    assert found.crops.shape == (6, MAP_CHANNELS, GRID, GRID) and found.crops.dtype == torch.int8
    away = (found.found - found.truth).abs().amax(-1)
    assert away.nanmedian() < 0.01 and away.nan_to_num().max() < 0.1
    assert torch.equal(found.score > 0, torch.isfinite(found.found[..., 0]))
    assert (found.truth.nan_to_num().abs() < 0.5).all(), "they are in their crops"
    labelled = torch.isfinite(found.human[..., 0])
    assert labelled.any() and (found.weight[labelled] == 1).all()
    torch.testing.assert_close(found.truth[labelled], found.human[labelled])
    torso = (found.truth[:, INDEX["l_shoulder"]] - found.truth[:, INDEX["r_hip"]]).norm(dim=-1)
    torch.testing.assert_close(found.torso, torso)
    assert pck(found.found, found) == 1.0


def test_bytes_keep_the_maps_to_half_a_step(samples):
    network = Remembering(samples)
    found, row = collect(network, samples, GroupingConfig()), 0
    for maps, sample in zip(network.maps, samples, strict=True):
        if len(sample.people) == 1:  # whose row it is, is plain
            boxes = crop_boxes(to_map(group_people(maps, GroupingConfig()).joints_px, maps))
            exact = np.clip(crop_maps(maps, boxes)[0].numpy(), -127 * STEP, 127 * STEP)
            assert (np.abs(maps_of(found)[row].numpy() - exact) <= STEP / 2 + 1e-6).all()
        row += len(sample.people)


def test_pictures_in_which_nobody_is_found_are_an_error(samples):
    with pytest.raises(XnectError, match="Stage I found nobody"):
        collect(Remembering(samples, 2000.0), samples, GroupingConfig())


def test_stage_two_learns_from_refined_joints(samples):
    """What the refiner answers is what is kept."""

    def moved(people, maps):
        return dataclasses.replace(people, joints_px=people.joints_px + np.float32((2, -1)), joint_score=people.joint_score / 2)

    grouped = lift_data.collect(Remembering(samples), samples, GroupingConfig())
    refined = lift_data.collect(Remembering(samples), samples, GroupingConfig(), refine=moved)
    torch.testing.assert_close(refined.joints_px, grouped.joints_px + torch.tensor([2.0, -1.0]), equal_nan=True)
    torch.testing.assert_close(refined.score, grouped.score / 2)
    torch.testing.assert_close(refined.truth_m, grouped.truth_m, equal_nan=True)


# -- keeping ---------------------------------------------------------------------------------------------------------


def some_people(count: int = 3, seed: int = 0) -> RefineSet:
    """Nobody in particular."""
    generator = torch.Generator().manual_seed(seed)
    crops = torch.randint(-127, 128, (count, MAP_CHANNELS, GRID, GRID), dtype=torch.int8, generator=generator)
    crops[:, :NUM_JOINTS] = crops[:, :NUM_JOINTS].abs()
    places = [torch.rand(count, NUM_JOINTS, 2, generator=generator) - 0.5 for _ in range(3)]
    places[0][:, 3], places[2][:, 5] = NAN, NAN
    score, weight = (torch.rand(count, NUM_JOINTS, generator=generator) for _ in range(2))
    score[:, 3] = 0
    return RefineSet(crops, places[0], score, places[1], weight, places[2], torch.rand(count, generator=generator))


def test_a_set_is_kept_and_read_back(tmp_path):
    people = some_people()
    refine_data.save(people, tmp_path / "set")
    found = refine_data.load(tmp_path / "set")
    assert len(found) == 3
    for name in RefineSet.__dataclass_fields__:
        torch.testing.assert_close(getattr(found, name), getattr(people, name), equal_nan=True)
    rows = found.rows(torch.tensor([2, 0]))
    assert len(rows) == 2 and torch.equal(rows.crops[0], people.crops[2])


def _npy(folder, array):
    np.save(folder / "crops.npy", array)


RUBBISH = {
    "not there": lambda folder: (folder / "people.npz").unlink(),
    "empty columns": lambda folder: (folder / "people.npz").write_bytes(b""),
    "columns that are text": lambda folder: (folder / "people.npz").write_bytes(b"hello"),
    "columns cut short": lambda folder: (folder / "people.npz").write_bytes((folder / "people.npz").read_bytes()[:300]),
    "a column missing": lambda folder: np.savez(folder / "people.npz", found=np.zeros((3, 24, 2), np.float32)),
    "no crops": lambda folder: (folder / "crops.npy").unlink(),
    "empty crops": lambda folder: (folder / "crops.npy").write_bytes(b""),
    "crops that are text": lambda folder: (folder / "crops.npy").write_bytes(b"hello"),
    "crops cut short": lambda folder: (folder / "crops.npy").write_bytes((folder / "crops.npy").read_bytes()[:5000]),
    "crops of floats": lambda folder: _npy(folder, np.zeros((3, MAP_CHANNELS, GRID, GRID), np.float32)),
    "too few channels": lambda folder: _npy(folder, np.zeros((3, 24, GRID, GRID), np.int8)),
    "one row of numbers": lambda folder: _npy(folder, np.zeros(3, np.int8)),
    "another grid": lambda folder: _npy(folder, np.zeros((3, MAP_CHANNELS, 16, 16), np.int8)),
    "too many people": lambda folder: _npy(folder, np.zeros((4, MAP_CHANNELS, GRID, GRID), np.int8)),
}


@pytest.mark.parametrize("damage", RUBBISH.values(), ids=RUBBISH.keys())
def test_a_broken_set_is_named(tmp_path, damage):
    refine_data.save(some_people(), tmp_path / "set")
    damage(tmp_path / "set")
    with pytest.raises(XnectError, match=r"set: is no set of Stage I's answers"):
        refine_data.load(tmp_path / "set")


# -- mirrored and turned ---------------------------------------------------------------------------------------------

SIDE = 320  # network pixels of a square picture, 40 cells


def scene(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(24, 2) joints in network pixels and (24, 3) bones of somebody who might be anything."""
    rng = np.random.default_rng(seed)
    return rng.uniform(60, 260, (NUM_JOINTS, 2)), rng.uniform(-0.5, 0.5, (NUM_JOINTS, 3))


def truth_maps(joints: np.ndarray, bones: np.ndarray) -> Maps:
    """What Stage I is taught to say of them."""

    def send(values):
        return torch.from_numpy(np.asarray(values, np.float32))[None, None]

    known, depth = np.ones(NUM_JOINTS), np.array(np.nan)
    grid = torch.zeros(1, SIDE // 8, SIDE // 8)
    labels = Labels(
        send(joints), send(known), send(bones), send(known), send(depth), torch.ones(1, 1, dtype=torch.bool),
        grid.bool(), grid + 1,
    )  # fmt: skip
    targets = encode(labels, 8, SIDE, SIDE)
    return Maps(
        targets.heat[0, :NUM_JOINTS], targets.heat[0, NUM_JOINTS], targets.pafs[0].flatten(0, 1),
        targets.locations[0].flatten(0, 1), targets.depth[0], 8, Letterbox.fit(SIDE, SIDE, SIDE, SIDE),
    )  # fmt: skip


def test_a_mirrored_crop_is_the_crop_of_the_mirrored_scene():
    joints, bones = scene()
    other = joints[FLIP] * (-1, 1) + (SIDE - 1, 0)
    here = crop_maps(truth_maps(joints, bones), np.array([[17.3, 20.1, 30.0]]))
    there = crop_maps(truth_maps(other, bones[FLIP] * (-1, 1, 1)), np.array([[39 - 17.3, 20.1, 30.0]]))
    torch.testing.assert_close(mirrored(here), there, atol=1e-3, rtol=0)
    assert (here - there).abs().amax((0, 2, 3)).median() > 0.1, "it is another scene"


def test_mirrored_twice_is_as_before():
    maps = maps_of(some_people())
    assert torch.equal(mirrored(mirrored(maps)), maps) and not torch.equal(mirrored(maps), maps)


def test_a_turned_crop_is_the_crop_of_the_turned_scene():
    """A quarter of a turn, x to y."""
    joints, bones = scene(1)
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    middle = (SIDE - 1) / 2
    other = (joints - middle) @ turn.T + middle
    other_bones = np.concatenate([bones[:, :2] @ turn.T, bones[:, 2:]], 1)
    box = np.array([[19.5, 19.5, 30.0]])
    here, there = crop_maps(truth_maps(joints, bones), box), crop_maps(truth_maps(other, other_bones), box)
    found = turned(here.rot90(-1, (2, 3)), torch.from_numpy(turn.astype(np.float32))[None])
    torch.testing.assert_close(found, there, atol=1e-3, rtol=0)


def test_turning_by_nothing_changes_nothing():
    maps = maps_of(some_people())
    torch.testing.assert_close(turned(maps, torch.eye(2).expand(3, 2, 2)), maps)


# -- augmentation ----------------------------------------------------------------------------------------------------


def bell_people(count: int = 8, seed: int = 0) -> RefineSet:
    """People whose heatmaps have one bell each, at the truth, where they were found as well."""
    generator = torch.Generator().manual_seed(seed)
    truth = 0.6 * torch.rand(count, NUM_JOINTS, 2, generator=generator) - 0.3
    crops = torch.zeros(count, MAP_CHANNELS, GRID, GRID)
    crops[:, :NUM_JOINTS] = spread_out(truth) * 127
    weight = torch.linspace(0.1, 1, NUM_JOINTS).expand(count, -1).clone()
    return RefineSet(crops.round().to(torch.int8), truth.clone(), weight.clone(), truth, weight, truth.clone(),
                     torch.full((count,), 0.3))  # fmt: skip


CHANGES = [
    # what is done, whether anything moves
    ({}, False),
    ({"flip": 1.0}, True),
    ({"rotation_deg": 40.0}, True),
    ({"scale": 0.2}, True),
    ({"shift": 0.1}, True),
    ({"flip": 1.0, "rotation_deg": 20.0, "scale": 0.15, "shift": 0.05}, True),
]


@pytest.mark.parametrize(("change", "moves"), CHANGES, ids=[" ".join(c) or "nothing" for c, _ in CHANGES])
def test_peaks_and_true_places_move_alike(change, moves):
    people = bell_people()
    crops, truth, weight = augmented(people, dataclasses.replace(QUIET, **change), torch.Generator().manual_seed(2))
    assert crops.shape == (8, MAP_CHANNELS + NUM_JOINTS, GRID, GRID)
    assert torch.allclose(truth, people.truth, atol=1e-6) != moves
    inside = (truth.abs() < 0.45).all(-1)
    assert inside.float().mean() > 0.7
    for part in (crops[:, :NUM_JOINTS], crops[:, MAP_CHANNELS:]):  # the heatmaps, and the spots where joints were found
        best = part.flatten(2).argmax(-1)
        at = torch.stack([cells()[best % GRID], cells()[best // GRID]], -1)
        assert ((at - truth).abs().amax(-1) * GRID)[inside].max() < 1
    torch.testing.assert_close(weight, people.weight[:, FLIP_ORDER] if "flip" in change else people.weight)


def test_maps_turn_with_their_directions():
    """A quarter of a turn as augmentation does it: as `turned` and a turned picture say."""
    people, drawn = some_people(1), torch.Generator().manual_seed(0)
    torch.rand((), generator=drawn)  # whether to mirror
    degrees = 90 / float(torch.randn(1, generator=drawn))
    crops, truth, _ = augmented(people, dataclasses.replace(QUIET, rotation_deg=degrees), torch.Generator().manual_seed(0))
    turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    torch.testing.assert_close(
        crops[:, :MAP_CHANNELS], turned(maps_of(people).rot90(-1, (2, 3)), turn[None]), atol=1e-3, rtol=0
    )
    torch.testing.assert_close(truth, people.truth @ turn.T)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_joints_are_hidden_as_configured(share):
    people = bell_people(40)
    before = people.score.clone()
    crops, *_ = augmented(people, dataclasses.replace(QUIET, lose_joint=share), torch.Generator().manual_seed(0))
    shown = crops[:, MAP_CHANNELS:].amax((2, 3)) > 0
    assert float(shown.float().mean()) == pytest.approx(1 - share, abs=0.05)
    assert torch.equal(people.score, before), "the set itself stays as it was"
    assert (crops[:, :NUM_JOINTS].amax((2, 3)) > 0).all(), "heat is not hidden"


# -- the loss --------------------------------------------------------------------------------------------------------


def answer(places: torch.Tensor) -> torch.Tensor:
    """Logits of somebody who is rather sure that joints are there."""
    return spread_out(places).clamp_min(1e-3).log()


def test_the_right_answer_has_the_least_loss():
    truth, weight = bell_people(2).truth, torch.ones(2, NUM_JOINTS)
    right = refine_loss(answer(truth), truth, weight)
    for aside in (0.03, 0.1, -0.05):
        assert refine_loss(answer(truth + aside), truth, weight) > right + 0.1
    assert refine_loss(torch.zeros(2, NUM_JOINTS, GRID, GRID), truth, weight) == pytest.approx(np.log(GRID**2), rel=1e-4)
    assert refine_loss(spread_out(truth).clamp_min(1e-30).log(), truth, weight) <= right


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


def test_nobody_known_is_no_loss():
    truth = torch.full((2, NUM_JOINTS, 2), NAN)
    assert refine_loss(torch.zeros(2, NUM_JOINTS, GRID, GRID), truth, torch.ones(2, NUM_JOINTS)) == 0


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
    here, there = spread_out(truth), spread_out(other)
    maps[:, :NUM_JOINTS] = torch.maximum(here, there) * 0.9
    z = slice(MAP_CHANNELS - NUM_JOINTS, MAP_CHANNELS)
    maps[:, z][:, wrong] = 0.6 * (here - there)[:, wrong]
    crops = (maps * (1 / torch.from_numpy(STEP)).float()).round().clamp(-127, 127).to(torch.int8)
    score = torch.full((count, NUM_JOINTS), 0.8)
    return RefineSet(crops, found, score, truth, torch.ones(count, NUM_JOINTS), truth.clone(), torch.full((count,), 0.3))


def test_a_few_dozen_steps_beat_grouping_where_other_maps_tell(tmp_path, monkeypatch):
    sets = {"train": two_peaks(192, 0), "val": two_peaks(32, 1)}
    monkeypatch.setattr(refine_train, "answers", lambda config, split: sets[split])
    config = RefineConfig(
        out=str(tmp_path), widths=(16, 8, 8), epochs=4, batch=12, learning_rate=1e-2, warm_up_steps=4, ema_decay=0.8,
        precision="fp32", threads=1,
    )  # fmt: skip
    best = refine_train.train_refiner(config)
    assert best["grouping_pck"] == pytest.approx(10 / 12, abs=0.03), "of four joints in twelve, every other one is wrong"
    assert best["pck"] > best["grouping_pck"] + 0.1
    net = load_refiner(tmp_path / "best.safetensors")
    assert refine_train.score(net, sets["val"])["pck"] == pytest.approx(best["pck"], abs=0.02)


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
    assert RefineConfig().network.weights == "", "by default it learns from the shipped Stage I"
