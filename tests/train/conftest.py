"""A toy run from start to end, for all tests that look at one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import torch
from kit import write_kit
from small_network import register
from toy_run import arguments, command


@pytest.fixture(autouse=True)
def leave_no_traces():
    """Runs in this process set the number of threads."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def small(monkeypatch):
    """Training builds the small network by its name."""
    register(monkeypatch)


@pytest.fixture(scope="session")
def photos(tmp_path_factory) -> Path:
    return write_kit(tmp_path_factory.mktemp("kit"), train=4, val=2)


@pytest.fixture(scope="session")
def straight(photos, tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess]:
    """A run from start to end through the command line."""
    out = tmp_path_factory.mktemp("runs") / "straight"
    return out, command(*arguments(photos, out))
