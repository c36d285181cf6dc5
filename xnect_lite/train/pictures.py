"""The labelled pictures that Stage I's answers are collected on, and where answers are kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from xnect_lite.data.archives.parts import read_packed
from xnect_lite.data.readers.photokit import read_backgrounds, read_photokit
from xnect_lite.data.sample import Sample, evenly
from xnect_lite.files.values import CountOrAll


@dataclass(frozen=True)
class PictureConfig:
    """Where the labelled pictures are."""

    photos: str = "data/photos"  # folder of the photo kit's sets
    archive: str = ""  # made by `xnect-lite data pack`, a file or a folder of parts; read instead
    synthetic: tuple[str, ...] = ()  # folders made by `xnect-lite synth render`, besides; with photos '' and no archive, alone
    sets: tuple[str, ...] = ("lspet", "ccp", "har15", "capston")
    limit: CountOrAll = 0  # use only about so many pictures of each split, evenly spread; 0 = all


def read_split(config: PictureConfig, split: str, backgrounds: str = "") -> list[Sample]:
    """The labelled pictures of one split, and to train on besides, those of the folder ``backgrounds``, without people."""
    samples = read_packed(config.archive, split) if config.archive else []
    if config.photos and not config.archive:
        samples = list(read_photokit(config.photos, split, config.sets))
        if backgrounds and split == "train":
            samples += read_backgrounds(backgrounds, split)
    for folder in config.synthetic:
        samples += read_packed(folder, split)
    return evenly(samples, config.limit)


def origin(config: PictureConfig) -> tuple[object, ...]:
    """What names these pictures."""
    return config.photos, config.archive, config.synthetic, config.sets, config.limit


def kept(out: str, name: str, *made_from: object) -> Path:
    """A path in the run's folder. What it was made from is part of its name, so nothing else is ever taken for it."""
    digest = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()
    return Path(out) / f"{name}_{digest[:12]}"
