"""Decoding pictures from anywhere: what a file claims of its size is asked of its header first."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from xnect_lite.files.untrusted import read_bytes

MOST_PIXELS = 100_000_000
"""Of a picture, width times height: 300 MB once it is decoded."""
MOST_BYTES = 512 << 20
"""Of a picture's file."""


def read_picture(path: Path) -> np.ndarray:
    """(H, W, 3) uint8 RGB, turned as its EXIF tag says. Raises ValueError that says in a few words why it cannot be had."""
    try:
        data = read_bytes(path, MOST_BYTES)  # cv2.imread cannot open every Unicode path on Windows
    except OSError as error:
        raise ValueError(error.strerror or "cannot be read") from error
    return cv2.cvtColor(decode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def decode(data: bytes, flags: int) -> np.ndarray:
    """A picture as `cv2.imdecode` gives it. Raises ValueError in a few words if it is none, or too large."""
    width, height = size_of(data)
    if width * height > MOST_PIXELS:
        raise ValueError(f"has {width} x {height} pixels; at most {MOST_PIXELS:,} are read")
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        picture = None
    if picture is None:
        raise ValueError("is not a picture that can be decoded")
    return picture


def size_of(data: bytes) -> tuple[int, int]:
    """(width, height) by the header, nothing is decoded. Raises ValueError for what is no picture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes, which are our caller's to judge
            with Image.open(io.BytesIO(data)) as picture:
                return picture.size
    except Image.DecompressionBombError:
        raise ValueError(f"has far more than {MOST_PIXELS:,} pixels") from None
    except Exception:  # a reader of every format raises whatever a damaged file leads to
        raise ValueError("is not a picture that can be decoded") from None
