"""Validation during training: the EMA network on whole held-out pictures, through the same stages the app uses."""

from __future__ import annotations

from typing import Literal

import torch

from xnect_lite.config import NetworkConfig
from xnect_lite.data.sample import Sample
from xnect_lite.evaluate.photos import score_photos
from xnect_lite.models.xnect import XNect
from xnect_lite.stages.detector import Detector
from xnect_lite.stages.network import Predictor
from xnect_lite.train.stage1.config import ValidationConfig


def validate(
    net: XNect,
    photographs: list[Sample],
    renders: list[Sample],
    config: ValidationConfig,
    device: torch.device,
    precision: Literal["bf16", "fp32"],
) -> dict[str, float]:
    """Figures of the photographs, and after ``renders_`` those of the renders, of which the whole truth is known.

    Leaves ``net`` in eval mode.
    """
    network = NetworkConfig(
        device=str(device), precision=precision,
        long_side_net_px=max(config.width_net_px, config.height_net_px),
        short_side_net_px=min(config.width_net_px, config.height_net_px),
    )  # fmt: skip
    detector = Detector(Predictor(network, net))
    figures: dict[str, float] = {}
    if photographs or not renders:
        figures |= score_photos(detector, photographs).figures()
    if renders:
        rendered = score_photos(detector, renders).figures(exact=True)
        figures |= {f"renders_{name}": value for name, value in rendered.items()}
    return figures
