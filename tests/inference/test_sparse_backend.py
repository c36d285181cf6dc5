"""The back end that skips: equal to torch's, honest about what it computed, taken by auto where it is the faster."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from masked_network import NAME, TARGET, masked_network, register_masked
from small_network import small_network

from xnect_lite.config import NetworkConfig
from xnect_lite.errors import XnectError
from xnect_lite.inference import choose
from xnect_lite.inference.choose import open_backend
from xnect_lite.inference.sparse import SparseBackend, faster_of
from xnect_lite.inference.torch_eager import TorchBackend
from xnect_lite.inference.weights import save_weights
from xnect_lite.models.compress import count
from xnect_lite.stages.network import Predictor
from xnect_lite.timer import StageTimer
from xnect_lite.types import Frame, Letterbox


@pytest.fixture(autouse=True)
def named(monkeypatch):
    register_masked(monkeypatch)


@pytest.fixture
def picture() -> np.ndarray:
    """A bright left third."""
    image = np.zeros((64, 96, 3), np.uint8)
    image[:, :32] = 200
    return image


def test_it_gives_what_the_masked_dense_network_gives(picture):
    net = masked_network()
    images = torch.from_numpy(picture)[None]
    wanted, found = TorchBackend(net, "cpu", "fp32")(images), SparseBackend(net, precision="fp32")(images)
    for name in wanted:
        torch.testing.assert_close(found[name], wanted[name], rtol=1e-4, atol=1e-4)
        assert found[name].dtype == torch.float32


def test_in_bf16_it_is_near(picture):
    net, images = masked_network(), torch.from_numpy(picture)[None]
    wanted, found = SparseBackend(net, precision="fp32")(images), SparseBackend(net, precision="bf16")(images)
    for name in wanted:
        assert float((found[name] - wanted[name]).abs().max() / wanted[name].abs().max().clamp_min(1)) < 0.1


def test_what_it_says_of_its_effort_adds_up(picture):
    net = masked_network()
    backend = SparseBackend(net, precision="fp32")
    backend(torch.from_numpy(picture)[None])
    effort = backend.effort(Letterbox.fit(96, 64, 96, 64))
    assert effort.dense_macs == count(net, torch.zeros(1, 3, 64, 96)).macs
    assert 0 < effort.executed_macs < effort.dense_macs and 0 < backend.realised_share() < 1
    assert effort.blocks == 3 and effort.ponder.shape == (16, 24)
    left, right = effort.ponder[:, :7], effort.ponder[:, 12:]
    assert left.mean() > 2 and right.mean() < 0.5
    for share in (1.0, 0.0):
        fixed = backend.at_share(share)
        fixed(torch.from_numpy(picture)[None])
        assert fixed.realised_share() == share
        executed = fixed.effort(effort.letterbox).executed_macs
        assert executed == pytest.approx(effort.dense_macs, rel=0.01) if share else executed < effort.executed_macs


def test_maps_carry_the_effort_and_other_back_ends_carry_none(picture):
    net, frame = masked_network(), Frame(picture, 0.0, 0)
    config = NetworkConfig(NAME, backend="sparse", precision="fp32", device="cpu", long_side_net_px=96, short_side_net_px=64)
    maps = Predictor(config, net)(frame, StageTimer())
    assert maps.effort is not None and maps.effort.executed_macs < maps.effort.dense_macs
    dense = Predictor(NetworkConfig(NAME, backend="torch", device="cpu"), net)(frame, StageTimer())
    assert dense.effort is None


def test_a_network_without_masks_is_refused():
    with pytest.raises(XnectError, match="no masks"):
        SparseBackend(small_network())
    with pytest.raises(XnectError, match="sees no CUDA device"):
        SparseBackend(masked_network(), device="cuda")


class Slow:
    """A back end that takes its time."""

    name, precision, device_name, on_gpu = "slow", "fp32", "CPU", False

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self, images):
        import time

        time.sleep(self.seconds)
        return {}


@pytest.mark.parametrize(("seconds", "taken"), [(0.5, "sparse"), (0.0, "slow")])
def test_the_faster_of_two_is_taken_and_said(seconds, taken):
    sparse, other = SparseBackend(masked_network(), precision="fp32"), Slow(seconds)
    better, words = faster_of(sparse, other, TARGET, (64, 96))
    assert better.name == taken and f"taking {taken}" in words and "target share 0.25" in words


@pytest.mark.parametrize(("seconds", "taken"), [(0.5, "sparse"), (0.0, "slow")])
def test_auto_compares_them_for_a_weight_file_with_masks(tmp_path, monkeypatch, caplog, seconds, taken):
    net, file = masked_network(), tmp_path / "masked.safetensors"
    save_weights(file, net.state_dict(), net.arch)
    opened = choose._open
    monkeypatch.setattr(choose, "_open", lambda name, *rest: Slow(seconds) if name == "openvino" else opened(name, *rest))
    monkeypatch.setattr(choose.importlib.util, "find_spec", lambda name: object())
    config = NetworkConfig(NAME, weights=str(file), device="cpu", long_side_net_px=96, short_side_net_px=64)
    with caplog.at_level(logging.WARNING):
        assert open_backend(config).name == taken
    assert f"taking {taken}" in caplog.text
