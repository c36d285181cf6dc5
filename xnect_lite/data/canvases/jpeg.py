"""What JPEG does to a picture, as tensor arithmetic: batched, on whatever device the pictures are, without making a file.

Baseline JPEG as libjpeg writes it by default: YCbCr, colour at half size (4:2:0), cosine transform of 8x8 blocks, Annex K's
tables scaled by the quality. Entropy coding is left out, as it loses nothing.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from xnect_lite.data.archives.packed import send

_BLOCK = 8
_LUMA = [
    [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62], [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
]  # fmt: skip
_CHROMA = [
    [17, 18, 24, 47, 99, 99, 99, 99], [18, 21, 26, 66, 99, 99, 99, 99], [24, 26, 56, 99, 99, 99, 99, 99],
    [47, 66, 99, 99, 99, 99, 99, 99], *[[99] * 8] * 4,
]  # fmt: skip
_TO_YCC = [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
_TO_RGB = [[1.0, 0.0, 1.402], [1.0, -0.344136, -0.714136], [1.0, 1.772, 0.0]]
_K, _N = np.mgrid[:_BLOCK, :_BLOCK]
_COSINES = np.sqrt(np.where(_K == 0, 1, 2) / _BLOCK) * np.cos((2 * _N + 1) * _K * np.pi / (2 * _BLOCK))
_OF_BLOCKS = np.kron(_COSINES, _COSINES)  # of a block as one vector: one large product is faster than many small ones


def jpeg(image: torch.Tensor, quality: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) RGB 0..255 as it comes back from JPEG files of ``quality`` (B,), 1..100. Whole numbers, same shape."""
    height, width = image.shape[-2:]
    image = image.clamp(0, 255).round()
    # Sides in multiples of 16, so that colour at half size has whole blocks too.
    image = functional.pad(image, (0, -width % (2 * _BLOCK), 0, -height % (2 * _BLOCK)), mode="replicate")
    luma, chroma = _mix(image, _TO_YCC).round().split([1, 2], 1)
    chroma = functional.avg_pool2d(chroma, 2).round()
    luma = _through_blocks(luma - 128, _table(_LUMA, quality)) + 128
    chroma = _through_blocks(chroma, _table(_CHROMA, quality))
    chroma = functional.interpolate(chroma, scale_factor=2, mode="bilinear", align_corners=False)
    out = _mix(torch.cat([luma, chroma], 1), _TO_RGB)
    return out[..., :height, :width].round().clamp(0, 255)


def _mix(image: torch.Tensor, matrix: list[list[float]]) -> torch.Tensor:
    """A (3, 3) matrix over the channels of (B, 3, H, W)."""
    return torch.einsum("kc,bchw->bkhw", _constant(matrix, image), image)


def _constant(values: object, like: torch.Tensor) -> torch.Tensor:
    return send(np.asarray(values, np.float32), like.device)


def _table(base: list[list[int]], quality: torch.Tensor) -> torch.Tensor:
    """(B, 8, 8) quantisation steps, as libjpeg scales them."""
    quality = quality.clamp(1, 100)[:, None, None]
    percent = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality).floor()
    return ((_constant(base, quality) * percent + 50) / 100).floor().clamp(1, 255)


def _through_blocks(plane: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) to cosine coefficients by blocks, rounded to multiples of ``steps`` (B, 8, 8), and back."""
    count, channels, height, width = plane.shape
    transform = _constant(_OF_BLOCKS, plane)
    tall, wide = height // _BLOCK, width // _BLOCK
    blocks = plane.view(count, channels, tall, _BLOCK, wide, _BLOCK).transpose(3, 4).reshape(count, -1, _BLOCK**2)
    steps = steps.reshape(count, 1, _BLOCK**2)
    coefficients = (blocks @ transform.T / steps).round() * steps
    blocks = (coefficients @ transform).round().clamp(-128, 127)
    return blocks.view(count, channels, tall, wide, _BLOCK, _BLOCK).transpose(3, 4).reshape(plane.shape)
