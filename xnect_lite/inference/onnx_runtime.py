"""ONNX Runtime on the CPU, fp32: runs exported .onnx files, and networks that it first writes as one."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xnect_lite.errors import XnectError
from xnect_lite.inference.base import PictureNetwork
from xnect_lite.inference.devices import check_precision
from xnect_lite.inference.files import ARCH_KEY, check_arch, check_form, unreadable
from xnect_lite.inference.packages import require
from xnect_lite.inference.weights import load_network, verify
from xnect_lite.models.compress import with_scales
from xnect_lite.models.heads import OUTPUT_CHANNELS

_OPSET = 17


class OnnxBackend:
    """An ``onnxruntime.InferenceSession``. ``title``: what to call it where it cannot be run, which raises XnectError."""

    name, device_name, precision, on_gpu = "onnxruntime", "CPU", "fp32", False

    def __init__(self, session: Any, precision: str = "auto", title: str = "--backend onnxruntime") -> None:
        self._title = title
        check_precision(precision)
        if precision not in ("auto", "fp32"):
            raise XnectError(f"--precision {precision}", "ONNX Runtime computes in fp32 here", "Use fp32, or another --backend")
        self._session = session
        self._input = session.get_inputs()[0].name

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """See base.Backend."""
        try:
            results = self._session.run(list(OUTPUT_CHANNELS), {self._input: np.ascontiguousarray(images.numpy())})
        except Exception as error:  # its errors derive from Exception one by one
            first = (str(error).splitlines() or ["no reason given"])[0]
            cause = f"cannot be run by ONNX Runtime ({first})"
            raise XnectError(self._title, cause, "Export it again, or use --backend torch") from error
        return dict(zip(OUTPUT_CHANNELS, map(torch.from_numpy, results), strict=True))


def open_network(net: nn.Module, precision: str = "auto") -> OnnxBackend:
    """A back end for a network in memory."""
    return OnnxBackend(_session(convert(net)), precision)


def open_weights(path: Path, backbone: str, precision: str = "auto") -> OnnxBackend:
    """A back end for a safetensors file."""
    return open_network(load_network(path, backbone), precision)


def open_file(path: Path, backbone: str, precision: str = "auto") -> OnnxBackend:
    """A back end for an exported .onnx. Raises XnectError if that is not one of ours."""
    _onnxruntime()
    verify(path)
    try:
        session = _session(path.read_bytes())
    except Exception as error:  # its errors derive from Exception one by one
        raise unreadable(path, "an ONNX network", error) from error
    check_arch(path, session.get_modelmeta().custom_metadata_map.get(ARCH_KEY, ""), backbone)
    inputs = [(i.type.removeprefix("tensor(").removesuffix(")"), len(i.shape)) for i in session.get_inputs()]
    outputs = {o.name: o.shape[1] if len(o.shape) == 4 and isinstance(o.shape[1], int) else None for o in session.get_outputs()}
    check_form(path, inputs, outputs)
    return OnnxBackend(session, precision, str(path))


def convert(net: nn.Module) -> bytes:
    """A Stage I network as an ONNX file: fp32, free batch and size, outputs named, ``arch`` in its metadata."""
    onnx = require("onnx", "writing ONNX", "export")
    pictures = PictureNetwork(with_scales(net).cpu().float()).eval()
    file = io.BytesIO()
    free = {0: "batch", 2: "rows", 3: "columns"}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that tracing is an old way; the new one needs yet another package
        torch.onnx.export(
            pictures,
            (torch.zeros(1, 64, 96, 3, dtype=torch.uint8),),
            file,  # type: ignore[arg-type]  # without dynamo it takes an open file
            input_names=["image"],
            output_names=list(OUTPUT_CHANNELS),
            dynamic_axes={"image": {0: "batch", 1: "height", 2: "width"}, **{name: free for name in OUTPUT_CHANNELS}},
            opset_version=_OPSET,
            dynamo=False,
        )
    model = onnx.load_from_string(file.getvalue())
    onnx.helper.set_model_props(model, {ARCH_KEY: json.dumps(net.arch)})
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _session(model: bytes) -> Any:
    runtime = _onnxruntime()
    options = runtime.SessionOptions()
    options.log_severity_level = 4  # errors come as exceptions; it would print them too
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _onnxruntime() -> Any:
    runtime = require("onnxruntime", "--backend onnxruntime", "export")
    runtime.disable_telemetry_events()  # builds for Windows would report to their makers
    return runtime
