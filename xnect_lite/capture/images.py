"""A folder, pattern or list of pictures as a source of frames."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from xnect_lite.capture.source import Source
from xnect_lite.errors import XnectError
from xnect_lite.types import Frame

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def image_files(folder: Path) -> list[Path]:
    """The pictures directly inside a folder, in `natural_order`."""
    return natural_order([p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file()])


def natural_order(paths: Sequence[Path]) -> list[Path]:
    """Sorted by name with numbers counted, so that frame_2 comes before frame_10."""
    return sorted(paths, key=lambda p: [(int(s), "") if s.isdigit() else (-1, s) for s in re.split(r"(\d+)", str(p))])


def read_image(path: Path) -> np.ndarray | None:
    """(H, W, 3) uint8 RGB, turned as its EXIF tag says; None if it cannot be decoded."""
    try:
        data = np.fromfile(path, np.uint8)  # cv2.imread cannot open every Unicode path on Windows
    except OSError:
        return None
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    return None if bgr is None else cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


class ImageSource(Source):
    """Pictures in the order given, ``fps`` of them a second; those that cannot be read are skipped and leave a gap.

    Raises XnectError if there is no picture, or none that can be read.
    """

    live = False

    def __init__(
        self, name: str, paths: Sequence[Path], fps: float = 30.0, start_s: float | None = None, end_s: float | None = None
    ) -> None:
        self.name, self.fps = name, fps
        self.warning: str | None = None
        self._first = math.ceil((start_s or 0.0) * fps - 1e-6)
        last = len(paths) if end_s is None else math.ceil(end_s * fps - 1e-6)
        self._paths = list(paths[self._first : last])
        self._position = 0
        self._unreadable: list[Path] = []
        self._closed = False
        self.frame_count: int | None = len(self._paths)
        if not self._paths:
            raise XnectError(name, "holds no picture" + (" in that time" if paths else ""), "Check the folder or pattern")
        picture = self._next_picture()
        if picture is None:
            raise XnectError(name, "holds no picture that can be decoded", "Check that a picture viewer opens them")
        self._peeked: Frame | None = picture
        self.size = picture.size

    def read(self) -> Frame | None:
        """See `Source.read`."""
        if self._closed:
            return None
        if self._peeked is not None:
            frame, self._peeked = self._peeked, None
            return frame
        return self._next_picture()

    def close(self) -> None:
        """See `Source.close`."""
        self._closed = True

    def _next_picture(self) -> Frame | None:
        while self._position < len(self._paths):
            position, self._position = self._position, self._position + 1
            image = read_image(self._paths[position])
            if image is not None:
                return Frame(image, (self._first + position) / self.fps, position)
            self._unreadable.append(self._paths[position])
            self.warning = f"{len(self._unreadable)} pictures could not be read, the first is {self._unreadable[0].name}"
        return None
