"""Configuration of a Stage II training run. ``--set key=value`` and YAML files override these defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from xnect_lite.config import GroupingConfig, NetworkConfig, RefiningConfig, Rules
from xnect_lite.files.values import Count, CountOrAll, PartShare, Range, Rate, Seed, Share, Threads, Weight
from xnect_lite.train.lifter.data import LiftAugment
from xnect_lite.train.pictures import PictureConfig


@dataclass(frozen=True)
class LiftDataConfig(PictureConfig):
    """Where the labelled pictures are, and what is learnt from besides."""

    motion: str = ""  # folder of the motion kit: people posed by it are learnt from beside those in pictures
    bodies: str = ""  # baked bodies for them; empty = those in the user's cache
    posed_people: Count = 20000


def _some_from_pictures(config: LifterConfig) -> tuple[str, str] | None:
    left = round(config.batch * (1 - config.motion_share))
    return None if left else ("motion_share leaves nobody of a batch to pictures", "Lower motion_share, or enlarge batch")


@dataclass(frozen=True)
class LifterConfig:
    """One run of Stage II."""

    rules: ClassVar[Rules] = (_some_from_pictures,)

    out: str = "runs/lift"  # weights and log go here; Stage I's answers are kept here too
    width: Annotated[float, Range(0, 100, "(]")] = 2.5  # of the network's layers
    epochs: Count = 60
    batch: Count = 512  # people
    learning_rate: Rate = 2.0e-3
    weight_decay: Annotated[float, Range(0, 10)] = 0.05
    warm_up_steps: CountOrAll = 50
    final_rate: Share = 0.01
    ema_decay: PartShare = 0.995
    motion_share: PartShare = 0.5  # of every batch, posed by motion capture, if data.motion is given
    branch: Weight = 0.3  # weight of the losses on either branch alone
    bones: Weight = 0.5  # weight of the error of bones, against that of joints
    threads: Threads = 0  # CPU threads; 0 = torch's choice
    seed: Seed = 0
    network: NetworkConfig = field(default_factory=NetworkConfig)  # the Stage I whose answers are learnt from
    grouping: GroupingConfig = field(default_factory=GroupingConfig)
    refining: RefiningConfig = field(default_factory=RefiningConfig)
    data: LiftDataConfig = field(default_factory=LiftDataConfig)
    augment: LiftAugment = field(default_factory=LiftAugment)
