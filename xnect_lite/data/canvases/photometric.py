"""What happens to the colours of training canvases: light, camera, compression. Labels stay as they are."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from xnect_lite.data.archives.packed import send
from xnect_lite.data.canvases.areas import Areas
from xnect_lite.data.canvases.config import AugmentConfig
from xnect_lite.data.canvases.jpeg import jpeg

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
    _cut_out(image, np.flatnonzero(rng.random(count) < config.cut_out), rng)
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
    lamp = np.exp(rng.normal(0, strength, (count, 1)) + rng.normal(0, strength / 4, (count, 3)))
    saturation = np.clip(rng.normal(1, 1.5 * strength, count), 0, 2)
    saturation = np.where(rng.random(count) < config.grey, rng.uniform(0, _MOST_LEFT_OF_GREY, count), saturation)
    contrast, gamma = np.exp(rng.normal(0, (strength, strength / 2), (count, 2))).T
    numbers = _column(np.column_stack([lamp, saturation, contrast, gamma]), image)[..., None, None]
    gain, (saturation, contrast, gamma) = numbers[:, :3], numbers[:, 3:].split(1, 1)
    grey = image.mean(1, keepdim=True)
    image = grey + (image - grey) * saturation
    middle = image.mean((1, 2, 3), keepdim=True)
    image = ((image - middle) * contrast + middle) * gain
    return 255 * (image / 255).clamp(1e-4, 1) ** gamma


def _cut_out(image: torch.Tensor, chosen: np.ndarray, rng: np.random.Generator) -> None:
    """Paint a rectangle over canvases ``chosen`` (K,), in place."""
    sides = np.array(image.shape[:-3:-1])  # width, height
    size = (rng.uniform(0.08, 0.3, (len(chosen), 2)) * sides).astype(np.int64) + 1
    low = rng.integers(0, sides - size)
    colour = rng.uniform(0, 255, (len(chosen), 3))
    if len(chosen):
        area = Areas.of(np.concatenate([low, low + size], 1), image.device)
        image[send(chosen, image.device)[area.which], :, area.y, area.x] = _column(colour, image)[area.which]


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
