"""People posed by motion capture, seen with errors borrowed from Stage I's answers."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from lift_people import walkers, write_motion
from tiny_bodies import tiny_bodies

import train_pose
from xnect_lite.config import NetworkConfig
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import CANONICAL_LEG_ARM_M, INDEX, MEETS, NUM_JOINTS, PARENTS, ROOT
from xnect_lite.synth.body import save_bodies
from xnect_lite.train.lifter import data as lift_data
from xnect_lite.train.lifter import motion as lift_motion
from xnect_lite.train.lifter.config import LifterConfig
from xnect_lite.train.lifter.motion import BorrowedErrors, Posed, posed_people
from xnect_lite.train.lifter.run import answers_path

WRIST = INDEX["r_wrist"]


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def others(count: int) -> Posed:
    """People with other poses than those Stage I's errors are known for, twice as large in the picture."""
    people = walkers(count + 50).rows(torch.arange(50, count + 50))
    return Posed(people.truth_px * 2, people.truth_m)


def bones_read(people) -> torch.Tensor:
    """(N, pairs, 3) what is read at joints that meet their bone."""
    joint, bone = np.nonzero(MEETS)
    return people.locations_m[:, joint, :, bone].transpose(0, 1)


def bones_true(people) -> torch.Tensor:
    _, bone = np.nonzero(MEETS)
    return (people.truth_m - people.truth_m[:, PARENTS])[:, bone]


def test_who_is_always_right_lends_no_errors():
    people = others(20)
    seen = BorrowedErrors(walkers(200), generator()).see(people, generator())
    torch.testing.assert_close(seen.joints_px, people.joints_px, atol=1e-2, rtol=0)
    torch.testing.assert_close(bones_read(seen), bones_true(seen), atol=5e-3, rtol=0)
    assert seen.locations_m.permute(0, 1, 3, 2)[:, torch.from_numpy(~MEETS)].isnan().all()
    assert torch.equal(seen.truth_m, people.truth_m) and (seen.weight == 1).all() and (seen.score == 0.8).all()


def test_bones_that_are_always_too_short_are_lent_too_short():
    answers = walkers(200)
    answers = dataclasses.replace(answers, locations_m=answers.locations_m * 0.6)
    seen = BorrowedErrors(answers, generator()).see(others(20), generator())
    torch.testing.assert_close(bones_read(seen), 0.6 * bones_true(seen), atol=5e-3, rtol=0)


def test_joints_that_are_never_found_are_lent_as_missing():
    answers = walkers(50)
    answers.joints_px[:, WRIST], answers.score[:, WRIST], answers.locations_m[:, WRIST] = torch.nan, 0, torch.nan
    seen = BorrowedErrors(answers, generator()).see(others(20), generator())
    assert (seen.score[:, WRIST] == 0).all()
    assert seen.joints_px[:, WRIST].isnan().all() and seen.locations_m[:, WRIST].isnan().all()
    assert torch.isfinite(seen.joints_px[:, INDEX["l_wrist"]]).all()


def test_offsets_grow_with_the_person():
    answers, people = walkers(50), others(20)
    answers.joints_px[:, WRIST, 0] += 10
    size = [lift_data.person_size(p) for p in (answers.truth_px, people.joints_px)]
    seen = BorrowedErrors(answers, generator()).see(people, generator())
    off = (seen.joints_px - people.joints_px)[:, WRIST, 0] / size[1]
    low, high = (10 / size[0]).amin(), (10 / size[0]).amax()
    assert ((off > low - 1e-4) & (off < high + 1e-4)).all()


def test_an_error_that_is_not_known_is_somebody_elses():
    answers = walkers(50)
    answers.joints_px[:, WRIST, 0] += 10
    answers.truth_px[1:, WRIST] = torch.nan  # only the first one's error is known
    people = others(20)
    off = (BorrowedErrors(answers, generator()).see(people, generator()).joints_px - people.joints_px)[:, WRIST, 0]
    expected = 10 / lift_data.person_size(answers.truth_px)[0] * lift_data.person_size(people.joints_px)
    torch.testing.assert_close(off, expected, atol=1e-2, rtol=0)


def test_where_nothing_is_known_nothing_is_not_a_number():
    answers = walkers(5)
    answers.truth_px[:], answers.truth_m[:] = torch.nan, torch.nan
    seen = BorrowedErrors(answers, generator()).see(others(3), generator())
    assert torch.isfinite(seen.joints_px).all() and torch.isfinite(bones_read(seen)).all()


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    """Baked bodies and a motion folder."""
    folder = tmp_path_factory.mktemp("motion")
    save_bodies(folder / "bodies.npz", tiny_bodies((1.0, 0.9, 0.8)))
    write_motion(folder / "motion")
    return folder


@pytest.mark.parametrize("held_out", [False, True])
def test_posed_people_are_of_canonical_size_and_repeat(kit, held_out):
    people = posed_people(6, kit / "motion", kit / "bodies.npz", held_out)
    assert people.joints_px.shape == (6, NUM_JOINTS, 2) and people.truth_m.shape == (6, NUM_JOINTS, 3)
    assert torch.isfinite(people.joints_px).all() and (people.truth_m[:, ROOT] == 0).all()
    joints = people.truth_m
    length = sum(
        0.5 * (joints[:, INDEX[f"{s}_{a}"]] - joints[:, INDEX[f"{s}_{b}"]]).norm(dim=-1)
        for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
        for s in "rl"
    )
    torch.testing.assert_close(length, torch.full((6,), CANONICAL_LEG_ARM_M), atol=1e-3, rtol=0)
    again = posed_people(6, kit / "motion", kit / "bodies.npz", held_out)
    assert torch.equal(people.truth_m, again.truth_m)


def test_training_and_held_out_people_differ(kit):
    one, other = (posed_people(4, kit / "motion", kit / "bodies.npz", held_out).truth_m for held_out in (False, True))
    assert not torch.equal(one, other)


@pytest.mark.parametrize("content", [b"", b"hello"])
def test_a_broken_set_of_posed_people_is_named(tmp_path, content):
    (tmp_path / "p.npz").write_bytes(content)
    with pytest.raises(XnectError, match=r"p\.npz: is no set of posed people"):
        lift_motion.load(tmp_path / "p.npz")


def test_a_run_learns_from_pictures_and_motion(kit, tmp_path):
    stage_one = tmp_path / "stage1.safetensors"
    stage_one.write_bytes(b"its answers are there already")
    config = LifterConfig(out=str(tmp_path), network=NetworkConfig(weights=str(stage_one)))
    lift_data.save(walkers(128), answers_path(config, "train"))
    lift_data.save(walkers(32), answers_path(config, "val"))
    values = [
        f"out={tmp_path}", f"network.weights={stage_one}", f"data.motion={kit / 'motion'}", f"data.bodies={kit / 'bodies.npz'}",
        "data.posed_people=100", "epochs=20", "batch=64", "width=0.5", "threads=1", "warm_up_steps=5", "ema_decay=0.9",
    ]  # fmt: skip
    assert train_pose.main(["lift", *(part for value in values for part in ("--set", value))]) == 0
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[-1]["error_mm"] == pytest.approx((log[-1]["mpjpe_mm"] + log[-1]["motion_mpjpe_mm"]) / 2)
    assert min(line["motion_mpjpe_mm"] for line in log) < 0.8 * log[0]["motion_mpjpe_mm"]
    assert len(list(tmp_path.glob("posed_*.npz"))) == 2
