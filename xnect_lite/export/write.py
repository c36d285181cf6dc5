"""Stage I as a file for other runtimes, compared with torch before it is kept."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from xnect_lite.config import NetworkConfig
from xnect_lite.errors import XnectError, install, next_step_of
from xnect_lite.export.calibration import Photographs, blots, noise
from xnect_lite.export.quantise import Accuracy, measure_accuracy, quantise
from xnect_lite.inference import onnx_runtime, openvino
from xnect_lite.inference.base import Backend, PictureNetwork, named
from xnect_lite.inference.files import ARCH_KEY
from xnect_lite.inference.torch_eager import TorchBackend
from xnect_lite.inference.weights import load_network, save_weights
from xnect_lite.models.heads import OUTPUT_CHANNELS
from xnect_lite.models.xnect import XNect

FORMATS = {
    "safetensors": ".safetensors", "onnx": ".onnx", "openvino": ".xml", "openvino-int8": ".xml", "torchscript": ".ts",
}  # fmt: skip
"""Name -> suffix of the file."""

_PACKAGES = {
    "safetensors": (),
    "onnx": ("onnx", "onnxruntime"),
    "openvino": ("openvino",),
    "openvino-int8": ("openvino", "nncf"),
    "torchscript": (),
}

_MOST_ERROR = 1e-3  # of a map's largest value; what is computed in single precision stays far below
_MOST_ERROR_OF_HALF = 2e-2  # where the weights are stored in half precision

Run = Callable[[Tensor], dict[str, Tensor]]


@dataclass(frozen=True)
class MapError:
    """How far one output is from torch's. worst: largest difference; share: of the largest value that torch gives."""

    output: str
    pictures: str
    worst: float
    share: float


@dataclass(frozen=True)
class ExportReport:
    """accuracy: of int8 only, where a rounded map says little. bytes: of all files together."""

    format: str
    files: tuple[Path, ...]
    bytes: int
    errors: tuple[MapError, ...]
    accuracy: Accuracy | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for --json."""
        values = asdict(self)
        values["files"] = [str(file) for file in self.files]
        if self.accuracy:
            values["accuracy"]["drop"] = self.accuracy.drop
        return values


def export(
    net: XNect,
    form: str,
    path: Path,
    config: NetworkConfig,
    photographs: Photographs | None = None,
    max_drop: float = 1.0,
) -> ExportReport:
    """Write ``net`` to ``path``, compare what was written with torch, and keep it only if it is good.

    Args:
        net: Stage I in eval mode.
        form: a name in FORMATS.
        path: the file to write.
        config: whose input size is meant.
        photographs: to calibrate int8 with and to compare on.
        max_drop: points that int8 may lose.

    Raises:
        XnectError: if a package is missing, the file cannot be written or what was written is too far off.
    """
    check_target(form, path)
    if form == "openvino-int8" and photographs is None:
        raise XnectError("--format openvino-int8", "needs pictures to calibrate with", "Give --photos DIR")
    try:
        with tempfile.TemporaryDirectory(prefix=".export-", dir=path.parent) as folder:
            part = Path(folder) / path.name
            run = _write(net, form, part, config, photographs)
            truth = TorchBackend(copy.deepcopy(net).float(), "cpu", "fp32")
            natural = ("photographs", photographs.check[:8]) if photographs else ("blots", blots(config))
            errors = (*compare(truth, run, "noise", noise(config)), *compare(truth, run, *natural))
            accuracy = None
            if form == "openvino-int8" and photographs:
                written = cast(Backend, run)  # an int8 file is run by OpenVINO's back end
                accuracy = measure_accuracy(openvino.open_network(net, "fp32"), written, photographs, config)
            _judge(path, errors, accuracy, max_drop, _MOST_ERROR_OF_HALF if form == "safetensors" else _MOST_ERROR)
            files = tuple(_move(file, path.parent) for file in sorted(Path(folder).iterdir()))
    except OSError as error:
        raise _cannot_write(path, error) from error
    return ExportReport(form, files, sum(file.stat().st_size for file in files), errors, accuracy)


def compare(truth: Run, run: Run, title: str, pictures: Sequence[Tensor]) -> list[MapError]:
    """Largest differences per output over all ``pictures``."""
    worst, largest = dict.fromkeys(OUTPUT_CHANNELS, 0.0), dict.fromkeys(OUTPUT_CHANNELS, 1e-12)
    for picture in pictures:
        expected, found = truth(picture), run(picture)
        for name in OUTPUT_CHANNELS:
            if found[name].shape != expected[name].shape:
                raise XnectError(
                    "export", f"{name} is {tuple(found[name].shape)}, not {tuple(expected[name].shape)}", "Report this"
                )
            difference = float((found[name] - expected[name]).abs().max())
            worst[name] = max(worst[name], difference if difference == difference else float("inf"))  # NaN is no small error
            largest[name] = max(largest[name], float(expected[name].abs().max()))
    return [MapError(name, title, worst[name], worst[name] / largest[name]) for name in OUTPUT_CHANNELS]


def check_target(form: str, path: Path) -> None:
    """Raises XnectError for what can be known to be wrong before minutes are spent: format, name, packages, folder."""
    if form not in FORMATS:
        raise XnectError(f"--format {form}", "is unknown", f"Use one of {', '.join(FORMATS)}")
    if path.suffix.lower() != FORMATS[form]:
        raise XnectError(str(path), f"expected a name that ends in {FORMATS[form]} for {form}", "Change --output")
    for package in _PACKAGES[form]:
        if importlib.util.find_spec(package) is None:
            step = install("cpu" if package == "openvino" else "export")
            raise XnectError(f"--format {form}", f"needs the package {package}, which is not installed", step)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(path, error) from error
    if path.is_dir():
        raise XnectError(str(path), "is a folder", "Name a file with --output")
    if not os.access(path.parent, os.W_OK):
        raise XnectError(str(path), "its folder cannot be written", "Choose a folder you may write to")


def _write(net: XNect, form: str, part: Path, config: NetworkConfig, photographs: Photographs | None) -> Run:
    """Write the file and return what runs it: read back from the file, except TorchScript, which is never opened."""
    if form == "safetensors":
        save_weights(part, net.state_dict(), net.arch)
        return TorchBackend(load_network(part, net.arch["backbone"]), "cpu", "fp32")
    if form == "torchscript":
        return _write_torchscript(net, part)
    if form == "onnx":
        part.write_bytes(onnx_runtime.convert(net))
        return onnx_runtime.open_file(part, net.arch["backbone"])
    model = quantise(net, photographs.calibration if photographs else ()) if form == "openvino-int8" else openvino.convert(net)
    model.set_rt_info(json.dumps(net.arch), [ARCH_KEY])
    openvino.save(model, part)
    return openvino.open_file(part, net.arch["backbone"], "auto" if form == "openvino-int8" else "fp32")


def _write_torchscript(net: XNect, part: Path) -> Run:
    pictures = PictureNetwork(copy.deepcopy(net).cpu().float()).eval()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that tracing is an old way
        traced = torch.jit.freeze(torch.jit.trace(pictures, torch.zeros(1, 64, 96, 3, dtype=torch.uint8)))
        traced.save(str(part), _extra_files={ARCH_KEY: json.dumps(net.arch)})

    @torch.no_grad()
    def run(images: Tensor) -> dict[str, Tensor]:
        return named(traced(images))

    return run


def _judge(
    path: Path, errors: Sequence[MapError], accuracy: Accuracy | None, max_drop: float, most_error: float = _MOST_ERROR
) -> None:
    if accuracy:
        if not accuracy.drop <= max_drop:
            cause = f"not kept: int8 loses {accuracy.drop:.2f} points, more than {max_drop:g} ({accuracy.measure})"
            raise XnectError(str(path), cause, "Give more or better --photos, or allow it with --max-drop")
        return
    bad = max(errors, key=lambda error: error.share)
    if not bad.share <= most_error:
        cause = f"not kept: {bad.output} is {bad.share:.1e} of its range away from torch's on {bad.pictures}"
        raise XnectError(str(path), cause, "Try another --format, and report this")


def _move(file: Path, folder: Path) -> Path:
    os.replace(file, folder / file.name)
    return folder / file.name


def _cannot_write(path: Path, error: OSError) -> XnectError:
    return XnectError(str(path), f"cannot be written ({error.strerror or error})", next_step_of(error))
