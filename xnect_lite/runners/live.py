"""The slot between a source that does not wait and a pipeline that takes the time it takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from xnect_lite.capture.source import Source
from xnect_lite.types import Frame

if TYPE_CHECKING:
    from typing_extensions import Self


class LatestFrame:
    """Reads a source on a thread of its own and keeps the newest frame only.

    source:    owned from now on: `stop` closes it.
    realtime:  True plays a source that is not live at its own pace, as a camera would send it; False reads as fast as it can.
    on_frame:  is given every frame that the source gives, on the source's thread, which waits for it.

    The thread starts at once.
    """

    def __init__(self, source: Source, *, realtime: bool = False, on_frame: Callable[[Frame], None] | None = None) -> None:
        self._source = source
        self._paced = realtime and not source.live
        self._on_frame = on_frame
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._error: BaseException | None = None
        self._ended = False
        self._stop = threading.Event()
        self._goes = threading.Event()  # cleared while a file is paused
        self._goes.set()
        self._read_ms = float("nan")
        self._origin_s = 0.0  # clock minus t_s of the newest frame
        self._received = self._dropped = 0
        self._thread = threading.Thread(target=self._run, name=f"frames of {source.name}", daemon=True)
        self._thread.start()

    @property
    def source(self) -> Source:
        """The source being read, for its name, size and warning."""
        return self._source

    @property
    def received(self) -> int:
        """Frames the source has given so far."""
        return self._received

    @property
    def dropped(self) -> int:
        """Frames overwritten by a newer one before anybody took them."""
        return self._dropped

    def get(self, timeout_s: float | None = None) -> Frame | None:
        """The newest frame that has not been given yet, waiting for it if need be; None after the last one or `stop`.

        Raises TimeoutError after ``timeout_s`` seconds without a frame (None waits as long as it takes), and whatever
        error ended the source, once the frame before it has been given.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._frame is not None or self._ended, timeout_s):
                raise TimeoutError(f"no frame from {self._source.name} in {timeout_s} s")
            frame, self._frame = self._frame, None
            if frame is None and self._error is not None:
                raise self._error
            return frame

    def age_s(self, frame: Frame) -> float:
        """Seconds since ``frame`` came, by the clock: what a viewer sees as lag."""
        return max(0.0, time.perf_counter() - self._origin_s - frame.t_s)

    @property
    def capture_ms(self) -> float:
        """What reading and decoding the newest frame took; NaN for a live source, where it is mostly waiting."""
        return self._read_ms

    def pause(self, is_paused: bool) -> None:
        """Hold a source that plays at its own pace where it is, or let it go on. A live source does not wait for anybody."""
        if is_paused and self._paced:
            self._goes.clear()
        else:
            self._goes.set()

    def stop(self) -> None:
        """End the thread, wait for it and close the source. May be called twice. A waiting `get` returns None."""
        self._stop.set()
        self._goes.set()
        if self._source.live:
            self._source.close()  # frees a thread that waits for a camera
        self._thread.join()
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def __iter__(self) -> Iterator[Frame]:
        while (frame := self.get()) is not None:
            yield frame

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            start_s: float | None = None
            while not self._stop.is_set() and (frame := self._timed_read()) is not None:
                if self._paced:
                    if not self._goes.is_set():
                        self._goes.wait()
                        start_s = None  # its clock stood still meanwhile
                    now_s = time.perf_counter()
                    start_s = now_s - frame.t_s if start_s is None else start_s
                    if self._stop.wait(max(0.0, start_s + frame.t_s - now_s)):
                        break
                if self._on_frame is not None:
                    self._on_frame(frame)
                self._put(frame)
        except Exception as caught:
            error = caught
        with self._changed:
            self._error = None if self._stop.is_set() else error
            self._ended = True
            if self._stop.is_set():
                self._frame = None
            self._changed.notify_all()

    def _timed_read(self) -> Frame | None:
        begin_s = time.perf_counter()
        frame = self._source.read()
        if not self._source.live:
            self._read_ms = (time.perf_counter() - begin_s) * 1e3
        return frame

    def _put(self, frame: Frame) -> None:
        with self._changed:
            self._received += 1
            self._dropped += self._frame is not None
            self._frame = frame
            self._origin_s = time.perf_counter() - frame.t_s
            self._changed.notify_all()
