"""What happens to the colours of training canvases: light, camera, compression. Labels stay as they are."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from xnect_lite.data.augment_config import AugmentConfig
from xnect_lite.data.jpeg import jpeg
from xnect_lite.data.packed import send

_MOST_LEFT_OF_GREY = 0.15  # of the saturation


def photometric(image: torch.Tensor, config: AugmentConfig, rng: np.random.Generator) -> torch.Tensor:
    """(B, 3, H, W) 0..255 with other colours, blur, resolution, noise, painted-over rectangles and JPEG, drawn per canvas."""
    count = len(image)
    image = _colours(image, config, rng)
    chosen = _some(config.low_resolution, image, rng)
    if len(chosen):
        image[chosen] = resample(image[chosen], float(rng.uniform(0.3, 0.8)))
    chosen = _some(config.blur, image, rng)
    if len(chosen):
        image[chosen] = blur(image[chosen], float(rng.uniform(0.5, 1.8)))
    chosen = _some(config.noise, image, rng)
    if len(chosen):
        generator = torch.Generator(device=image.device).manual_seed(int(rng.integers(2**62)))
        noise = torch.randn(image[chosen].shape, generator=generator, device=image.device)
        image[chosen] += noise * float(rng.uniform(2, 12))
    height, width = image.shape[-2:]
    for b in np.flatnonzero(rng.random(count) < config.cut_out):
        w, h = (rng.uniform(0.08, 0.3, 2) * (width, height)).astype(int) + 1
        x, y = int(rng.integers(0, width - w)), int(rng.integers(0, height - h))
        image[b, :, y : y + h, x : x + w] = _column(rng.uniform(0, 255, 3), image)[:, None, None]
    chosen = _some(config.jpeg, image, rng)
    if len(chosen):
        image[chosen] = jpeg(image[chosen], _column(rng.uniform(15, 90, len(chosen)), image))
    return image.clamp(0, 255)


def _some(share: float, image: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """(K,) which canvases of a batch, on its device: an index on the host would have the host wait for the device."""
    return send(np.flatnonzero(rng.random(len(image)) < share), image.device)


def _colours(image: torch.Tensor, config: AugmentConfig, rng: np.random.Generator) -> torch.Tensor:
    """Saturation, contrast, brightness, tint and gamma. What is grey may be tinted, as under a lamp or in an old print."""
    count, strength = len(image), config.colour
    gain = _column(np.exp(rng.normal(0, strength, (count, 1)) + rng.normal(0, strength / 4, (count, 3))), image)[
        ..., None, None
    ]
    contrast = _column(np.exp(rng.normal(0, strength, count)), image)[:, None, None, None]
    saturation = np.clip(rng.normal(1, 1.5 * strength, count), 0, 2)
    saturation = np.where(rng.random(count) < config.grey, rng.uniform(0, _MOST_LEFT_OF_GREY, count), saturation)
    saturation = _column(saturation, image)[:, None, None, None]
    gamma = _column(np.exp(rng.normal(0, strength / 2, count)), image)[:, None, None, None]
    grey = image.mean(1, keepdim=True)
    image = grey + (image - grey) * saturation
    middle = image.mean((1, 2, 3), keepdim=True)
    image = ((image - middle) * contrast + middle) * gain
    return 255 * (image / 255).clamp(1e-4, 1) ** gamma


def _column(values: np.ndarray, image: torch.Tensor) -> torch.Tensor:
    return send(np.asarray(values, np.float32), image.device)


def resample(image: torch.Tensor, factor: float) -> torch.Tensor:
    """Shrink by ``factor`` and enlarge again."""
    size = image.shape[-2:]
    small = functional.interpolate(image, scale_factor=factor, mode="area")
    return functional.interpolate(small, size=size, mode="bilinear", align_corners=False)


def blur(image: torch.Tensor, sigma: float) -> torch.Tensor:
    """Gaussian blur, separable, per channel."""
    radius = max(1, round(2.5 * sigma))
    at = torch.arange(-radius, radius + 1, dtype=image.dtype, device=image.device)
    kernel = torch.exp(-0.5 * (at / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(3, 1, -1)
    image = functional.conv2d(functional.pad(image, (radius, radius, 0, 0), mode="replicate"), kernel[:, :, None], groups=3)
    return functional.conv2d(functional.pad(image, (0, 0, radius, radius), mode="replicate"), kernel[..., None], groups=3)
