"""One contract for all back ends: the same maps as torch in single precision, whoever computes them."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass, replace

import pytest
import torch
from small_network import NAME, pictures, register, small_network
from torch import nn

from xnect_lite.config import NetworkConfig
from xnect_lite.inference.base import Backend, named
from xnect_lite.inference.choose import open_backend
from xnect_lite.inference.weights import load_network, save_weights
from xnect_lite.models.heads import OUTPUT_CHANNELS

CASES = {
    # back end, precision, where the network comes from: largest error, as a share of the maps' own size (both RMS)
    "torch in fp32": ("torch", "fp32", "memory", 1e-5),
    "torch in bf16": ("torch", "bf16", "memory", 0.1),
    "torch.compile in fp32": ("compiled", "fp32", "memory", 1e-5),
    "torch.compile in bf16": ("compiled", "bf16", "memory", 0.1),
    "CUDA graph in fp32": ("cudagraph", "fp32", "memory", 2e-3),
    "CUDA graph in fp16": ("cudagraph", "fp16", "memory", 0.1),
    "OpenVINO in fp32": ("openvino", "fp32", "memory", 1e-5),
    "OpenVINO in fp32 from a weight file": ("openvino", "fp32", "safetensors", 1e-5),
    "OpenVINO in bf16 from a weight file": ("openvino", "bf16", "safetensors", 0.1),
    "OpenVINO in fp32 from an exported file": ("openvino", "fp32", "xml", 1e-5),
    "ONNX Runtime": ("onnxruntime", "fp32", "memory", 1e-5),
    "ONNX Runtime from an exported file": ("onnxruntime", "fp32", "onnx", 1e-5),
}


class OneLayer(nn.Module):
    """The outputs of Stage I from a single convolution: over the real heads the compiler takes a minute."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, sum(OUTPUT_CHANNELS.values()), 8, 8)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        maps = self.layer(image / 64).split(list(OUTPUT_CHANNELS.values()), 1)
        return dict(zip(OUTPUT_CHANNELS, maps, strict=True))


@dataclass(frozen=True)
class Case:
    backend: Backend
    net: nn.Module
    tolerance: float


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def case(request, tmp_path_factory) -> Case:
    name, precision, origin, tolerance = request.param
    _skip_unless_there(name, precision)
    config = NetworkConfig(NAME, backend=name, precision=precision, device="auto" if name == "cudagraph" else "cpu")
    net = OneLayer().eval() if name == "compiled" else small_network()
    if origin == "memory":
        return Case(open_backend(config, net), net, tolerance)
    file = _write(net, tmp_path_factory.mktemp("weights"), origin)
    with pytest.MonkeyPatch.context() as patch:
        register(patch)
        if origin == "safetensors":
            net = load_network(file, NAME)  # halves by now
        return Case(open_backend(replace(config, weights=str(file))), net, tolerance)


def _skip_unless_there(name: str, precision: str) -> None:
    if name == "openvino":
        openvino = pytest.importorskip("openvino")
        if precision == "bf16" and "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            pytest.skip("this CPU has no bf16")
    if name == "onnxruntime":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnx")
    if name == "cudagraph" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    if name == "compiled" and not (shutil.which("g++") or shutil.which("clang++")):
        pytest.skip("no C++ compiler")


def _write(net, folder, origin):
    file = folder / f"network.{origin}"
    if origin == "safetensors":
        save_weights(file, net.state_dict(), net.arch)
    elif origin == "onnx":
        from xnect_lite.inference import onnx_runtime

        file.write_bytes(onnx_runtime.convert(net))
    else:
        from xnect_lite.inference import openvino

        openvino.save(openvino.convert(net), file)
    return file


def _truth(net, images: torch.Tensor) -> dict[str, torch.Tensor]:
    with torch.inference_mode():
        return named(list(net(images.permute(0, 3, 1, 2).float()).values()))


PICTURES = {
    "a landscape": pictures(1, 64, 96, seed=1),
    "noise": pictures(1, 64, 96, smooth=False, seed=2),
    "a portrait": pictures(1, 96, 64, seed=3),
    "two at once": pictures(2, 64, 96, seed=4),
}


@pytest.mark.parametrize("images", PICTURES.values(), ids=PICTURES)
def test_maps_are_those_of_torch(case, images):
    outputs, truth = case.backend(images), _truth(case.net, images)
    count, height, width = images.shape[0], images.shape[1] // 8, images.shape[2] // 8
    assert list(outputs) == list(OUTPUT_CHANNELS)
    for name, channels in OUTPUT_CHANNELS.items():
        found = outputs[name]
        assert isinstance(found, torch.Tensor) and found.dtype == torch.float32
        assert found.shape == (count, channels, height, width)
        assert truth[name].std() > 0.02  # else a constant would pass
        error = (found.cpu() - truth[name]).square().mean().sqrt() / truth[name].square().mean().sqrt()
        assert error <= case.tolerance, f"{name}: {error:.2e}"


def test_results_are_not_written_to_again(case):
    backend = case.backend
    first = backend(PICTURES["a landscape"])
    kept = {name: value.clone() for name, value in first.items()}
    other = backend(PICTURES["noise"])
    assert all(torch.equal(first[name], kept[name]) for name in kept)
    assert not torch.allclose(first["heatmaps"], other["heatmaps"], atol=1e-3)
    again = backend(PICTURES["a landscape"])
    assert all(torch.equal(first[name], again[name]) for name in kept)


def test_the_picture_handed_in_stays_as_it_is_and_may_change_afterwards(case):
    backend = case.backend
    image = PICTURES["a landscape"].clone()
    outputs = backend(image)
    assert torch.equal(image, PICTURES["a landscape"])
    kept = outputs["pafs"].clone()
    image.zero_()
    assert torch.equal(outputs["pafs"], kept)


def test_a_view_with_gaps_in_memory_is_the_same_picture(case):
    backend = case.backend
    image = PICTURES["a landscape"]
    mirrored = image.flip(3).contiguous().flip(3)
    wide = torch.cat([image, image], 2)[:, :, :96]
    expected = backend(image)["locations"]
    assert torch.equal(backend(wide)["locations"], expected) and torch.equal(backend(mirrored)["locations"], expected)


def test_another_thread_than_the_makers_may_call(case):
    backend = case.backend
    found = []
    thread = threading.Thread(target=lambda: found.append(backend(PICTURES["noise"])))
    thread.start()
    thread.join()
    assert torch.equal(found[0]["depth"], backend(PICTURES["noise"])["depth"])


def test_it_says_what_it_runs_on(case, request):
    backend = case.backend
    name, precision, _, _ = CASES[request.node.callspec.id]
    assert (backend.name, backend.precision) == (name, precision)
    assert backend.on_gpu == (backend.device_name != "CPU")
