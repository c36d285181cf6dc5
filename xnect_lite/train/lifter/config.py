"""Configuration of a Stage II training run. ``--set key=value`` and YAML files override these defaults."""

from __future__ import annotations

from dataclasses import dataclass, field

from xnect_lite.config import GroupingConfig, NetworkConfig, RefiningConfig
from xnect_lite.train.lifter.data import LiftAugment
from xnect_lite.train.pictures import PictureConfig


@dataclass(frozen=True)
class LiftDataConfig(PictureConfig):
    """Where the labelled pictures are, and what is learnt from besides."""

    motion: str = ""  # folder of the motion kit: people posed by it are learnt from beside those in pictures
    bodies: str = ""  # baked bodies for them; empty = those in the user's cache
    posed_people: int = 20000


@dataclass(frozen=True)
class Stage2Config:
    """One run of Stage II."""

    out: str = "runs/stage2"  # weights and log go here; Stage I's answers are kept here too
    width: float = 2.5  # of the network's layers
    epochs: int = 60
    batch: int = 512  # people
    learning_rate: float = 2.0e-3
    weight_decay: float = 0.05
    warm_up_steps: int = 50
    final_rate: float = 0.01
    ema_decay: float = 0.995
    motion_share: float = 0.5  # of every batch, posed by motion capture, if data.motion is given
    branch: float = 0.3  # weight of the losses on either branch alone
    bones: float = 0.5  # weight of the error of bones, against that of joints
    threads: int = 0  # CPU threads; 0 = torch's choice
    seed: int = 0
    network: NetworkConfig = field(default_factory=NetworkConfig)  # the Stage I whose answers are learnt from
    grouping: GroupingConfig = field(default_factory=GroupingConfig)
    refining: RefiningConfig = field(default_factory=RefiningConfig)
    data: LiftDataConfig = field(default_factory=LiftDataConfig)
    augment: LiftAugment = field(default_factory=LiftAugment)
