"""``xnect-lite devices``: what is there, what is not, and what ``auto`` makes of it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

import pytest
import torch

from xnect_lite.capture import CameraInfo
from xnect_lite.cli import devices
from xnect_lite.cli.main import main
from xnect_lite.errors import XnectError


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "xnect_lite.cli", "devices", *arguments],
        capture_output=True, text=True, timeout=180, env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip


def test_json_holds_everything_and_auto_is_what_would_run():
    done = run("--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert list(found) == ["cameras", "torch", "openvino", "onnxruntime", "auto"]
    assert found["torch"] == {"version": torch.__version__, "devices": {"cpu": "CPU"}, "threads": 1}
    has_openvino = importlib.util.find_spec("openvino") is not None
    assert (found["openvino"] is not None) == has_openvino
    assert found["auto"]["backend"] == ("openvino" if has_openvino else "torch") and found["auto"]["device"] == "CPU"
    assert found["auto"]["backbone"] == "selecsls60" and found["auto"]["precision"]


@pytest.fixture
def no_network(monkeypatch) -> None:
    monkeypatch.setattr(
        devices, "_auto", lambda: {"backbone": "selecsls60", "device": "CPU", "backend": "torch", "precision": "bf16"}
    )


CAMERAS = [CameraInfo(0, "Integrated Camera", "usb-1.1"), CameraInfo(12, "Studio Cam")]


@pytest.mark.parametrize(
    ("there", "lines"),
    [
        (CAMERAS, ["cameras      0  Integrated Camera  usb-1.1", "             12 Studio Cam"]),
        ([], ["cameras      none"]),
    ],
    ids=["two", "none"],
)
def test_cameras_have_a_line_each(no_network, monkeypatch, capsys, there, lines):
    monkeypatch.setattr("xnect_lite.cli.devices.list_cameras", lambda: there)
    monkeypatch.setattr(devices.importlib.util, "find_spec", lambda name: object())
    assert main(["devices"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[: len(lines)] == lines
    assert printed[len(lines)].startswith(f"torch        {torch.__version__}: cpu")
    assert printed[-1] == "auto         selecsls60 on CPU, torch, bf16"


def test_what_is_not_installed_is_said_with_its_extra(no_network, monkeypatch, capsys):
    def absent(package: str) -> str:
        raise devices.importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(devices.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(devices.importlib.metadata, "version", absent)
    assert main(["devices"]) == 0
    printed = capsys.readouterr().out
    assert "cameras      not known. Run pip install -e '.[gui]'" in printed
    assert "openvino     not installed. Run pip install -e '.[cpu]'" in printed
    assert "onnxruntime  not installed. Run pip install -e '.[export]'" in printed
    assert main(["devices", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["cameras"] is found["openvino"] is found["onnxruntime"] is None


def test_a_gpu_is_listed_by_its_name(no_network, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "GPU Test")
    assert main(["devices"]) == 0
    assert f"torch        {torch.__version__}: cpu, cuda:0 (GPU Test)\n" in capsys.readouterr().out


def test_without_weights_the_rest_is_listed_and_auto_says_why(monkeypatch, capsys):
    def missing(_config):
        raise XnectError("weights for selecsls60", "none found", "Train some")

    monkeypatch.setattr("xnect_lite.cli.devices.open_backend", missing)
    assert main(["devices"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "auto         weights for selecsls60: none found. Train some"
