"""JPEG without files: close to what libjpeg makes of the same picture at the same quality."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xnect_lite.data.canvases.jpeg import jpeg


def picture(width: int, height: int, seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 with edges, slopes and texture."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    image = np.stack([x * 255 / width, y * 255 / height, 128 + 100 * np.sin(x / 5) * np.cos(y / 7)], -1)
    image[height // 4 : height // 2, width // 3 :] = (250, 20, 60)
    return np.clip(image + rng.normal(0, 12, image.shape), 0, 255).astype(np.uint8)


def through_tensors(image: np.ndarray, quality: float) -> np.ndarray:
    batch = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    return jpeg(batch, torch.tensor([float(quality)]))[0].permute(1, 2, 0).numpy()


def through_a_file(image: np.ndarray, quality: int) -> np.ndarray:
    data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].astype(np.float32)


@pytest.mark.parametrize("quality", [5, 20, 49, 50, 75, 95])
@pytest.mark.parametrize("size", [(64, 48), (75, 53)], ids=["whole blocks", "sides that are no multiple of 16"])
def test_as_opencv_would_have_it(size, quality):
    """What is left of the difference is rounding: far less than what JPEG itself changes."""
    image = picture(*size)
    found, expected = through_tensors(image, quality), through_a_file(image, quality)
    away, changed = np.abs(found - expected).mean(), np.abs(expected - image).mean()
    assert away < 1.5 and away < 0.2 * changed, (away, changed)


def test_every_canvas_has_its_own_quality():
    image = torch.from_numpy(picture(64, 48)).permute(2, 0, 1).float()
    both = jpeg(torch.stack([image, image]), torch.tensor([10.0, 90.0]))
    for row, quality in enumerate((10.0, 90.0)):
        torch.testing.assert_close(both[row], jpeg(image[None], torch.tensor([quality]))[0])
    assert (both[0] - image).abs().mean() > 1.5 * (both[1] - image).abs().mean()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.floats(1, 100), st.tuples(*[st.integers(0, 255)] * 3))
def test_one_colour_stays_about_that_colour_at_any_size(width, height, quality, colour):
    """A block of one colour has one coefficient, off by at most half its step: the step over 16, in each of Y, Cb, Cr."""
    image = torch.tensor(colour, dtype=torch.float32)[None, :, None, None].expand(1, 3, height, width)
    out = jpeg(image, torch.tensor([quality]))
    assert out.shape == image.shape and out.min() >= 0 and out.max() <= 255
    percent = 5000 / quality if quality < 50 else 200 - 2 * quality
    luma, chroma = (min(max(step * percent / 100 + 1, 1), 255) / 16 + 1.5 for step in (16, 17))
    assert (out - image).abs().max() <= luma + 1.772 * chroma + 1
