"""A folder, pattern or list of pictures as a source of frames."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xnect_lite.capture.source import Source
from xnect_lite.errors import XnectError
from xnect_lite.files.picture_file import read_picture
from xnect_lite.types import Frame

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def image_files(folder: Path) -> list[Path]:
    """The pictures directly inside a folder, in `natural_order`; hidden files, as macOS puts beside every picture, are none."""
    return natural_order(
        [p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".") and p.is_file()]
    )


def natural_order(paths: Sequence[Path]) -> list[Path]:
    """Sorted by name with numbers counted, so that frame_2 comes before frame_10."""
    return sorted(paths, key=lambda p: [(int(s), "") if s.isdecimal() else (-1, s) for s in re.split(r"(\d+)", str(p))])


def read_image(path: Path) -> np.ndarray | None:
    """(H, W, 3) uint8 RGB, turned as its EXIF tag says; None if it cannot be decoded."""
    try:
        return read_picture(path)
    except ValueError:
        return None


class ImageSource(Source):
    """Pictures in the order given, ``fps`` of them a second; those that cannot be read are skipped and leave a gap.

    Time and index count from the first that can be read, or from the start asked for.
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
        self._unreadable = 0
        self._first_problem = ""
        self._before: int | None = None  # how many could not be read before the first that could
        self._closed = False
        self.frame_count: int | None = len(self._paths)
        if not self._paths:
            raise XnectError(name, "holds no picture" + (" in that time" if paths else ""), "Check the folder or pattern")
        picture = self._next_picture()
        if picture is None:
            cause = f"holds no picture that can be decoded; {self._first_problem}"
            raise XnectError(name, cause, "Check that a picture viewer opens them")
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
            try:
                image = read_picture(self._paths[position])
            except ValueError as error:
                self._note(self._paths[position], str(error))
                continue
            if self._before is None:
                self._before = 0 if self._first else position
                self.frame_count = len(self._paths) - self._before
            index = position - self._before
            return Frame(image, (self._first + index) / self.fps, index)
        return None

    def _note(self, path: Path, problem: str) -> None:
        self._unreadable += 1
        if self._unreadable == 1:
            self._first_problem = f"{path.name} {problem}"
        self.warning = f"{self._unreadable} pictures could not be read; {self._first_problem}"
