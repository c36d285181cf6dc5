"""A Stage I with masks under training: it starts from dense weights and goes on exactly, with the noise its masks draw."""

from __future__ import annotations

import json
import signal

import pytest
import torch
from masked_network import NAME, masked_network, register_masked
from toy_run import STEPS, arguments

import train_pose
from xnect_lite.inference.weights import load_network, read_weights, save_weights
from xnect_lite.models.xnect import XNect
from xnect_lite.train.checkpoint import load_state
from xnect_lite.train.stage1 import step

MASKS = ("backbone=" + NAME, "dynamic.target=0.5", "dynamic.weight=3", "validation.at_end=false", "tensorboard=false")


@pytest.fixture(autouse=True)
def named(monkeypatch):
    register_masked(monkeypatch)


@pytest.fixture
def dense(tmp_path):
    torch.manual_seed(1)
    net = XNect(NAME)
    save_weights(tmp_path / "dense.safetensors", net.state_dict(), net.arch)
    return tmp_path / "dense.safetensors"


def test_stopped_and_resumed_it_draws_the_noise_it_would_have_drawn(photos, tmp_path, dense, monkeypatch, capsys):
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    assert train_pose.main(arguments(photos, straight, *MASKS, f"init={dense}")) == 0
    said = capsys.readouterr().out
    assert "budget" in said and "budget_blocks" in said
    losses, calls = step.stage1_losses, []

    def interrupted(*inputs):
        calls.append(1)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        return losses(*inputs)

    with monkeypatch.context() as patch:
        patch.setattr(step, "stage1_losses", interrupted)
        assert train_pose.main(arguments(photos, stopped, *MASKS, f"init={dense}")) == 0
    assert load_state(stopped / "state.pt")["step"] == 2 < STEPS
    torch.manual_seed(5)  # another process has other numbers
    assert train_pose.main(arguments(photos, stopped, *MASKS, "--resume")) == 0
    one, other = (load_state(folder / "state.pt")["net"] for folder in (straight, stopped))
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    net = load_network(straight / "last.safetensors", NAME)
    assert net.ledger is not None and net.arch["dynamic"]["target"] == 0.5


def test_noise_is_drawn_until_the_hundredth_of_the_run_that_ends_it(photos, tmp_path, monkeypatch):
    from xnect_lite.models.dynamic import masks

    heard, drawn = [], masks.hard_mask

    def listening(logit, temperature, noisy):
        heard.append(noisy)
        return drawn(logit, temperature, noisy)

    monkeypatch.setattr(masks, "hard_mask", listening)
    assert train_pose.main(arguments(photos, tmp_path / "run", *MASKS, "dynamic.noise_off_epoch=50")) == 0
    units = len(masked_network().backbone.core.masks)
    assert heard == [True] * 2 * units + [False] * 2 * units


def test_a_mistake_about_masks_is_one_line(photos, tmp_path, capsys):
    assert train_pose.main(arguments(photos, tmp_path / "run", "dynamic.target=0.5", "backbone=vovnet39")) == 2
    assert "has no dynamic form" in capsys.readouterr().err
    assert train_pose.main(arguments(photos, tmp_path / "run", "dynamic.target=0.5", "grouped=true")) == 2
    assert "exclude each other" in capsys.readouterr().err


def test_the_weight_file_says_which_masks_it_has(photos, tmp_path):
    assert train_pose.main(arguments(photos, tmp_path / "run", *MASKS, "steps=1")) == 0
    arch = read_weights(tmp_path / "run" / "last.safetensors")[1]
    assert (
        arch["dynamic"]["target"] == 0.5
        and json.loads((tmp_path / "run" / "config.json").read_text())["dynamic"]["weight"] == 3
    )
