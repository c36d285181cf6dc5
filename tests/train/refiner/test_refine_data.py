"""What the refiner learns from: collected, kept, mirrored, turned and augmented."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from refine_people import Remembering, bell_people, some_people

from xnect_lite.config import GroupingConfig
from xnect_lite.data.labels import Labels
from xnect_lite.data.readers.photokit import read_photokit
from xnect_lite.data.targets import encode
from xnect_lite.errors import XnectError
from xnect_lite.models.refiner import GRID, MAP_CHANNELS
from xnect_lite.skeleton import FLIP, INDEX, NUM_JOINTS, NUM_LIMBS
from xnect_lite.stages.detector import Detector
from xnect_lite.stages.grouping.group import group_people
from xnect_lite.stages.refining.crops import cells, crop_boxes, crop_maps, mirrored
from xnect_lite.train.lifter import data as lift_data
from xnect_lite.train.refiner import data as refine_data
from xnect_lite.train.refiner.data import RefineAugment, RefineSet, augmented, collect, maps_of, turned
from xnect_lite.train.refiner.run import pck
from xnect_lite.types import Letterbox, Maps

NAN = float("nan")
QUIET = RefineAugment(flip=0, rotation_deg=0, scale=0, shift=0, lose_joint=0)
FLIP_ORDER = torch.from_numpy(FLIP)
STEP = np.repeat([1 / 127, 1 / 100, 1 / 200], [NUM_JOINTS, 2 * NUM_LIMBS, 3 * NUM_JOINTS])[:, None, None]


# -- collecting ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def samples(photos):
    return list(read_photokit(photos, "train", ("lspet",)))


def test_what_a_perfect_stage_one_finds_is_the_truth(samples):
    network = Remembering(samples)
    found = collect(Detector(network), samples)
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
    found, row = collect(Detector(network), samples), 0
    for maps, sample in zip(network.maps, samples, strict=True):
        if len(sample.people) == 1:  # whose row it is, is plain
            boxes = crop_boxes(maps.to_cells(group_people(maps, GroupingConfig()).joints_px))
            exact = np.clip(crop_maps(maps, boxes)[0].numpy(), -127 * STEP, 127 * STEP)
            assert (np.abs(maps_of(found)[row].numpy() - exact) <= STEP / 2 + 1e-6).all()
        row += len(sample.people)


def test_pictures_in_which_nobody_is_found_are_an_error(samples):
    with pytest.raises(XnectError, match="Stage I found nobody"):
        collect(Detector(Remembering(samples, 2000.0)), samples)


def test_stage_two_learns_from_refined_joints(samples):
    """What the refiner answers is what is kept."""

    def moved(people, maps):
        return dataclasses.replace(people, joints_px=people.joints_px + np.float32((2, -1)), joint_score=people.joint_score / 2)

    grouped = lift_data.collect(Detector(Remembering(samples)), samples)
    refined = lift_data.collect(Detector(Remembering(samples), refine=moved), samples)
    torch.testing.assert_close(refined.joints_px, grouped.joints_px + torch.tensor([2.0, -1.0]), equal_nan=True)
    torch.testing.assert_close(refined.score, grouped.score / 2)
    torch.testing.assert_close(refined.truth_m, grouped.truth_m, equal_nan=True)


# -- keeping ---------------------------------------------------------------------------------------------------------


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
