"""The film beside the poses: every frame that a source gives while a take is recorded, looked at by the pipeline or not.

Frames are handed over and encoded on a thread of their own, so that whoever captures them waits for nobody.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from xnect_lite.errors import XnectError
from xnect_lite.files.whole_file import whole_path
from xnect_lite.record.video import VideoWriter
from xnect_lite.types import Frame

VIDEO_FILE = "video.mp4"
_MOST_WAITING_BYTES = 256 << 20  # of frames that wait to be encoded: a second and a half of 60 frames of 1280 x 720
_PRESET, _CRF = "ultrafast", 21  # of x264, which shares the processor with the network


class SourceVideo:
    """Writes the frames of a source to a file that can be played however it ends.

    fps: nominal, None = unknown.

    `add` never waits: where encoding does not keep up, frames are left out of the film and counted.
    """

    def __init__(self, path: Path, fps: float | None) -> None:
        self.path = path
        self.frames = self.lost = 0
        """Frames handed over so far; those of them that are not in the film."""
        self.start_s: float | None = None
        """Time of the first frame: a picture at t of the film was taken at ``start_s`` + t."""
        self.error: XnectError | None = None
        """Why the film ended early. The take goes on without it."""
        self._writer = VideoWriter(path, fps or 30.0, preset=_PRESET, crf=_CRF, remedy="record without the video")
        self._waiting: deque[Frame] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="encode the film", daemon=True)
        self._thread.start()

    def add(self, frame: Frame) -> None:
        """Take a frame, in order of time. Its picture must not be changed afterwards."""
        with self._changed:
            if self._is_closing:
                return
            if self.start_s is None:
                self.start_s = frame.t_s
            self.frames += 1
            if self.error is not None or self._bytes + frame.image.nbytes > _MOST_WAITING_BYTES:
                self.lost += 1
                return
            self._waiting.append(frame)
            self._bytes += frame.image.nbytes
            self._changed.notify()

    def close(self) -> None:
        """Encode what waits, and finish the file. May be called twice."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()

    def about(self) -> dict[str, Any]:
        """What take.json says of the film."""
        if self.error and not (self.path.is_file() and self.path.stat().st_size):
            self.lost = self.frames  # also those that the encoder still had
        return {
            "file": self.path.name if self.frames > self.lost else None,
            "start_s": self.start_s,
            "frames": self.frames - self.lost,
            "lost": self.lost,
            **({"error": str(self.error)} if self.error else {}),
        }

    def _run(self) -> None:
        try:
            while (frame := self._next()) is not None:
                self._writer.add(frame.image, frame.t_s - (self.start_s or 0.0))
            self._writer.close()
        except XnectError as error:
            with self._changed:
                self.error = error
                self.lost += 1 + len(self._waiting)
                self._waiting.clear()
                self._bytes = 0

    def _next(self) -> Frame | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closing)
            if not self._waiting:
                return None
            frame = self._waiting.popleft()
            self._bytes -= frame.image.nbytes
            return frame


def mend_video(path: Path) -> bool:
    """Rewrite a video that a killed program left, so that every player can play and seek it; False if nothing can be read.

    What cannot be read any more, at the end, is left out; the file is replaced whole or not at all.
    """
    try:
        with whole_path(path) as partial, av.open(str(path)) as left, av.open(str(partial), "w", format="mp4") as whole:
            stream = left.streams.video[0]
            out = whole.add_stream_from_template(stream)
            count = 0
            with contextlib.suppress(FFmpegError):  # where it ends in the middle of a picture
                for packet in left.demux(stream):
                    if packet.dts is not None:
                        packet.stream = out
                        whole.mux(packet)
                        count += 1
            if not count:
                raise ValueError("no picture")
    except (FFmpegError, OSError, ValueError, IndexError):
        return False
    return True
