"""Whole ImageNet classifiers by name: what the published timing tables compare."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from xnect_lite.errors import XnectError
from xnect_lite.models.selecsls import CONFIGS, build_selecsls
from xnect_lite.models.torchvision_compat import import_torchvision
from xnect_lite.models.vovnet import build_vovnet39


def _resnet50(num_classes: int) -> nn.Module:
    return import_torchvision().models.resnet50(weights=None, num_classes=num_classes)


CLASSIFIERS: dict[str, Callable[[int], nn.Module]] = {
    **{name: partial(build_selecsls, name) for name in CONFIGS},
    "resnet50": _resnet50,
    "vovnet39": build_vovnet39,
}
"""Name -> constructor taking the number of classes."""


def build_classifier(name: str, num_classes: int = 1000) -> nn.Module:
    """Build a classifier by name, randomly initialised. Raises XnectError, naming the known ones, for any other name."""
    if name not in CLASSIFIERS:
        raise XnectError(f"classifier '{name}'", "is unknown", f"Known: {', '.join(CLASSIFIERS)}")
    return CLASSIFIERS[name](num_classes)
