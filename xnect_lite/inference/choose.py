"""From configuration to a back end; 'auto' takes the fastest that is there."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from xnect_lite.config import NetworkConfig, checked
from xnect_lite.errors import XnectError
from xnect_lite.inference import onnx_runtime, openvino
from xnect_lite.inference.base import Backend
from xnect_lite.inference.cuda_graph import CudaGraphBackend
from xnect_lite.inference.devices import choose_device
from xnect_lite.inference.names import EXPORTED, NEVER_OPENED
from xnect_lite.inference.sparse import SparseBackend, faster_of
from xnect_lite.inference.torch_compiled import CompiledBackend
from xnect_lite.inference.torch_eager import TorchBackend
from xnect_lite.inference.weights import find_weights, int8_of, load_network, read_weights
from xnect_lite.models.compress import fuse

_CPU_ONLY = ("openvino", "onnxruntime")
_log = logging.getLogger(__name__)


def open_backend(config: NetworkConfig, net: nn.Module | None = None) -> Backend:
    """The back end that ``config`` asks for, on ``net`` or else on the weight file that ``config`` names.

    'auto' gives torch to a network in memory, which may yet change; to a weight file OpenVINO on a CPU and a CUDA graph on a
    GPU, or torch where these cannot be had. An exported file is run by the back end of its format. OpenVINO runs shipped
    weights in their int8 form if no precision is asked for.
    Raises XnectError for anything that is not there or does not fit.
    """
    config = checked(config, "network.")
    device = choose_device(config.device)
    path = Path() if net is not None else find_weights(config.backbone, config.weights)
    name = _named(config.backend, path)
    if name == "auto" and net is not None:
        name = "torch"
    if name == "auto":
        return _fastest(config, device, path)
    _check_device(name, config.device, device)
    return _open(name, config, path, net)


def _named(asked: str, path: Path) -> str:
    """The back end asked for, or the one that an exported file needs."""
    suffix = path.suffix.lower()
    if suffix in NEVER_OPENED:
        raise XnectError(str(path), "may run code when it is opened, and is not", "Give a .safetensors, .onnx or .xml file")
    needed = EXPORTED.get(suffix)
    if needed and asked not in ("auto", needed):
        raise XnectError(
            str(path), f"runs on {needed}, not on {asked}", f"Use --backend {needed}, or give .safetensors weights"
        )
    return needed or asked


def _check_device(name: str, asked: str, device: torch.device) -> None:
    if name in _CPU_ONLY and device.type != "cpu" and asked != "auto":
        raise XnectError(f"--device {asked}", f"{name} runs on the CPU here", "Use --device cpu, or --backend torch")
    if name == "cudagraph" and device.type != "cuda":
        raise XnectError(
            "--backend cudagraph", "needs a CUDA device", "Use --device cuda where there is one, or --backend auto"
        )


def _fastest(config: NetworkConfig, device: torch.device, path: Path) -> Backend:
    """Falls back to torch, and says why, when the faster back end fails on this machine: it must not take the app along."""
    faster = "cudagraph" if device.type == "cuda" else "openvino"
    if faster == "openvino" and (config.precision == "fp16" or importlib.util.find_spec("openvino") is None):
        return _open("torch", config, path, None)
    try:
        backend = _open(faster, config, path, None)
        height, width = (max(16, side // 16 * 16) for side in (config.short_side_net_px, config.long_side_net_px))
        backend(torch.zeros(1, height, width, 3, dtype=torch.uint8))  # prepares for most sources' size, too
    except XnectError as error:
        if error.thing.startswith(("--backend", "--precision")):
            _log.warning("%s; using torch instead", error.cause)
            return _open("torch", config, path, None)
        raise
    except Exception as error:  # compilers and drivers raise anything
        _log.warning("%s cannot run this network (%s); using torch instead", faster, error)
        return _open("torch", config, path, None)
    return _or_sparse(backend, config, device, path, (height, width))


def _or_sparse(backend: Backend, config: NetworkConfig, device: torch.device, path: Path, size: tuple[int, int]) -> Backend:
    """A network with masks may be faster where it skips: whichever is, and a line that says so."""
    if device.type != "cpu" or path.suffix != ".safetensors" or "dynamic" not in (arch := read_weights(path)[1]):
        return backend
    sparse = _open("sparse", config, path, None)
    assert isinstance(sparse, SparseBackend)
    better, words = faster_of(sparse, backend, float(arch["dynamic"]["target"]), size)
    _log.warning("%s", words)
    return better


def _open(name: str, config: NetworkConfig, path: Path, net: nn.Module | None) -> Backend:
    if name == "openvino" and net is None and not config.weights and config.precision == "auto":
        path = int8_of(path) or path
    if name in _CPU_ONLY:
        return _open_on_cpu(name, config, path, net)
    make = _torch_backend(name)
    device = "cuda" if name == "cudagraph" and config.device == "auto" else config.device
    return make(net if net is not None else fuse(load_network(path, config.backbone)), device, config.precision)


def _open_on_cpu(name: str, config: NetworkConfig, path: Path, net: nn.Module | None) -> Backend:
    module = openvino if name == "openvino" else onnx_runtime
    if net is not None:
        return module.open_network(net, config.precision)
    open_path = module.open_file if path.suffix.lower() in EXPORTED else module.open_weights
    return open_path(path, config.backbone, config.precision)


def _torch_backend(name: str) -> Callable[[nn.Module, str, str], Backend]:
    makers: dict[str, Callable[[nn.Module, str, str], Backend]] = {
        "torch": TorchBackend, "compiled": CompiledBackend, "cudagraph": CudaGraphBackend, "sparse": SparseBackend,
    }  # fmt: skip
    return makers[name]
