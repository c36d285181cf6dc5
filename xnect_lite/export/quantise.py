"""Post-training quantisation to int8 for OpenVINO (NNCF), and the check of what it costs in accuracy."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from xnect_lite.errors import XnectError
from xnect_lite.evaluate.photos import score_photos
from xnect_lite.export.calibration import Photographs
from xnect_lite.inference import openvino
from xnect_lite.inference.base import Backend
from xnect_lite.inference.packages import require
from xnect_lite.stages.detector import Detector
from xnect_lite.stages.network import Predictor


@dataclass(frozen=True)
class Accuracy:
    """measure: what was compared, on what. before, after: percent, of torch in fp32 and of the exported network."""

    measure: str
    before: float
    after: float

    @property
    def drop(self) -> float:
        """Points lost."""
        return self.before - self.after


def quantise(net: nn.Module, pictures: Sequence[torch.Tensor]) -> Any:
    """The network as an ``openvino.Model`` in int8, its ranges taken from ``pictures``, each (1, H, W, 3) uint8."""
    if not pictures:
        raise XnectError("--format openvino-int8", "needs pictures to calibrate with", "Give --photos DIR")
    nncf = require("nncf", "--format openvino-int8", "export")
    logging.getLogger("nncf").setLevel(logging.ERROR)
    model = openvino.convert(net)
    data = nncf.Dataset(list(pictures), lambda picture: picture.numpy())
    with contextlib.redirect_stdout(sys.stderr):  # its progress bars are messages, not results
        return nncf.quantize(model, data, preset=nncf.QuantizationPreset.PERFORMANCE, subset_size=len(pictures))


def measure_accuracy(before: Backend, after: Backend, photographs: Photographs, config: Any) -> Accuracy:
    """PCK@0.2 of both on labelled photographs; without labels, how far the maps of joints agree (cosine, percent)."""
    if photographs.labelled:
        scores = [_pck(backend, photographs, config) for backend in (before, after)]
        return Accuracy(f"PCK@0.2 on {photographs.title}", *scores)
    agreement = [_cosine(before(picture), after(picture)) for picture in photographs.check]
    return Accuracy(f"agreement of the joint maps on {photographs.title}", 100.0, 100 * sum(agreement) / len(agreement))


def _pck(backend: Backend, photographs: Photographs, config: Any) -> float:
    detector = Detector(Predictor(config, backend=backend))
    return 100 * score_photos(detector, photographs.labelled, progress=True).figures()["pck"]


def _cosine(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    a, b = (maps["heatmaps"].sigmoid().flatten() for maps in (one, other))
    return float(functional.cosine_similarity(a, b, 0))
