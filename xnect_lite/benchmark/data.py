"""How fast training canvases are made: decoding once, then augmentation and targets per batch."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from xnect_lite.data.archives.packed import pack
from xnect_lite.data.canvases.config import AugmentConfig
from xnect_lite.data.canvases.sampler import CanvasSampler
from xnect_lite.data.sample import Sample
from xnect_lite.data.targets import encode


@dataclass(frozen=True)
class DataTiming:
    """Pictures decoded per second; canvases per second, median over batches; milliseconds of a batch in either part."""

    pictures: int
    decoded_per_s: float
    canvases_per_s: float
    augment_ms: float
    targets_ms: float


def time_data(
    samples: list[Sample],
    augment: AugmentConfig,
    size: tuple[int, int],
    batch: int,
    batches: int,
    device: torch.device,
    stride: int = 8,
) -> DataTiming:
    """Make ``batches`` batches of ``batch`` canvases of ``size`` (width, height), after two that do not count.

    Raises XnectError if nobody is labelled in the samples.
    """
    start = time.perf_counter()
    packed = pack(samples, device)
    decoded_s = time.perf_counter() - start
    sampler = CanvasSampler(packed, augment, stride, np.random.default_rng(0))
    seconds = np.zeros((batches + 2, 2))
    for row in seconds:
        start = _now(device)
        _, labels = sampler.batch(batch, *size)
        middle = _now(device)
        encode(labels, stride, *size)
        row[:] = middle - start, _now(device) - middle
    augment_s, targets_s = np.median(seconds[2:], axis=0)
    canvases_per_s = batch / np.median(seconds[2:].sum(1))
    return DataTiming(
        len(samples), len(samples) / decoded_s, float(canvases_per_s), 1000 * float(augment_s), 1000 * float(targets_s)
    )


def _now(device: torch.device) -> float:
    """Seconds, once the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
