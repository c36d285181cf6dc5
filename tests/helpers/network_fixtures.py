"""The small network and its weight file."""

from __future__ import annotations

import pytest
from small_network import register, small_network

from xnect_lite.inference.weights import save_weights


@pytest.fixture(scope="module")
def net():
    return small_network()


@pytest.fixture
def weights(net, tmp_path, monkeypatch):
    """The small network's weight file; its name is known."""
    register(monkeypatch)
    file = tmp_path / "small.safetensors"
    save_weights(file, net.state_dict(), net.arch)
    return file
