"""Configuration of a Stage I training run. ``--set key=value`` and YAML files override these defaults."""

from __future__ import annotations

from dataclasses import dataclass, field

from xnect_lite.data.canvases.config import SHARES, AugmentConfig
from xnect_lite.errors import XnectError
from xnect_lite.train.stage1.losses import LossConfig


@dataclass(frozen=True)
class DataConfig:
    """Where the pictures are and what is drawn from them."""

    photos: str = "data/photos"  # folder of the photo kit's sets
    archive: str = ""  # made by `xnect-lite data pack`, a file or a folder of parts; read instead of photos and backgrounds
    synthetic: tuple[str, ...] = ()  # folders made by `xnect-lite synth render`, besides; with photos '' and no archive, alone
    synthetic_share: float = 0.0  # of what is drawn with people, so much is rendered; 0 = by the number of pictures
    human_share: float = 0.0  # of the photographs with people, so many show somebody labelled by a human; 0 = by their number
    backgrounds: str = ""  # folder of pictures without people; empty = none
    sets: tuple[str, ...] = ("lspet", "ccp", "har15", "capston")
    sizes_net_px: tuple[tuple[int, int], ...] = ((256, 256), (320, 192), (192, 320), (384, 256))
    pixels_per_batch: int = 1_200_000  # canvases per step = this / (width * height)
    finish_sizes_net_px: tuple[tuple[int, int], ...] = ((512, 320), (320, 512))
    finish_share: float = 0.1  # last share of the run: whole pictures, no mosaics, full size
    limit: int = 0  # use only about so many pictures of each split, evenly spread; 0 = all


@dataclass(frozen=True)
class ValidationConfig:
    """Validation during training."""

    every_minutes: float = 20.0
    at_end: bool = True  # and when the run is over
    images: int = 300  # photographs per validation, and as many renders; 0 = the whole split
    width_net_px: int = 512
    height_net_px: int = 320


@dataclass(frozen=True)
class Stage1Config:
    """One run of Stage I."""

    out: str = "runs/stage1"  # checkpoints, log and contact sheets go here
    backbone: str = "selecsls60"
    stride: int = 8  # network pixels per output cell, 8 or 4
    grouped: bool = False  # divide the deeper 3x3 layers of a SelecSLS into groups
    init: str = ""  # safetensors file to start from: a core, or a whole Stage I
    minutes: float = 0.0  # stop by the clock; 0 = stop by steps
    steps: int = 1000  # used when minutes is 0
    learning_rate: float = 1.5e-3
    backbone_rate: float = 1.0  # the backbone's share of the learning rate; a warm core wants less than new heads
    frozen_stride: int = 0  # the backbone's layers up to the map of this stride, 4, 8 or 16, stay as they are; 0 = none
    weight_decay: float = 0.02  # not on norms and biases
    optimizer: str = "adamw"  # adamw | adam: weight_decay is then L2 on everything, norms included, and makes channels vanish
    accumulate: int = 1  # micro-batches of pixels_per_batch that every process computes per step
    warm_up_steps: int = 100
    decay_share: float = 1.0  # last share of the run in which the rate falls, along a cosine; before, it is constant
    final_rate: float = 0.01  # share of the learning rate left at the end of the cosine
    clip_norm: float = 5.0
    ema_decay: float = 0.999
    precision: str = "bf16"  # bf16 | fp32, autocast
    device: str = "auto"  # auto | cpu | cuda
    threads: int = 0  # CPU threads; 0 = torch's choice
    compile: bool = False  # torch.compile the network
    seed: int = 0
    log_every: int = 20  # steps
    checkpoint_every_minutes: float = 5.0
    snapshots: tuple[float, ...] = ()  # shares of the run after which its averaged weights are kept, 0.5 in at_50.safetensors
    sheet_every_minutes: float = 30.0
    tensorboard: bool = True  # losses, validation and sheets in out/tensorboard, where TensorBoard is installed
    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)


def check(config: Stage1Config) -> None:
    """Raise XnectError for values that would only fail, or be misread, later in the run."""
    if config.precision not in ("bf16", "fp32"):
        raise XnectError("configuration key 'precision'", f"needs bf16 or fp32, got {config.precision!r}", "Mend the value")
    if config.optimizer not in ("adamw", "adam"):
        raise XnectError("configuration key 'optimizer'", f"needs adamw or adam, got {config.optimizer!r}", "Mend the value")
    if config.accumulate < 1:
        raise XnectError("configuration key 'accumulate'", f"needs 1 or more, got {config.accumulate}", "Mend the value")
    if config.frozen_stride not in (0, 4, 8, 16):
        raise XnectError(
            "configuration key 'frozen_stride'", f"needs 0, 4, 8 or 16, got {config.frozen_stride}", "Mend the value"
        )
    for name in ("synthetic_share", "human_share"):
        share = getattr(config.data, name)
        if not 0 <= share < 1:
            raise XnectError(f"configuration key 'data.{name}'", f"needs 0 to below 1, got {share}", "Mend the value")
    shares = {f"augment.{name}": getattr(config.augment, name) for name in SHARES}
    for key, share in {**shares, "data.finish_share": config.data.finish_share}.items():
        if not 0 <= share <= 1:
            raise XnectError(f"configuration key '{key}'", f"needs a share from 0 to 1, got {share:g}", "Mend the value")
    if not all(0 < share < 1 for share in config.snapshots):
        cause = f"needs shares between 0 and 1, got {config.snapshots}"
        raise XnectError("configuration key 'snapshots'", cause, "Mend the value")
    if not config.augment.min_person_net_px > 0:
        pixels = config.augment.min_person_net_px
        raise XnectError(
            "configuration key 'augment.min_person_net_px'", f"needs more than 0, got {pixels:g}", "Mend the value"
        )
    validation = (config.validation.width_net_px, config.validation.height_net_px)
    for key, sizes in {
        "data.sizes_net_px": config.data.sizes_net_px,
        "data.finish_sizes_net_px": config.data.finish_sizes_net_px,
        "validation": (validation,),
    }.items():
        if not sizes or any(side < 16 or side % 16 for size in sizes for side in size):
            raise XnectError(f"configuration key '{key}'", f"needs sizes in multiples of 16, got {sizes}", "Mend the value")
