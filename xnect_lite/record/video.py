"""Pictures into an H.264 file at their own time stamps, such that what a killed program leaves can be played."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.error import FFmpegError

from xnect_lite.errors import XnectError

_TICKS = 90000  # a second
_FRAGMENT_S = 2.0


class VideoWriter:
    """H.264 of the size of the first picture; the file is made with it.

    It is written in fragments: what a killed program leaves can be played but for its last seconds.

    fps:     nominal, for players; every picture has its own time.
    preset:  of x264, from ultrafast to veryslow.   crf: its quality, 18 very good .. 28 small.
    remedy:  what else a user can do where the file cannot be written.

    Raises XnectError where FFmpeg or the disk refuses.
    """

    def __init__(self, path: Path, fps: float, *, preset: str = "veryfast", crf: int = 23, remedy: str = "") -> None:
        self._path, self._fps, self._preset, self._crf, self._remedy = path, fps, preset, crf, remedy
        self._container: Any = None
        self._stream: Any = None
        self._last_pts = -1

    def add(self, picture: np.ndarray, t_s: float) -> None:
        """Encode a picture (H, W, 3) uint8 RGB that belongs to ``t_s`` seconds."""
        with self._refusals():
            if self._stream is None:
                self._open(picture)
            width, height = self._stream.width, self._stream.height
            if picture.shape[0] - height in (0, 1) and picture.shape[1] - width in (0, 1):
                picture = picture[:height, :width]
            else:  # the source changed its size
                picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts = self._last_pts = max(round(t_s * _TICKS), self._last_pts + 1)
            frame.time_base = Fraction(1, _TICKS)
            self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Finish the file. May be called twice."""
        container, self._container = self._container, None
        if container is None:
            return
        with self._refusals():
            try:
                container.mux(self._stream.encode())
            finally:
                container.close()

    def _open(self, picture: np.ndarray) -> None:
        options = {"movflags": "hybrid_fragmented", "flush_packets": "1"}
        self._container = av.open(str(self._path.resolve()), "w", options=options)
        self._stream = self._container.add_stream("libx264", rate=Fraction(self._fps).limit_denominator(1001))
        self._stream.height, self._stream.width = (max(2, side // 2 * 2) for side in picture.shape[:2])  # 4:2:0: even sides
        self._stream.pix_fmt = "yuv420p"
        fragment = str(max(1, min(250, round(_FRAGMENT_S * self._fps))))  # from one whole picture to the next
        self._stream.options = {"crf": str(self._crf), "preset": self._preset, "g": fragment}
        self._stream.codec_context.time_base = Fraction(1, _TICKS)

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except (FFmpegError, OSError, ValueError) as error:
            cause = getattr(error, "strerror", None) or str(error) or type(error).__name__
            step = f"Free some disk space{self._remedy and ', or '}{self._remedy}"
            raise XnectError(str(self._path), f"cannot be written ({cause})", step) from error
