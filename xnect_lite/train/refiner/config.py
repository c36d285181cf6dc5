"""Configuration of the refiner's training run. ``--set key=value`` and YAML files override these defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from xnect_lite.config import GroupingConfig, NetworkConfig
from xnect_lite.files.values import Count, CountOrAll, PartShare, Range, Rate, Seed, Share, Threads, Weight
from xnect_lite.models.refiner import WIDTHS
from xnect_lite.train.pictures import PictureConfig
from xnect_lite.train.refiner.data import RefineAugment

Channels = Annotated[int, Range(1, 4096)]


@dataclass(frozen=True)
class RefinerConfig:
    """One run of the refiner."""

    out: str = "runs/refine"  # weights and log go here; what Stage I makes of the pictures is kept here too
    init: str = ""  # a refiner's weights to go on from, in its widths; empty = from nothing
    widths: tuple[Channels, Channels, Channels] = WIDTHS  # channels at 32, 16 and 8 cells
    epochs: Count = 20
    batch: Count = 48  # people
    learning_rate: Rate = 2.0e-3
    weight_decay: Annotated[float, Range(0, 10)] = 0.02
    warm_up_steps: CountOrAll = 50
    final_rate: Share = 0.01
    ema_decay: PartShare = 0.998
    exclusion: Weight = 0.5  # weight of being where the other side's joint is, against being where the joint is not
    precision: Literal["bf16", "fp32"] = "bf16"  # autocast
    threads: Threads = 0  # CPU threads; 0 = torch's choice
    seed: Seed = 0
    network: NetworkConfig = field(default_factory=NetworkConfig)  # the Stage I whose answers are learnt from
    grouping: GroupingConfig = field(default_factory=GroupingConfig)
    data: PictureConfig = field(default_factory=PictureConfig)
    augment: RefineAugment = field(default_factory=RefineAugment)
