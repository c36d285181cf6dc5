"""Single-person networks scored on MPII files in the true formats, and timed."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from mpii_files import TRAIN_NAME, VAL_NAME, json_record, mpii_joints
from test_mpii_verb import listed, released
from tiny_single import TinySingle, register_tiny

from xnect_lite.cli import main as cli
from xnect_lite.data.crops.geometry import crop_matrix, moved
from xnect_lite.data.crops.maps import gaussian_targets
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.mpii_single import mpii_people, pckh_figures
from xnect_lite.evaluate.single import SinglePredictor, find_single, share_right
from xnect_lite.evaluate.single_speed import time_single
from xnect_lite.models.dynamic.hourglass import build_hourglass
from xnect_lite.models.single import SingleNetwork
from xnect_lite.skeleton import MPII16

SMALL = """
bgr: true
width_net_px: 64
height_net_px: 64
hourglass: {stacks: 2, features: 16, depth: 2}
dynamic: {target: 0.5}
"""
ARCH = {
    "network": "hourglass", "joints": "mpii16", "size": [64, 64], "bgr": True,
    "hourglass": {"stacks": 2, "features": 16, "depth": 2, "blocks": 1}, "dynamic": {"target": 0.5},
}  # fmt: skip


class Knowing(SingleNetwork):
    """Answers where each of the people stands in the crop it is shown next; mirrored crops come as every second call."""

    def __init__(self, people, size, move_px=0.0) -> None:
        super().__init__()
        self.people, self.size, self.move_px, self.calls = people, size, move_px, 0
        self.arch = {"size": list(size), "bgr": False, "joints": "mpii16", "network": "knowing"}

    def forward(self, image):
        some = self.people[self.calls : self.calls + len(image)]
        self.calls += len(image)
        places = [
            moved(crop_matrix(one.centre_px, one.box_px, self.size), one.truth_px + np.array([self.move_px, 0])) for one in some
        ]
        maps, _ = gaussian_targets(torch.tensor(np.array(places)).float(), torch.ones(len(some), 16), self.size, 4, 2.0)
        return [0 * maps, maps]


def test_the_box_is_the_published_one(tmp_path):
    (one, _) = mpii_people(released(tmp_path), "val")
    thorax = mpii_joints(0)[6]
    np.testing.assert_allclose(one.centre_px, thorax + np.array([0, 15 * 0.7]), atol=1e-3)
    np.testing.assert_allclose(one.box_px, [175, 175], rtol=1e-6)
    assert one.unit_px == pytest.approx(0.6 * np.hypot(16, 20), rel=1e-6) and one.read_image().shape[2] == 3


def test_who_is_trained_on(tmp_path):
    """From the list made for HRNet; without it everybody in training pictures, alone or not, and nobody of validation."""
    assert [one.record.split()[0] for one in mpii_people(released(tmp_path), "train")] == [TRAIN_NAME] * 2
    root = listed(released(tmp_path / "listed"), json_record(VAL_NAME))
    assert {one.record.split()[0] for one in mpii_people(root, "train")} == {TRAIN_NAME}
    (root / "annot" / "train.json").write_text(json.dumps([json_record(TRAIN_NAME), json_record(TRAIN_NAME, scale=-1)]))
    assert [one.record for one in mpii_people(root, "train")] == [f"{TRAIN_NAME} person 0"]


@pytest.mark.parametrize(("heads", "mean", "at_tenth"), [(0.0, 100, 100), (0.3, 100, 0), (0.7, 0, 0)])
def test_a_network_that_knows_the_answers_scores_what_it_should(tmp_path, heads, mean, at_tenth):
    people = mpii_people(released(tmp_path), "val")
    net = Knowing(people, (256, 256), heads * people[0].unit_px)
    found, score = find_single(SinglePredictor.of(net, torch.device("cpu")), people, batch=1)
    figures = pckh_figures(found, people)
    assert (figures["mean"], figures["people"]) == (mean, 2)
    assert figures["mean_at_0.1"] == pytest.approx(at_tenth, abs=4)  # a cell is a quarter of a head's tenth here
    assert score.shape == (2, 16) and (score > 0.99).all()


def test_without_people_nothing_is_found():
    found, score = find_single(SinglePredictor(Knowing([], (64, 64)), (64, 64)), [])
    assert found.shape == (0, 16, 2) and score.shape == (0, 16)


@pytest.mark.parametrize(("flip_test", "column"), [("plain", 5), ("shifted", 6)])
def test_the_mirrors_answer_is_mirrored_back_sides_swapped(flip_test, column):
    class Sided(SingleNetwork):
        """A right ankle at column 5; in the mirror a left one at column 10, which comes back to 5, or to 6 if shifted."""

        def __init__(self):
            super().__init__()
            self.calls = 0

        def forward(self, image):
            maps = torch.zeros(1, 16, 16, 16)
            maps[0, MPII16.names.index("l_ankle" if self.calls else "r_ankle"), 4, 10 if self.calls else 5] = 1
            self.calls += 1
            return [maps]

    predictor = SinglePredictor(Sided(), (64, 64), flip_test=flip_test)
    maps = predictor.maps(torch.zeros(1, 64, 64, 3, dtype=torch.uint8))
    right = maps[0, MPII16.names.index("r_ankle"), 4]
    assert right[5] == (1.0 if column == 5 else 0.5) and right[column] == (1.0 if column == 5 else 0.5)
    assert maps[0, MPII16.names.index("l_ankle")].max() == 0


def test_share_right_counts_limb_joints_with_truth(tmp_path):
    people = mpii_people(released(tmp_path), "val")
    truth = np.array([one.truth_px for one in people])
    wrong = truth.copy()
    wrong[0, MPII16.names.index("l_knee")] += 100
    wrong[0, MPII16.names.index("head_top")] += 100  # no limb joint
    assert share_right(truth, people, MPII16) == 1 and share_right(wrong, people, MPII16) == pytest.approx(23 / 24)
    nobody = [replace(one, truth_px=one.truth_px * np.nan) for one in people]
    assert np.isnan(share_right(truth, nobody, MPII16))


def test_half_of_the_batches_warm_up_and_are_counted(tmp_path, monkeypatch):
    register_tiny(monkeypatch)
    people, net = mpii_people(released(tmp_path), "val") * 3, TinySingle().eval()
    for with_loader in (True, False):
        timing = time_single(SinglePredictor(net, (64, 64)), people, 2, with_loader)
        assert (timing.warm_up_people, timing.people, timing.count.pictures) == (2, 4, 2) and timing.seconds > 0
    with pytest.raises(XnectError, match="no two batches"):
        time_single(SinglePredictor(net, (64, 64)), people, 6, True)


@pytest.fixture
def published(tmp_path) -> tuple:
    """A data set, a configuration, and a checkpoint as others save them: through DataParallel."""
    root, config, model = released(tmp_path / "mpii"), tmp_path / "small.yaml", tmp_path / "model_best.pth"
    config.write_text(SMALL)
    torch.manual_seed(3)
    net = build_hourglass(ARCH)
    torch.save({f"module.{k}": v for k, v in net.state_dict().items()}, model)
    return root, config, model, net.eval()


def command(capsys, root, *more) -> dict:
    assert cli.main(["eval", "mpii", "--root", str(root), "--single", "--device", "cpu", "--json", *map(str, more)]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_published_checkpoint_is_loaded_as_it_learnt_blue_first(published, capsys):
    root, config, model, net = published
    seen = command(capsys, root, "--model-file", model, "--config", config, "--masked")
    people = mpii_people(root, "val")
    found, _ = find_single(SinglePredictor(net, (64, 64), bgr=True), people)
    wanted = pckh_figures(found, people)
    assert seen["figures"]["mean"] == pytest.approx(wanted["mean"]) and seen["made_by"]["arch"]["bgr"] is True
    assert seen["figures"]["parameters"] == sum(p.numel() for p in net.parameters())
    config.write_text(SMALL.replace("bgr: true", "bgr: false"))
    assert command(capsys, root, "--model-file", model, "--config", config)["made_by"]["arch"]["bgr"] is True


def test_skipping_and_masking_find_the_same_and_count_the_same(published, capsys):
    root, config, model, _ = published
    both = [command(capsys, root, "--model-file", model, "--config", config, *more)["figures"] for more in ((), ("--masked",))]
    assert both[0] == pytest.approx(both[1], nan_ok=True) and 0 < both[0]["share_executed"] < 1
    assert both[0]["gmacs_per_picture"] == pytest.approx(both[0]["gmacs_dense"] + both[0]["gmacs_executed"])


def test_random_weights_and_a_speed_test(published, capsys):
    root, config, _, _ = published
    seen = command(capsys, root, "--model-file", "none", "--config", config, "--speed", "--batch", 1, "--loader", "out")
    assert seen["figures"]["people"] == 1 and seen["figures"]["people_per_s"] > 0 and seen["tables"] == {}


def test_what_is_printed_has_a_table_costs_shares_and_the_published_sum(published, capsys):
    root, config, model, _ = published
    given = ["--model-file", str(model), "--config", str(config)]
    assert cli.main(["eval", "mpii", "--root", str(root), "--single", "--device", "cpu", *given]) == 0
    text = capsys.readouterr().out
    parts = ("head_top", "mean_at_0.11", "parameters", "share used, per block", "layer3.0", "make 1.724, not the 1.706")
    assert all(part in text for part in parts)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ((), "names no network"),
        (("--model-file", "none"), "Give its configuration with --config"),
        (("--model-file", "absent.safetensors"), "no such weight file"),
        (("--model-file", "none", "--groups"), "goes with neither"),
        (("--model-file", "none", "--batch", "0"), "at least 1"),
    ],
)
def test_what_cannot_be_asked_is_said(tmp_path, capsys, more, message):
    assert cli.main(["eval", "mpii", "--root", str(released(tmp_path)), "--single", *more]) == 2
    assert message in capsys.readouterr().err
