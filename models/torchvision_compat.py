"""Import torchvision even where its compiled operators cannot load.

PyPI's torchvision wheels for Linux are linked against CUDA. Beside a CPU-only torch their operator library does not
load, and the import then fails while registering a fake ``nms`` for an operator that is not there. Declaring the two
operators it looks for (``nms``, ``qnms``) lets the import through; we use no detection operator, so both only raise.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from xnect_lite.errors import XnectError

_keep_alive: list[Any] = []  # a torch.library fragment vanishes with its object


def import_torchvision() -> ModuleType:
    """Return torchvision, declaring its missing operators first if need be. Raises XnectError if not installed."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        raise XnectError(
            "torchvision", "is not installed; ResNet-50 and xnect-lite eval imagenet need it", "Run pip install torchvision"
        )
    if not _keep_alive and not _operators_load(Path(spec.origin).parent):
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _keep_alive.append(library)
    return importlib.import_module("torchvision")


def _operators_load(folder: Path) -> bool:
    libraries = [*folder.glob("_C*.so"), *folder.glob("_C*.pyd"), *folder.glob("_C*.dylib")]
    try:
        for library in libraries:
            torch.ops.load_library(str(library))
    except OSError:
        return False
    return bool(libraries)
