"""Pictures that an exported network is calibrated and checked with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from xnect_lite.capture.images import image_files, read_image
from xnect_lite.config import NetworkConfig
from xnect_lite.data.readers.photokit import SETS, read_photokit
from xnect_lite.data.sample import Sample, evenly
from xnect_lite.errors import XnectError
from xnect_lite.stages.network import letterbox_image, net_size
from xnect_lite.types import Letterbox

_CHECKED_SHARE = 4  # without labels, every fourth picture is kept for the check


@dataclass(frozen=True)
class Photographs:
    """calibration: pictures as the network sees them, each (1, H, W, 3) uint8 on the CPU.
    check:    others, to compare maps on.
    labelled: samples with labels to score, none of them among ``calibration``; empty for a plain folder.
    title:    what they are, for reports.
    """

    calibration: Sequence[torch.Tensor]
    check: Sequence[torch.Tensor]
    labelled: Sequence[Sample]
    title: str


def read_photographs(folder: Path, config: NetworkConfig, calibration: int, check: int) -> Photographs:
    """From a photo kit (training split to calibrate, validation split to check) or any folder of pictures.

    At most so many of each, evenly spread. Raises XnectError for a folder without pictures.
    """
    if not folder.is_dir():
        raise XnectError(str(folder), "is no folder", "Give a folder of pictures, or the photo kit's, with --calibration")
    sets = tuple(name for name in SETS if (folder / name / "labels.jsonl").is_file())
    if sets:
        labelled, train = (list(read_photokit(folder, split, sets)) for split in ("val", "train"))
        if not train or not labelled:
            raise XnectError(str(folder), "has no picture in its training or validation split", "Give a whole photo kit")
        return labelled_photographs(train, evenly(labelled, check), config, calibration)

    files = evenly(image_files(folder), calibration + check)
    pictures = [as_input(image, config) for image in map(read_image, files) if image is not None]
    if not pictures:
        raise XnectError(str(folder), "has no picture that can be read", "Give a folder of photographs with --calibration")
    held_out = pictures[::_CHECKED_SHARE] if len(pictures) >= _CHECKED_SHARE else pictures
    rest = [p for i, p in enumerate(pictures) if i % _CHECKED_SHARE] if held_out is not pictures else pictures
    return Photographs(rest, held_out, [], f"{len(held_out)} pictures without labels")


def labelled_photographs(train: list[Sample], labelled: list[Sample], config: NetworkConfig, calibration: int) -> Photographs:
    """At most ``calibration`` of ``train`` to calibrate with, all of ``labelled`` to score. Raises XnectError without them."""
    if not train or not labelled:
        raise XnectError("the photographs", "have no training or no validation split", "Give a whole photo kit, or its archive")
    return Photographs(
        [as_input(s.read_image(), config) for s in evenly(train, calibration)],
        [as_input(s.read_image(), config) for s in evenly(labelled, 8)],
        labelled,
        f"{len(labelled)} validation photographs",
    )


def as_input(image: np.ndarray, config: NetworkConfig) -> torch.Tensor:
    """(H, W, 3) uint8 RGB -> (1, net height, net width, 3), letterboxed as at run time."""
    size = image.shape[1], image.shape[0]
    return torch.from_numpy(letterbox_image(image, Letterbox.fit(*size, *net_size(config, size))))[None]


def noise(config: NetworkConfig) -> list[torch.Tensor]:
    """Random pixels: a landscape, a portrait, and two landscapes at once."""
    generator = torch.Generator().manual_seed(0)
    long, short = net_size(config, (2, 1))
    shapes = [(1, short, long, 3), (1, long, short, 3), (2, short, long, 3)]
    return [torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator) for shape in shapes]


def blots(config: NetworkConfig) -> list[torch.Tensor]:
    """Stand-ins for photographs where none are at hand: blots of all sizes, with a photograph's falling spectrum."""
    rng = np.random.default_rng(0)
    long, short = net_size(config, (2, 1))
    pictures = []
    for width, height in ((long, short), (short, long)):
        picture = np.full((height, width, 3), 128, np.float32)
        for cells in (2, 4, 8, 16, 32, 64):
            coarse = rng.standard_normal((cells, cells, 3)).astype(np.float32)
            picture += 90 / np.sqrt(cells) * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        pictures.append(torch.from_numpy(picture.clip(0, 255).astype(np.uint8))[None])
    return pictures
