"""Weights that have an int8 form beside them: when it is taken, and when it is not."""

from __future__ import annotations

import importlib.util
import json
import shutil

import pytest
import torch
from small_network import NAME, register, small_network

from xnect_lite.config import NetworkConfig
from xnect_lite.errors import XnectError
from xnect_lite.inference.choose import open_backend
from xnect_lite.inference.weights import int8_of, save_weights, sha256

if not importlib.util.find_spec("openvino"):
    pytest.skip("OpenVINO is not installed", allow_module_level=True)

from xnect_lite.inference import openvino


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """A folder of weights as shipped. What passes for the int8 form doubles every limb field, to be told from the weights."""
    folder, net = tmp_path_factory.mktemp("shipped"), small_network()
    weights, quantised = folder / f"xnect_{NAME}.safetensors", folder / f"xnect_{NAME}_int8.xml"
    save_weights(weights, net.state_dict(), net.arch)
    with torch.no_grad():
        net.heads.out_2d.weight.mul_(2)
        net.heads.out_2d.bias.mul_(2)
    openvino.save(openvino.convert(net), quantised)
    files = {file.name: {"sha256": sha256(file)} for file in (quantised, quantised.with_suffix(".bin"))}
    files[quantised.name]["made_from"] = sha256(weights)
    (folder / "manifest.json").write_text(json.dumps({"files": files}))
    return folder


@pytest.fixture
def folder(shipped, tmp_path, monkeypatch):
    """A copy of it, to damage, where weights are looked for."""
    register(monkeypatch)
    shutil.copytree(shipped, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("XNECT_WEIGHTS", str(tmp_path))
    return tmp_path


def _strength(**values) -> float:
    """Largest limb field on a flat picture."""
    backend = open_backend(NetworkConfig(NAME, **{"device": "cpu", **values}))
    return float(backend(torch.full((1, 64, 96, 3), 99, dtype=torch.uint8))["pafs"].abs().max())


@pytest.mark.parametrize(
    ("values", "taken"),
    [
        ({}, True),
        ({"backend": "openvino"}, True),
        ({"precision": "fp32"}, False),
        ({"backend": "torch"}, False),
        ({"weights": "the file"}, False),
    ],
    ids=["by itself", "OpenVINO asked for", "a precision asked for", "another back end", "the weights named"],
)
def test_the_int8_form_of_shipped_weights_is_taken(folder, values, taken):
    plain = _strength(precision="fp32", backend="torch")
    if values.get("weights"):
        values = {"weights": str(folder / f"xnect_{NAME}.safetensors")}
    assert _strength(**values) == pytest.approx(2 * plain if taken else plain, rel=0.02)


def test_an_int8_form_of_other_weights_is_left_alone(folder):
    weights = folder / f"xnect_{NAME}.safetensors"
    assert int8_of(weights)
    net = small_network()
    save_weights(weights, {k: v + 1 for k, v in net.state_dict().items()}, net.arch)
    assert int8_of(weights) is None


@pytest.mark.parametrize("loss", ["xml", "manifest.json"])
def test_without_the_file_or_its_entry_there_is_no_int8_form(folder, loss):
    (folder / (f"xnect_{NAME}_int8.xml" if loss == "xml" else loss)).unlink()
    assert int8_of(folder / f"xnect_{NAME}.safetensors") is None
    assert _strength(precision="fp32") > 0


def test_a_damaged_bin_is_told(folder):
    quantised = folder / f"xnect_{NAME}_int8.bin"
    content = bytearray(quantised.read_bytes())
    content[100] ^= 1
    quantised.write_bytes(content)
    with pytest.raises(XnectError, match=r"_int8\.bin: is damaged"):
        _strength()


@pytest.mark.parametrize("backend", ["auto", "openvino"])
def test_a_bin_that_is_gone_is_told(folder, backend):
    (folder / f"xnect_{NAME}_int8.bin").unlink()
    with pytest.raises(XnectError, match=r"_int8\.bin: cannot be read \(No such file"):
        _strength(backend=backend)
