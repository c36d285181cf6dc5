"""Configuration of a Stage I training run. ``--set key=value`` and YAML files override these defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from xnect_lite.config import Rules
from xnect_lite.data.canvases.config import AugmentConfig
from xnect_lite.files.values import Count, CountOrAll, Minutes, NetSide, PartShare, Range, Rate, Seed, Share, Threads
from xnect_lite.models.dynamic.options import DynamicConfig
from xnect_lite.models.fabric.config import HeadsConfig
from xnect_lite.train.pictures import PictureConfig
from xnect_lite.train.stage1.losses import LossConfig


def _some_sizes(data: DataConfig) -> tuple[str, str] | None:
    empty = [key for key in ("sizes_net_px", "finish_sizes_net_px") if not getattr(data, key)]
    return (f"{' and '.join(empty)} needs a size at least", "Write [[WIDTH, HEIGHT], ...]") if empty else None


@dataclass(frozen=True)
class DataConfig(PictureConfig):
    """Where the pictures are and what is drawn from them. From an archive, no backgrounds are read besides its own."""

    rules: ClassVar[Rules] = (_some_sizes,)

    synthetic_share: PartShare = 0.0  # of what is drawn with people, so much is rendered; 0 = by the number of pictures
    # of the photographs with people, so many show somebody labelled by a human; 0 = by their number
    human_share: PartShare = 0.0
    backgrounds: str = ""  # folder of pictures without people; empty = none
    sizes_net_px: tuple[tuple[NetSide, NetSide], ...] = ((256, 256), (320, 192), (192, 320), (384, 256))
    pixels_per_batch: Count = 1_200_000  # canvases per step = this / (width * height)
    finish_sizes_net_px: tuple[tuple[NetSide, NetSide], ...] = ((512, 320), (320, 512))
    finish_share: Share = 0.1  # last share of the run: whole pictures, no mosaics, full size


@dataclass(frozen=True)
class ValidationConfig:
    """Validation during training."""

    every_minutes: Minutes = 20.0
    at_end: bool = True  # and when the run is over
    images: CountOrAll = 300  # photographs per validation, and as many renders; 0 = the whole split
    width_net_px: NetSide = 512
    height_net_px: NetSide = 320


@dataclass(frozen=True)
class Stage1Config:
    """One run of Stage I."""

    out: str = "runs/stage1"  # checkpoints, log and contact sheets go here
    backbone: str = "selecsls60"
    stride: Literal[4, 8] = 8  # network pixels per output cell
    heads: HeadsConfig = field(default_factory=HeadsConfig)
    # how fabrics' alpha and beta come about: learned with the weights, drawn once, or all alike
    arch_search_strategy: Literal["sync", "random", "None"] = "sync"
    grouped: bool = False  # divide the deeper 3x3 layers of a SelecSLS into groups
    dynamic: DynamicConfig = field(default_factory=DynamicConfig)  # masks in a SelecSLS; epochs there are hundredths of the run
    init: str = ""  # safetensors file to start from: a core, or a whole Stage I
    teacher: str = ""  # safetensors file of a whole Stage I, of any backbone, whose answers are learned besides the labels
    teacher_share: Share = 0.5  # of the loss; the labels have the rest
    minutes: Minutes = 0.0  # stop by the clock; 0 = stop by steps
    steps: Count = 1000  # used when minutes is 0
    learning_rate: Rate = 1.5e-3
    # the backbone's share of the learning rate; a warm core wants less than new heads
    backbone_rate: Annotated[float, Range(0, 100)] = 1.0
    frozen_stride: Literal[0, 4, 8, 16] = 0  # the backbone's layers up to the map of this stride stay as they are; 0 = none
    weight_decay: Annotated[float, Range(0, 10)] = 0.02  # not on norms and biases
    # adam: weight_decay is L2 on everything, norms included, and makes channels vanish
    optimizer: Literal["adamw", "adam"] = "adamw"
    accumulate: Annotated[int, Range(1, 10_000)] = 1  # micro-batches of pixels_per_batch that every process computes per step
    warm_up_steps: CountOrAll = 100
    decay_share: Share = 1.0  # last share of the run in which the rate falls, along a cosine; before, it is constant
    final_rate: Share = 0.01  # share of the learning rate left at the end of the cosine
    clip_norm: Annotated[float, Range(0, 10**6, "(]")] = 5.0
    ema_decay: PartShare = 0.999
    precision: Literal["bf16", "fp32"] = "bf16"  # autocast
    device: str = "auto"  # auto | cpu | cuda
    threads: Threads = 0  # CPU threads; 0 = torch's choice
    compile: bool = False  # torch.compile the network
    seed: Seed = 0
    log_every: Count = 20  # steps
    checkpoint_every_minutes: Minutes = 5.0
    # shares of the run after which its averaged weights are kept, 0.5 in at_50.safetensors
    snapshots: tuple[Annotated[float, Range(0, 1, "()")], ...] = ()
    sheet_every_minutes: Minutes = 30.0
    tensorboard: bool = True  # losses, validation and sheets in out/tensorboard, where TensorBoard is installed
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
