"""Configuration of the refiner's training run. ``--set key=value`` and YAML files override these defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from xnect_lite.config import GroupingConfig, NetworkConfig
from xnect_lite.errors import XnectError
from xnect_lite.models.refiner import WIDTHS
from xnect_lite.train.pictures import PictureConfig
from xnect_lite.train.refiner.data import RefineAugment


@dataclass(frozen=True)
class RefineConfig:
    """One run of the refiner."""

    out: str = "runs/refine"  # weights and log go here; what Stage I makes of the pictures is kept here too
    init: str = ""  # a refiner's weights to go on from, in its widths; empty = from nothing
    widths: tuple[int, ...] = WIDTHS  # channels at 32, 16 and 8 cells
    epochs: int = 20
    batch: int = 48  # people
    learning_rate: float = 2.0e-3
    weight_decay: float = 0.02
    warm_up_steps: int = 50
    final_rate: float = 0.01
    ema_decay: float = 0.998
    exclusion: float = 0.5  # weight of being where the other side's joint is, against being where the joint is not
    precision: str = "bf16"  # bf16 | fp32, autocast
    threads: int = 0  # CPU threads; 0 = torch's choice
    seed: int = 0
    network: NetworkConfig = field(default_factory=NetworkConfig)  # the Stage I whose answers are learnt from
    grouping: GroupingConfig = field(default_factory=GroupingConfig)
    data: PictureConfig = field(default_factory=PictureConfig)
    augment: RefineAugment = field(default_factory=RefineAugment)


def check_refine(config: RefineConfig) -> None:
    """Raise XnectError for values that would only fail, or be misread, later in the run."""
    for key, fits, needs in (
        ("widths", len(config.widths) == len(WIDTHS) and min(config.widths) > 0, "three widths of 1 or more"),
        ("precision", config.precision in ("bf16", "fp32"), "bf16 or fp32"),
        ("epochs", config.epochs > 0, "1 or more"),
        ("batch", config.batch > 0, "1 or more"),
        ("exclusion", 0 <= config.exclusion < math.inf, "0 or more"),
    ):
        if not fits:
            raise XnectError(f"configuration key '{key}'", f"needs {needs}, got {getattr(config, key)!r}", "Mend the value")
