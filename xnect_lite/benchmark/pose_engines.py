"""Whole Stage I on everything that can run it: the back ends of xnect_lite.inference, and TorchScript beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from xnect_lite.benchmark.candidate import Candidate, precision_of
from xnect_lite.config import NetworkConfig
from xnect_lite.inference.base import PictureNetwork
from xnect_lite.inference.choose import open_backend
from xnect_lite.inference.devices import channels_last
from xnect_lite.inference.names import BACKENDS

INT8 = "openvino-int8"
"""OpenVINO with the network quantised, whatever precision the others compute in. It takes half a minute to make."""

_ONLY_ON = {"cudagraph": "cuda", "openvino": "cpu", "onnxruntime": "cpu"}
_CALIBRATION_PICTURES = 4


def pose_engines(device: torch.device) -> tuple[str, ...]:
    """Names of what may run any Stage I on this kind of device, whether or not it is installed."""
    names = [name for name in BACKENDS if name != "sparse" and _ONLY_ON.get(name, device.type) == device.type]
    names.insert(1, "torchscript")
    if "openvino" in names:
        names.insert(names.index("openvino") + 1, INT8)
    return tuple(names)


def pose_pass(candidate: Candidate, net: nn.Module, device: torch.device) -> Callable[[], object]:
    """From pictures' bytes on the CPU to all maps, as the app does it: on a GPU the upload is part of the pass."""
    pictures = torch.randint(0, 256, (candidate.batch, candidate.height, candidate.width, 3), dtype=torch.uint8)
    if candidate.engine == "torchscript":
        return _torchscript_pass(candidate, net, pictures, device)
    if candidate.engine == INT8:
        return _int8_pass(candidate, net, pictures)
    words: dict[str, Any] = {"backend": candidate.engine, "precision": candidate.precision}  # checked as it is opened
    config = NetworkConfig(candidate.network, device=str(device), **words)
    backend = open_backend(config, net)
    return lambda: backend(pictures)


def _int8_pass(candidate: Candidate, net: nn.Module, pictures: torch.Tensor) -> Callable[[], object]:
    """Calibrated with noise: what comes out is worth nothing, but takes as long as with photographs."""
    from xnect_lite.export.quantise import quantise
    from xnect_lite.inference.openvino import OpenVinoBackend

    size = (1, candidate.height, candidate.width, 3)
    noise = [torch.randint(0, 256, size, dtype=torch.uint8) for _ in range(_CALIBRATION_PICTURES)]
    backend = OpenVinoBackend(quantise(net, noise))
    return lambda: backend(pictures)


def _torchscript_pass(
    candidate: Candidate, net: nn.Module, pictures: torch.Tensor, device: torch.device
) -> Callable[[], object]:
    own = channels_last(PictureNetwork(net).eval().to(device))
    with precision_of(candidate, device), torch.no_grad():
        traced = torch.jit.trace(own, pictures.to(device), check_trace=False)

    @torch.no_grad()
    def run() -> object:
        with precision_of(candidate, device):
            return traced(pictures.to(device, non_blocking=True))

    return run
