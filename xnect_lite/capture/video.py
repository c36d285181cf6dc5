"""Video files, through PyAV: true presentation time stamps, upright pictures, whatever can be decoded of a damaged file."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from av.stream import Disposition

from xnect_lite.capture.source import Source
from xnect_lite.capture.timeline import TimeLine, usual_fps
from xnect_lite.errors import XnectError
from xnect_lite.files.picture_file import MOST_PIXELS
from xnect_lite.types import Frame

_TIME_EPSILON_S = 1e-6
_FALLBACK_FPS = 30.0
_NOT_VIDEO = {"tty"}  # FFmpeg "plays" text files as an 80-column terminal
_TOLERATED_SAR = 0.01  # pixels this much off square are left as they are
_MOST_OBLONG = 4.0  # width by height of a pixel, or the other way round
_PROBED = 120  # packets whose stamps tell the frame rate


class VideoSource(Source):
    """The frames of a video file with ``start_s <= t_s < end_s``, in order, none dropped.

    Raises XnectError for a file that is missing, unreadable, or holds no picture.
    """

    live = False

    def __init__(self, path: str | Path, start_s: float | None = None, end_s: float | None = None) -> None:
        self._path = Path(path)
        self.name = self._path.name
        self._is_pipe = not (self._path.is_file() or self._path.is_dir()) and self._path.exists()  # read once, forwards
        self.warning: str | None = None
        self._lock = threading.Lock()  # a decoder must not be freed under a thread that is reading
        self._start_s, self._end_s = start_s or 0.0, end_s
        self._index = 0
        self._last_t_s = 0.0
        self._ahead: deque[av.VideoFrame] = deque()  # decoded to see what the clock does next
        self._complete = False  # the end asked for was reached
        self._of_rate = self._of_end = self._of_pixels = ""  # what is to be said of them
        self._container: av.container.InputContainer | None = None
        self._iterator: Iterator[av.VideoFrame] = iter(())
        try:
            self._open()
            pictures = self._pictures()
            first = next(pictures, None)
            if first is None:
                raise self._not_video()
            self._read_header(first)
            self._time_line = TimeLine(self.name, self._period_s)
            self._iterator = (
                self._from_start() if self._start_s > 0 and not self._is_pipe else itertools.chain([first], pictures)
            )
        except BaseException:
            self.close()
            raise

    def read(self) -> Frame | None:
        """See `Source.read`."""
        with self._lock:
            if self._container is None or self._complete:
                return None
            while (picture := self._next_picture()) is not None:
                t_s = self._last_t_s = self._time_line.place(self._stamp_s(picture), self._following_s)
                self.warning = self._warning()
                if t_s < self._start_s - _TIME_EPSILON_S:
                    continue
                if self._end_s is not None and t_s >= self._end_s - _TIME_EPSILON_S:
                    self._complete = True
                    return None
                index, self._index = self._index, self._index + 1
                return Frame(self._to_rgb(picture), t_s, index)
            self._judge_end()
            return None

    def close(self) -> None:
        """See `Source.close`."""
        with self._lock:
            container, self._container = self._container, None
            self._iterator = iter(())
            self._ahead.clear()
            if container is not None:
                container.close()

    def _open(self) -> None:
        if self._container is not None:
            self._container.close()
        self._damaged = 0
        try:
            self._container = self._opened()
        except FileNotFoundError as error:
            raise XnectError(str(self._path), "no such file", "Check the path") from error
        except PermissionError as error:
            raise XnectError(str(self._path), "may not be read by you", "Check the file's permissions") from error
        except (FFmpegError, OSError) as error:
            raise self._not_video() from error
        # A song's cover is a video stream to FFmpeg.
        streams = [s for s in self._container.streams.video if s.codec_context is not None and not _is_cover(s)]
        if not streams or self._container.format.name in _NOT_VIDEO:
            raise self._not_video()
        self._stream = streams[0]
        self._check_size(self._stream.width, self._stream.height)
        self._stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}  # they may grow on the way
        self._stream.thread_type = "AUTO"

    def _opened(self) -> av.container.InputContainer:
        name = os.path.abspath(self._path)  # FFmpeg would read "take:1.mp4" as a protocol named "take"
        try:
            name.encode()
        except UnicodeEncodeError:  # a name in an old encoding, which FFmpeg could not be told
            return av.open(open(self._path, "rb"), "r", metadata_errors="replace")
        return av.open(name, "r", metadata_errors="replace")

    def _check_size(self, width: int, height: int) -> None:
        if width * height > MOST_PIXELS:
            raise XnectError(
                str(self._path),
                f"has pictures of {width} x {height}; at most {MOST_PIXELS:,} pixels are read",
                "Make it smaller",
            )

    def _read_header(self, first: av.VideoFrame) -> None:
        stream, container = self._stream, self._container
        assert container is not None
        said = [float(rate) for rate in (stream.average_rate, stream.guessed_rate) if rate]
        self.fps, self._of_rate = usual_fps(self._first_stamps(), said)
        self._period_s = 1.0 / (self.fps or _FALLBACK_FPS)
        self._first_s = first.time if first.time is not None else 0.0
        picture = self._to_rgb(first)
        self.size = (picture.shape[1], picture.shape[0])
        self._duration_s: float | None = None
        if stream.duration is not None and stream.time_base:
            self._duration_s = float(stream.duration) * float(stream.time_base)
        elif container.duration is not None and len(container.streams) == 1:
            self._duration_s = container.duration / av.time_base
        if self._duration_s is not None and self._start_s >= self._duration_s:
            raise XnectError(
                str(self._path), f"ends at {self._duration_s:.2f} s, before the start asked for", "Choose an earlier start"
            )
        self.frame_count = self._count_frames()

    def _count_frames(self) -> int | None:
        if self._start_s == 0.0 and self._end_s is None and self._stream.frames:
            return int(self._stream.frames)
        ends = [s for s in (self._duration_s, self._end_s) if s is not None]
        return max(0, round((min(ends) - self._start_s) / self._period_s)) if ends else None

    def _from_start(self) -> Iterator[av.VideoFrame]:
        """Pictures from a key frame at or before the start on."""
        if self._stream.time_base:
            assert self._container is not None
            target = int((self._first_s + self._start_s) / float(self._stream.time_base))
            with contextlib.suppress(FFmpegError):
                self._container.seek(target, stream=self._stream)
                pictures = self._pictures()
                first = next(pictures, None)
                if first is not None and first.time is not None and first.time - self._first_s <= self._start_s:
                    return itertools.chain([first], pictures)
        self._open()  # no index, or one that leads astray: from the beginning
        return self._pictures()

    def _pictures(self) -> Iterator[av.VideoFrame]:
        """Decoded pictures in order of presentation; what cannot be decoded is counted and skipped."""
        assert self._container is not None
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)  # the last packet is empty and flushes the decoder
            except FFmpegError:
                self._damaged += 1
                return
            if packet is None:
                return
            try:
                pictures = packet.decode()
            except FFmpegError:
                self._damaged += 1
                continue
            yield from pictures  # type: ignore[misc]

    def _first_stamps(self) -> list[float]:
        """Seconds of the first packets, from a second look at the file: nothing is decoded for it."""
        if self._is_pipe:
            return []
        with contextlib.suppress(FFmpegError, OSError), self._opened() as again:
            packets = itertools.islice(again.demux(again.streams[self._stream.index]), _PROBED)
            return [float(p.pts * p.time_base) for p in packets if p.pts is not None and p.time_base]
        return []

    def _next_picture(self) -> av.VideoFrame | None:
        return self._ahead.popleft() if self._ahead else next(self._iterator, None)

    def _following_s(self, count: int) -> Sequence[float | None]:
        while len(self._ahead) < count and (picture := next(self._iterator, None)) is not None:
            self._ahead.append(picture)
        return [self._stamp_s(picture) for picture in itertools.islice(self._ahead, count)]

    def _stamp_s(self, picture: av.VideoFrame) -> float | None:
        """Seconds since the file's first picture, as the file has it."""
        return None if picture.time is None else picture.time - self._first_s

    def _to_rgb(self, picture: av.VideoFrame) -> np.ndarray:
        """(H, W, 3) uint8 RGB with square pixels, turned upright."""
        sar = float(self._stream.sample_aspect_ratio or 1)
        if not 1 / _MOST_OBLONG <= sar <= _MOST_OBLONG:
            self._of_pixels = f"its header says that pixels are {sar:.4g} times as wide as high, which is not believed"
            sar = 1.0
        width = round(picture.width * sar) if abs(sar - 1) > _TOLERATED_SAR else picture.width
        rgb = picture.reformat(width=width, height=picture.height, format="rgb24").to_ndarray()
        quarter_turns = round(picture.rotation / 90) % 4  # anticlockwise, as rot90 counts
        return np.ascontiguousarray(np.rot90(rgb, quarter_turns)) if quarter_turns else rgb

    def _judge_end(self) -> None:
        """Say so if the file ended before its time."""
        tolerance_s = max(5 * self._period_s, 0.02 * (self._duration_s or 0.0))
        end_s = max(self._last_t_s, 0.0) + self._period_s
        is_short = self._duration_s is not None and end_s < self._duration_s - tolerance_s
        if is_short and not self._time_line.has_mended():  # else the duration is of the clock that jumped
            self._of_end = f"{self.name} is cut short: it ends at {end_s:.1f} s of {self._duration_s:.1f} s"
        elif self._damaged:
            self._of_end = f"{self.name} is damaged: {self._damaged} parts could not be decoded and were left out"
        self.warning = self._warning()

    def _warning(self) -> str | None:
        return (
            "; ".join(words for words in (self._time_line.warning, self._of_rate, self._of_pixels, self._of_end) if words)
            or None
        )

    def _not_video(self) -> XnectError:
        return XnectError(str(self._path), "is not a video that can be decoded", "Check that a video player opens it")


def _is_cover(stream: av.VideoStream) -> bool:
    return Disposition.attached_pic in stream.disposition
