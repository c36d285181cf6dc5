"""Which back end is taken, and what is said when that cannot be."""

from __future__ import annotations

import importlib
import importlib.util
import logging

import pytest
import torch
from bomb import Bomb
from weight_files import needs_onnx, needs_openvino, network_config

from xnect_lite.errors import XnectError
from xnect_lite.inference import choose
from xnect_lite.inference.choose import open_backend

# -- auto ------------------------------------------------------------------------------------------------------------


@needs_openvino
def test_auto_takes_openvino_for_a_weight_file_on_the_cpu(weights):
    assert open_backend(network_config(weights)).name == "openvino"


def test_auto_is_torch_for_a_network_in_memory(net):
    assert open_backend(network_config(), net).name == "torch"


def test_auto_is_torch_where_openvino_is_not_installed(weights, monkeypatch):
    monkeypatch.setattr(choose.importlib.util, "find_spec", lambda name: None)
    assert open_backend(network_config(weights)).name == "torch"


@needs_openvino
def test_auto_is_torch_for_a_precision_that_openvino_lacks(weights):
    backend = open_backend(network_config(weights, precision="fp16"))
    assert (backend.name, backend.precision) == ("torch", "fp16")


@needs_openvino
def test_auto_falls_back_to_torch_and_says_why(weights, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("no such instruction")

    monkeypatch.setattr("xnect_lite.inference.openvino.open_weights", fail)
    with caplog.at_level(logging.WARNING):
        assert open_backend(network_config(weights)).name == "torch"
    assert "openvino cannot run this network (no such instruction); using torch instead" in caplog.text


@needs_openvino
def test_auto_does_not_hide_a_wrong_weight_file(weights):
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(XnectError, match=r"small\.safetensors: is no safetensors file"):
        open_backend(network_config(weights))


@pytest.mark.parametrize(("fails", "expected"), [(False, "cudagraph"), (True, "torch")], ids=["works", "cannot be captured"])
def test_auto_on_a_gpu(weights, monkeypatch, fails, expected):
    """A CUDA graph, or torch where the driver refuses it. The GPU here is pretended."""

    class Pretended:
        def __init__(self, name):
            self.name = name

        def __call__(self, images):
            if fails and self.name == "cudagraph":
                raise RuntimeError("CUDA error: operation not permitted when stream is capturing")

    monkeypatch.setattr(choose, "choose_device", lambda name: torch.device("cuda"))
    monkeypatch.setattr(choose, "_torch_backend", lambda name: lambda *_: Pretended(name))
    assert open_backend(network_config(weights, device="auto")).name == expected


# -- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"backend": "tensorrt"},
            r"'network.backend': needs auto, torch, .* or sparse, got 'tensorrt'",
        ),
        ({"backend": ""}, r"'network.backend': needs auto, .* got ''"),
        ({"device": "cuda"}, r"--device cuda: this torch sees no CUDA device"),
        ({"device": "cuda", "backend": "openvino"}, r"--device cuda: this torch sees no CUDA device"),
        ({"backend": "cudagraph"}, r"--backend cudagraph: needs a CUDA device"),
        ({"backend": "cudagraph", "device": "auto"}, r"--backend cudagraph: needs a CUDA device"),
        ({"precision": "int8"}, r"'network.precision': needs auto, fp32, fp16 or bf16, got 'int8'"),
        pytest.param(
            {"backend": "openvino", "precision": "fp16"},
            r"--precision fp16: is not what OpenVINO computes in on this CPU. Use fp32",
            marks=needs_openvino,
        ),
        pytest.param(
            {"backend": "onnxruntime", "precision": "bf16"},
            r"--precision bf16: ONNX Runtime computes in fp32 here. Use fp32, or another --backend",
            marks=needs_onnx,
        ),
    ],
    ids=lambda v: " ".join(f"{k}={x}" for k, x in v.items()) if isinstance(v, dict) else "",
)
def test_what_is_not_there_is_an_error(weights, monkeypatch, values, message):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(XnectError, match=message):
        open_backend(network_config(weights, **values))


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_cpu_back_ends_do_not_take_a_gpu_that_was_asked_for(weights, monkeypatch, backend):
    monkeypatch.setattr(choose, "choose_device", lambda name: torch.device("cuda"))
    with pytest.raises(XnectError, match=rf"--device cuda: {backend} runs on the CPU here. Use --device cpu"):
        open_backend(network_config(weights, device="cuda", backend=backend))


@pytest.mark.parametrize(
    ("package", "backend", "extra"),
    [("openvino", "openvino", "cpu"), ("onnxruntime", "onnxruntime", "export"), ("onnx", "onnxruntime", "export")],
)
def test_a_missing_package_is_named_with_its_extra(weights, monkeypatch, package, backend, extra):
    real = importlib.import_module

    def without(name, *more):
        if name == package:
            raise ModuleNotFoundError(f"No module named '{name}'")
        return real(name, *more)

    monkeypatch.setattr("xnect_lite.inference.packages.importlib.import_module", without)
    message = rf"needs the package {package}, which is not installed .*pip install -e '\.\[{extra}\]'"
    with pytest.raises(XnectError, match=message):
        open_backend(network_config(weights, backend=backend))


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ts", ".torchscript", ".PKL"])
@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_files_that_may_run_code_are_not_opened(tmp_path, suffix, backend):
    file = tmp_path / f"network{suffix}"
    torch.save({"x": Bomb(str(tmp_path / "ran"))}, file)
    with pytest.raises(XnectError, match=r"may run code when it is opened, and is not. Give a \.safetensors, \.onnx or \.xml"):
        open_backend(network_config(file, backend=backend))
    assert not (tmp_path / "ran").exists()
