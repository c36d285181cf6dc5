"""Stage II's training: evidence collected from Stage I, changed consistently, learnt from, and used by the pipeline."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from kit import write_kit
from lift_people import PX_PER_M, walkers
from lifting import lifted_in
from oracle import oracle
from safetensors.torch import save_file

import train_pose
from xnect_lite.config import CameraConfig, LiftingConfig, NetworkConfig
from xnect_lite.data.readers.photokit import read_photokit
from xnect_lite.errors import XnectError
from xnect_lite.inference.weights import save_weights
from xnect_lite.models.lifter import Lifter
from xnect_lite.skeleton import CANONICAL_STATURE_M, FLIP, INDEX, MEETS, NUM_JOINTS, PARENTS, ROOT
from xnect_lite.stages.detector import Detector
from xnect_lite.stages.lifting.lift import read_out
from xnect_lite.stages.lifting.network import FILE_NAME, LiftNetwork, find_lifter, load_lifter, open_lift
from xnect_lite.train.lifter import data as lift_data
from xnect_lite.train.lifter.config import LifterConfig
from xnect_lite.train.lifter.data import LiftAugment, LiftSet, augment, collect
from xnect_lite.train.lifter.run import answers_path, lift_loss, read_out_mm, score, see
from xnect_lite.types import People

QUIET = LiftAugment(
    flip=0, rotation_deg=0, drop_joint=0, drop_limb=0, drop_lower_body=0, drop_locations=0, jitter=0, location_noise_m=0
)


def assert_consistent(people: LiftSet) -> None:
    """Picture, bones and truth show the same body."""
    xy = people.joints_px - people.joints_px[:, [ROOT]]
    torch.testing.assert_close(xy, people.truth_m[..., :2] * PX_PER_M, atol=1e-2, rtol=0)
    bones = people.truth_m - people.truth_m[:, PARENTS]
    at = torch.from_numpy(MEETS)
    read = people.locations_m.permute(0, 1, 3, 2)
    expected = bones[:, None].expand(-1, NUM_JOINTS, -1, -1)
    torch.testing.assert_close(read[:, at], expected[:, at], atol=1e-4, rtol=0)
    assert read[:, ~at].isnan().all()


@pytest.mark.parametrize(
    ("change", "same"),
    [({}, True), ({"flip": 1.0}, False), ({"rotation_deg": 40.0}, False), ({"flip": 0.5, "rotation_deg": 90.0}, False)],
    ids=["nothing", "mirrored", "turned", "some mirrored, all turned"],
)
def test_augmented_people_stay_consistent(change, same):
    people = walkers(6)
    assert_consistent(people)
    changed = augment(people, LiftAugment(**{**QUIET.__dict__, **change}), torch.Generator().manual_seed(0))
    assert_consistent(changed)
    assert torch.equal(changed.truth_m, people.truth_m) == same


def test_a_mirrored_right_wrist_is_a_left_wrist():
    people = walkers(1)
    people.joints_px[0, INDEX["r_wrist"]] = torch.nan
    people.score[0, INDEX["r_wrist"]] = 0
    mirrored = augment(people, LiftAugment(**{**QUIET.__dict__, "flip": 1.0}), torch.Generator())
    assert mirrored.score[0, INDEX["l_wrist"]] == 0 and mirrored.joints_px[0, INDEX["l_wrist"]].isnan().all()
    torch.testing.assert_close(mirrored.truth_m[0, :, 1], people.truth_m[0, FLIP, 1])


LOSSES = [
    # what is lost, and the share of detections that remain, about
    ({"drop_joint": 0.5}, 0.5),
    ({"drop_limb": 1.0}, 1 - 4 * 2 / NUM_JOINTS),  # of three joints per limb, two on average
    ({"drop_lower_body": 1.0}, 1 - 9 / NUM_JOINTS),
    ({"drop_joint": 1.0}, 1.0),  # nobody loses everything
]


@pytest.mark.parametrize(("change", "share"), LOSSES)
def test_joints_are_lost_as_configured(change, share):
    thinned = augment(walkers(300), LiftAugment(**{**QUIET.__dict__, **change}), torch.Generator().manual_seed(0))
    assert float((thinned.score > 0).float().mean()) == pytest.approx(share, abs=0.03)
    assert torch.equal(thinned.score > 0, torch.isfinite(thinned.joints_px[..., 0]))
    assert (thinned.score > 0).any(1).all()


def test_jitter_is_relative_to_the_persons_size():
    people = walkers(200)
    twice = dataclasses.replace(people, joints_px=people.joints_px * 2)
    config = LiftAugment(**{**QUIET.__dict__, "jitter": 0.02})
    away = [(augment(p, config, torch.Generator().manual_seed(1)).joints_px - p.joints_px).std() for p in (people, twice)]
    assert float(away[1] / away[0]) == pytest.approx(2, rel=1e-3)


# -- collecting ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_kit(tmp_path_factory.mktemp("kit"), train=4, val=2)


def test_what_a_perfect_stage_one_says_is_the_truth(photos):
    samples = list(read_photokit(photos, "train", ("lspet",)))
    found = collect(Detector(oracle(samples, (512, 320))), samples)
    assert len(found) == sum(len(s.people) for s in samples)
    truth = np.concatenate([s.people.joints_ray_mm for s in samples]) / 1000
    order = [int(np.nanargmin(np.nanmean(np.abs(truth - t.numpy()), (1, 2)))) for t in found.truth_m]
    assert sorted(order) == list(range(len(truth)))
    bones = found.truth_m - found.truth_m[:, PARENTS]
    own = torch.arange(NUM_JOINTS)
    read = found.locations_m.float()[:, own, :, own].permute(1, 0, 2)
    assert (read - bones).nan_to_num().abs().max() < 0.01


def test_pictures_in_which_nobody_is_found_are_an_error(photos):
    samples = list(read_photokit(photos, "train", ("lspet",)))
    with pytest.raises(XnectError, match="Stage I found nobody"):
        collect(Detector(oracle(samples, (512, 320), move_net_px=2000.0)), samples)


def test_a_set_is_kept_and_read_back(tmp_path):
    people = walkers(3)
    lift_data.save(people, tmp_path / "a.npz")
    found = lift_data.load(tmp_path / "a.npz")
    for name in LiftSet.__dataclass_fields__:
        torch.testing.assert_close(getattr(found, name), getattr(people, name), equal_nan=True)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 cut short"])
def test_a_broken_set_is_named(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(XnectError, match=r"a\.npz: is no set"):
        lift_data.load(tmp_path / "a.npz")


# -- learning --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on answers that are there already: it learns to read bones off the evidence."""
    out = tmp_path_factory.mktemp("stage2")
    stage_one = out / "stage1.safetensors"
    stage_one.write_bytes(b"its answers are there already")
    config = LifterConfig(out=str(out), network=NetworkConfig(weights=str(stage_one)))
    lift_data.save(walkers(256), answers_path(config, "train"))
    lift_data.save(walkers(64), answers_path(config, "val"))
    values = [
        f"out={out}",
        f"network.weights={stage_one}",
        "epochs=25",
        "batch=64",
        "width=0.5",
        "threads=1",
        "warm_up_steps=5",
        "ema_decay=0.9",
    ]
    assert train_pose.main(["lift", *(part for value in values for part in ("--set", value))]) == 0
    return out


def test_a_run_learns_and_leaves_its_files(run):
    assert {p.name for p in run.iterdir()} >= {"best.safetensors", "log.jsonl", "config.json"}
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert len(log) == 25
    best = min(line["mpjpe_mm"] for line in log)
    assert best < 0.4 * log[0]["mpjpe_mm"] and best < 120
    assert score(load_lifter(run / "best.safetensors"), walkers(64))["mpjpe_mm"] == pytest.approx(best, rel=0.02)


def test_answers_of_another_stage_one_or_to_other_pictures_are_not_used(tmp_path):
    paths = []
    for content in (b"one", b"other"):
        (tmp_path / "w.safetensors").write_bytes(content)
        config = LifterConfig(out=str(tmp_path), network=NetworkConfig(weights=str(tmp_path / "w.safetensors")))
        fewer = dataclasses.replace(config, data=dataclasses.replace(config.data, limit=10))
        larger = dataclasses.replace(config, network=dataclasses.replace(config.network, long_side_net_px=640))
        paths += [answers_path(c, split) for c in (config, fewer, larger) for split in ("train", "val")]
    assert len(set(paths)) == 12
    assert answers_path(dataclasses.replace(config, epochs=3), "train") in paths  # how it is learnt changes no answer


def test_the_raw_read_out_of_who_is_always_right_is_right_but_for_odd_proportions():
    """The walker's bones lie within what is plausible; half as long, they do not."""
    people = walkers(40)
    assert read_out_mm(people) < 5
    short = dataclasses.replace(people, locations_m=people.locations_m * 0.5)
    assert read_out_mm(short) > 50


def test_the_loss_weighs_what_is_known():
    people = walkers(2)
    people.truth_m[0, INDEX["l_wrist"]] = torch.nan
    people.weight[1] = 0
    torch.manual_seed(0)
    net = Lifter(0.5)
    lift_loss(net(see(people)), people, 0.3, 0.5).backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)
    found = net.eval()(see(people))
    loss = lift_loss(found, people, 0.3, 0.5)
    people.truth_m[1] += 5.0  # nobody trusts the second person's labels
    assert lift_loss(found, people, 0.3, 0.5) == loss
    people.truth_m[0, INDEX["r_wrist"]] += 5.0
    assert lift_loss(found, people, 0.3, 0.5) > loss + 1


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert train_pose.main(["lift", "--set", f"out={tmp_path / 'file' / 'run'}"]) == 2
    assert "cannot be made" in capsys.readouterr().err
    assert LifterConfig().network.weights == "", "by default it learns from the shipped Stage I"


# -- in the pipeline -------------------------------------------------------------------------------------------------


def seen() -> People:
    """Two walkers in a picture of 640x480."""
    truth, people = walkers(2), People.empty(2)
    people.joints_px[:], people.joint_score[:] = truth.joints_px.numpy(), truth.score.numpy()
    people.locations_ray_m[:], people.person_score[:] = truth.locations_m.numpy(), 0.8
    people.joints_px[1, INDEX["l_ankle"]], people.joint_score[1, INDEX["l_ankle"]] = np.nan, 0
    return people


def test_the_pipeline_stage_takes_pose_and_spread_from_the_network(run):
    lift = LiftNetwork(load_lifter(run / "best.safetensors"))
    joints_m, spread_m = lift(seen())
    people = lifted_in(seen(), (640, 480), CameraConfig(stature_m=2 * CANONICAL_STATURE_M), lift)
    size = np.linalg.norm(people.joints_mm - people.joints_mm[:, [ROOT]], axis=-1)  # turning to camera axes keeps lengths
    np.testing.assert_allclose(size, 2000 * np.linalg.norm(joints_m, axis=-1), rtol=1e-3, atol=0.1)
    np.testing.assert_allclose(people.spread_mm, 2000 * spread_m, rtol=1e-4)
    assert np.isfinite(people.joints_px).all() and np.isfinite(people.root_cam_mm).all()


def test_the_raw_read_out_does_not_know_how_wrong_it_is():
    people = seen()
    people.bones_ray_m[:] = 0.1
    assert np.isnan(lifted_in(people, (640, 480), CameraConfig()).spread_mm).all()


def test_without_weights_or_by_wish_the_raw_read_out_is_used(run, tmp_path, monkeypatch):
    monkeypatch.setattr("xnect_lite.inference.weight_search.search_folders", lambda: [tmp_path])
    assert open_lift(LiftingConfig()) is read_out and find_lifter() is None
    (tmp_path / FILE_NAME).write_bytes((run / "best.safetensors").read_bytes())
    assert isinstance(open_lift(LiftingConfig()), LiftNetwork)
    assert open_lift(LiftingConfig(network=False)) is read_out


@pytest.mark.parametrize(
    ("arch", "tensors", "message"),
    [
        ({"backbone": "selecsls60", "stride": 8, "encoding": 1}, {}, "holds .*selecsls60.*not a lifting network"),
        ({}, {}, "holds an unnamed network"),
        ({"lifter": 0.5, "encoding": 99}, {}, "not a lifting network of encoding 1"),
        ({"lifter": 1e9, "encoding": 1}, {}, "not a lifting network"),
        ({"lifter": "wide", "encoding": 1}, {}, "not a lifting network"),
        ({"lifter": 0.5, "encoding": 1}, {}, "tensors missing"),
        ({"lifter": 0.75, "encoding": 1}, None, "does not fit"),
    ],
    ids=["Stage I", "no description", "another encoding", "absurd", "no number", "empty", "another width"],
)
def test_other_files_are_refused(arch, tensors, message, tmp_path):
    save_weights(tmp_path / "w.safetensors", Lifter(0.5).state_dict() if tensors is None else {"x": torch.zeros(1)}, arch)
    with pytest.raises(XnectError, match=rf"w\.safetensors.*{message}"):
        load_lifter(tmp_path / "w.safetensors")


def test_missing_and_broken_files_are_refused(tmp_path):
    with pytest.raises(XnectError, match="no such weight file"):
        open_lift(LiftingConfig(weights=str(tmp_path / "none.safetensors")))
    save_file({"x": torch.zeros(1)}, tmp_path / "w.safetensors")
    (tmp_path / "w.safetensors").write_bytes((tmp_path / "w.safetensors").read_bytes()[:20])
    with pytest.raises(XnectError, match="is no safetensors file"):
        load_lifter(tmp_path / "w.safetensors")
