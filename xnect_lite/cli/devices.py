"""``xnect-lite devices``: the cameras and processors of this machine, and what ``auto`` makes of them."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import importlib.util
import json
from typing import Any

import torch

from xnect_lite.capture import list_cameras
from xnect_lite.config import NetworkConfig
from xnect_lite.errors import XnectError, install
from xnect_lite.inference.choose import open_backend
from xnect_lite.inference.devices import device_title

_RUNTIMES = {"openvino": "cpu", "onnxruntime": "export"}
"""Optional package that can run the network, on the CPU -> the extra that brings it."""


def run_devices(options: argparse.Namespace) -> int:
    found = {"cameras": _cameras(), "torch": _torch(), **{name: _runtime(name) for name in _RUNTIMES}, "auto": _auto()}
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        for name, value in found.items():
            first, *more = _lines(name, value)
            print(f"{name:<13}{first}", *(" " * 13 + line for line in more), sep="\n")
    return 0


def _cameras() -> list[dict[str, Any]] | None:
    """None where the means to list them are not installed."""
    if not importlib.util.find_spec("cv2_enumerate_cameras"):
        return None
    return [dataclasses.asdict(camera) for camera in list_cameras()]


def _torch() -> dict[str, Any]:
    names = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    devices = {name: device_title(torch.device(name)) for name in names}
    return {"version": torch.__version__, "devices": devices, "threads": torch.get_num_threads()}


def _runtime(package: str) -> dict[str, Any] | None:
    try:
        return {"version": importlib.metadata.version(package), "devices": {"cpu": "CPU"}}
    except importlib.metadata.PackageNotFoundError:
        return None


def _auto() -> dict[str, Any]:
    """What the defaults come to. The network is loaded for it: whether the fastest back end works shows only then."""
    config = NetworkConfig()
    try:
        backend = open_backend(config)
    except XnectError as error:
        return {"error": str(error)}
    return {
        "backbone": config.backbone,
        "backend": backend.name,
        "device": backend.device_name,
        "precision": backend.precision,
    }


def _lines(name: str, value: Any) -> list[str]:
    """What is printed about one of `devices`'s findings."""
    if value is None:
        return [f"not known. {install('gui')}" if name == "cameras" else f"not installed. {install(_RUNTIMES[name])}"]
    if name == "cameras":
        return [f"{camera['index']:<3}{camera['name']}  {camera['path']}".rstrip() for camera in value] or ["none"]
    if name == "auto":
        return [value.get("error") or "{backbone} on {device}, {backend}, {precision}".format(**value)]
    devices = ", ".join(key if key == title.lower() else f"{key} ({title})" for key, title in value["devices"].items())
    return [f"{value['version']}: {devices}"]
