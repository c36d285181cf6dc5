"""OpenVINO on the CPU: fp32, bf16 where the CPU has it, and int8 files made by ``xnect-lite export``."""

from __future__ import annotations

import copy
import functools
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xnect_lite import __version__
from xnect_lite.errors import XnectError
from xnect_lite.inference import cache
from xnect_lite.inference.base import PictureNetwork
from xnect_lite.inference.by_size import BySize
from xnect_lite.inference.devices import check_precision
from xnect_lite.inference.files import ARCH_KEY, check_arch, check_form, unreadable
from xnect_lite.inference.packages import require
from xnect_lite.inference.weights import load_network, sha256, verify
from xnect_lite.models.heads import OUTPUT_CHANNELS

_TYPES = {"fp32": "f32", "bf16": "bf16"}


class OpenVinoBackend:
    """An ``openvino.Model``, compiled once per input size: fixed sizes run faster than open ones.

    ``title``: what to call it where it cannot be compiled or run, which raises XnectError.
    """

    name, device_name, on_gpu = "openvino", "CPU", False

    def __init__(self, model: Any, precision: str = "auto", title: str = "--backend openvino") -> None:
        self._title = title
        self._core = _core()
        self._model = model
        is_int8 = any(op.get_type_name() == "FakeQuantize" for op in model.get_ops())
        # What int8 leaves is too little for bf16 to be any faster.
        floating = "fp32" if is_int8 and precision == "auto" else self._choose_precision(precision)
        self._options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": _TYPES[floating]}
        self._requests: BySize[Any] = BySize(self._compile)
        self.precision = floating if not is_int8 else "int8" if floating == "fp32" else f"int8+{floating}"

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """See base.Backend."""
        try:
            request = self._requests[tuple(images.shape)]
            results = request.infer([np.ascontiguousarray(images.numpy())], share_inputs=True, share_outputs=False)
        except RuntimeError as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            cause = f"cannot be run by OpenVINO ({lines[-1] if lines else 'no reason given'})"
            raise XnectError(self._title, cause, "Export it again, or use --backend torch") from error
        return {name: torch.from_numpy(results[name]) for name in OUTPUT_CHANNELS}

    def _compile(self, shape: tuple[int, ...]) -> Any:
        model = self._model.clone()
        model.reshape(list(shape))
        return self._core.compile_model(model, "CPU", self._options).create_infer_request()

    def _choose_precision(self, precision: str) -> str:
        check_precision(precision)
        has_bf16 = "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if precision == "auto":
            return "bf16" if has_bf16 else "fp32"
        if precision not in _TYPES or (precision == "bf16" and not has_bf16):
            cause = "is not what OpenVINO computes in on this CPU"
            raise XnectError(f"--precision {precision}", cause, f"Use fp32{' or bf16' if has_bf16 else ''}, or --backend torch")
        return precision


def open_network(net: nn.Module, precision: str = "auto") -> OpenVinoBackend:
    """A back end for a network in memory."""
    return OpenVinoBackend(convert(net), precision)


def open_weights(path: Path, backbone: str, precision: str = "auto") -> OpenVinoBackend:
    """A back end for a safetensors file. The conversion takes seconds and is kept for the next time.

    What was kept is then read back: written and read, a network computes in another order, and its last bits would differ
    between the first run and those that follow.
    """
    version = _openvino().__version__.split("-")[0]
    key = f"{backbone}-{sha256(path)[:20]}-openvino-{version}-{__version__}"
    folder = cache.find(key)
    if folder:
        verify(path)
        try:
            return OpenVinoBackend(read(folder / "network.xml"), precision)
        except RuntimeError:
            pass  # made by another program, or in another way: make it anew
    model = convert(load_network(path, backbone))
    kept = cache.store(key, lambda part: save(model, part / "network.xml"))
    return OpenVinoBackend(read(kept / "network.xml") if kept else model, precision)


def open_file(path: Path, backbone: str, precision: str = "auto") -> OpenVinoBackend:
    """A back end for an exported .xml with its .bin beside it. Raises XnectError if that is not one of ours."""
    for file in (path, path.with_suffix(".bin")):
        verify(file)
    try:
        model = read(path)
        arch = model.get_rt_info([ARCH_KEY]).astype(str) if model.has_rt_info([ARCH_KEY]) else ""
        inputs = [(_TYPE_NAMES.get(i.element_type.get_type_name(), "other"), len(i.partial_shape)) for i in model.inputs]
        outputs = {_name(output): _channels(output) for output in model.outputs}
    except (RuntimeError, OSError, ValueError) as error:
        raise unreadable(path, "an OpenVINO network (.xml with its .bin beside it)", error) from error
    check_arch(path, arch, backbone)
    check_form(path, inputs, outputs)
    return OpenVinoBackend(model, precision, str(path))


def convert(net: nn.Module) -> Any:
    """A Stage I network as ``openvino.Model``: fp32, free batch and size, outputs named, ``arch`` in its metadata."""
    _openvino()
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    pictures = PictureNetwork(copy.deepcopy(net).cpu().float()).eval()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that tracing is an old way
        example = torch.zeros(1, 64, 96, 3, dtype=torch.uint8)
        decoder = TorchScriptPythonDecoder(pictures, example_input=example, shared_memory=False)
        front_end = FrontEndManager().load_by_framework("pytorch")
        model = front_end.convert(front_end.load(decoder))
    model.inputs[0].get_tensor().set_names({"image"})
    for output, name in zip(model.outputs, OUTPUT_CHANNELS, strict=True):
        output.get_tensor().set_names({name})
    model.set_rt_info(json.dumps(net.arch), [ARCH_KEY])
    return model


def save(model: Any, path: Path) -> None:
    """Write ``path`` (.xml) and its .bin, without loss."""
    _openvino().save_model(model, path, compress_to_fp16=False)


def read(path: Path) -> Any:
    """Read an .xml and its .bin with the one front end that belongs to them: no other format is tried."""
    _openvino()
    from openvino.frontend import FrontEndManager

    front_end = FrontEndManager().load_by_framework("ir")
    return front_end.convert(front_end.load(str(path)))


_TYPE_NAMES = {"u8": "uint8", "f32": "float32", "f16": "float16"}


def _name(output: Any) -> str:
    return min(output.get_names(), default="unnamed")


def _channels(output: Any) -> int | None:
    shape = output.partial_shape
    return shape[1].get_length() if shape.rank.is_static and len(shape) == 4 and shape[1].is_static else None


@functools.cache
def _core() -> Any:
    """The one core of this process, for as long as it runs.

    Each core gives the thread that opens it a signal stack and, when it goes, brings back the one before. Where cores overlap,
    that one may be gone already: the next signal, be it Ctrl-C, then ends the process.
    """
    return _openvino().Core()


def _openvino() -> Any:
    return require("openvino", "--backend openvino", "cpu")
