"""Configuration of a single-person training run. ``--set key=value`` and YAML files override these defaults."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from xnect_lite.config import Rules
from xnect_lite.data.crops.augment import CropAugment
from xnect_lite.data.crops.coco import MARGIN
from xnect_lite.files.values import Count, CountOrAll, Minutes, NetSide, Range, Rate, Seed, Share, Threads
from xnect_lite.models.dynamic.options import DynamicConfig, HourglassConfig
from xnect_lite.models.fabric.single import FabricConfig
from xnect_lite.models.single import SINGLE_NETWORKS, single_family
from xnect_lite.skeleton import JOINT_MAPS
from xnect_lite.train.search.config import SearchConfig


@dataclass(frozen=True)
class SingleDataConfig:
    """Where the people are. The first that is given is read."""

    mpii: str = ""  # folder of MPII Human Pose: the .mat, or HRNet's annot/*.json, and images/
    coco: str = ""  # folder of COCO keypoints 2017
    archive: str = ""  # made by `xnect-lite data pack`
    photos: str = ""  # folder of the photo kit's sets
    sets: tuple[str, ...] = ("lspet", "ccp", "har15", "capston")  # of the photo kit's folder
    limit: CountOrAll = 0  # use only about so many people of each split, evenly spread; 0 = all


def _that_go_together(config: SingleConfig) -> tuple[str, str] | None:
    if config.network not in SINGLE_NETWORKS:
        return f"network '{config.network}' is unknown", f"Known: {', '.join(SINGLE_NETWORKS)}"
    if config.joints not in JOINT_MAPS:
        return f"joints '{config.joints}' are unknown", f"Known: {', '.join(JOINT_MAPS)}"
    least = 4 * 2**config.hourglass.depth
    if config.network == "hourglass" and (config.width_net_px % least or config.height_net_px % least):
        return (
            f"an hourglass of depth {config.hourglass.depth} needs sides in multiples of {least}",
            "Change them, or the depth",
        )
    if config.data.mpii and config.joints != "mpii16":
        return f"MPII has no joints '{config.joints}'", "Write joints: mpii16"
    if config.data.coco and config.joints != "coco17":
        return f"COCO has no joints '{config.joints}'", "Write joints: coco17"
    return None


@dataclass(frozen=True)
class SingleConfig:
    """One run of a single-person network. Defaults are those that DynConv was published with, on MPII."""

    rules: ClassVar[Rules] = (_that_go_together,)

    out: str = "runs/single"  # checkpoints and log go here
    network: str = "hourglass"  # a family of models/single.py
    joints: str = "mpii16"  # a joint list of skeleton.py
    width_net_px: NetSide = 256
    height_net_px: NetSide = 256
    margin_to_border: Annotated[float, Range(1, 3)] = 1.25  # sides of the crop in those of the person's box
    decode_offset_px: Annotated[float, Range(0, 2)] = 0.0  # added to a joint's place in the crop; published fabrics: 0.5
    bgr: bool = False  # channels blue, green, red, as published checkpoints learnt them
    init: str = ""  # weight file of the same network to start from; tensors it lacks stay random and are named
    epochs: Count = 100
    minutes: Minutes = 0.0  # stop by the clock if that comes first; 0 = by epochs alone
    batch: Count = 6
    learning_rate: Rate = 2.5e-4  # of Adam, without weight decay
    drop_epochs: tuple[CountOrAll, ...] = (60, 90)  # from these epochs on, counted from 0, the rate is ``drop`` times smaller
    drop: Annotated[float, Range(1, 1000)] = 10.0
    warm_up_steps: CountOrAll = 0
    sigma: Annotated[float, Range(0.1, 32)] = 2.0  # cells; of the Gaussian that a joint is taught as
    precision: Literal["bf16", "fp32"] = "fp32"  # autocast
    device: str = "auto"  # auto | cpu | cuda
    threads: Threads = 0  # CPU threads; 0 = torch's choice
    workers: Annotated[int, Range(0, 256)] = 0  # processes that read pictures; 0 = the training process itself
    seed: Seed = 0
    log_every: Count = 50  # steps
    # steps between pictures of a batch with its joints, taught and found, in out/sheet_STEP.jpg; 0 = none
    sheet_every: CountOrAll = 0
    checkpoint_every_minutes: Minutes = 5.0
    validate_every: Count = 1  # epochs
    validation_people: CountOrAll = 0  # of the validation split, evenly spread; 0 = all
    best_share: Share = 0.5  # MPII's figure that decides which weights are best: PCKh at this share of the head
    hourglass: HourglassConfig = field(default_factory=HourglassConfig)
    dynamic: DynamicConfig = field(default_factory=DynamicConfig)
    fabric: FabricConfig = field(default_factory=FabricConfig)
    search: SearchConfig = field(default_factory=SearchConfig)  # of the fabrics' alpha and beta
    backbone_pretrained_path: str = ""  # a fabric's backbone as its authors or torchvision publish it, to start from
    frozen_backbone: bool = False  # a fabric's backbone stays as it is
    data: SingleDataConfig = field(default_factory=SingleDataConfig)
    augment: CropAugment = field(default_factory=CropAugment)


def arch_of(config: SingleConfig) -> dict[str, Any]:
    """What rebuilds the network of this configuration, and says what its crops are."""
    sections = {name: asdict(getattr(config, name)) for name in single_family(config.network).sections}
    return {
        "network": config.network, "joints": config.joints, "size": [config.width_net_px, config.height_net_px],
        "bgr": config.bgr, **_unusual(config), **sections,
    }  # fmt: skip


def _unusual(config: SingleConfig) -> dict[str, float]:
    """What crops and answers are made with, where it is not the usual."""
    usual = {"margin_to_border": MARGIN, "decode_offset_px": 0.0}
    return {name: getattr(config, name) for name, value in usual.items() if getattr(config, name) != value}
