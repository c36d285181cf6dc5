"""Webcams and network streams, through OpenCV, timed by this computer's clock and never waited for without end."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Protocol, TypeVar

import cv2
import numpy as np

from xnect_lite.capture.cameras import camera_backend
from xnect_lite.capture.source import Source
from xnect_lite.errors import XnectError
from xnect_lite.types import Frame

T = TypeVar("T")

_RETRY_S = 0.01  # between attempts on a camera that gave nothing
_TICK_S = 1e-6  # least step between two time stamps
_RELEASE_S = 0.5  # how long closing waits for a driver that hangs


class Capture(Protocol):
    """The part of cv2.VideoCapture that is used."""

    def isOpened(self) -> bool: ...
    def grab(self) -> bool: ...
    def retrieve(self) -> tuple[bool, np.ndarray | None]: ...
    def get(self, prop: int) -> float: ...
    def release(self) -> None: ...


class LiveSource(Source):
    """Frames of a capture device as they come. ``t_s`` is the clock when the frame was taken out of the driver.

    open_capture:  opens the device; called, like everything else on the device, on one thread of its own.
    can_end:       True = "no frame" means that the stream ended; False = a camera, which should never end.
    timeout_s:     longest wait for a frame.
    open_timeout_s: longest wait for the device to open and give its first frame.

    Raises XnectError, from here or from `read`, if the device cannot be opened or keeps us waiting; `read` may be
    tried again, as the camera may come back.
    """

    live = True
    frame_count = None

    def __init__(
        self,
        name: str,
        open_capture: Callable[[], Capture],
        *,
        can_end: bool,
        timeout_s: float = 5.0,
        open_timeout_s: float = 20.0,
        end_s: float | None = None,
    ) -> None:
        self.name, self.warning = name, None
        self.fps: float | None = None
        self._can_end, self._timeout_s, self._end_s = can_end, timeout_s, end_s
        self._thread = _DeviceThread()
        self._capture: Capture | None = None
        self._closed = threading.Event()
        self._lock = threading.Lock()  # between closing and asking for another frame
        self._pending: Future[tuple[np.ndarray, float] | None] | None = None
        self._ended = False
        self._index = 0
        self._last_t_s = -np.inf
        try:
            self._peeked = self._await(self._thread.call(lambda: self._start(open_capture)), open_timeout_s)
            if self._peeked is None:
                raise XnectError(name, "opened but sent no picture", "Check that the sender runs")
        except BaseException:
            self.close()
            raise
        image, self._first_clock_s = self._peeked
        self.size = (image.shape[1], image.shape[0])

    def read(self) -> Frame | None:
        """See `Source.read`."""
        with self._lock:
            if self._closed.is_set() or self._ended:
                return None
            taken, self._peeked = self._peeked, None
            if taken is None and self._pending is None:  # one pending already: a camera that stalled before
                self._pending = self._thread.call(self._grab)
        if taken is None:
            assert self._pending is not None
            taken = self._await(self._pending, self._timeout_s)
            self._pending = None
        if taken is None:
            self._ended = True
            return None
        image, clock_s = taken
        t_s = max(clock_s - self._first_clock_s, self._last_t_s + _TICK_S)
        if self._end_s is not None and t_s >= self._end_s:
            self.close()
            return None
        self._last_t_s = t_s
        index, self._index = self._index, self._index + 1
        return Frame(image, t_s, index)

    def close(self) -> None:
        """See `Source.close`."""
        with self._lock:
            if self._closed.is_set():
                return
            self._closed.set()
            pending = self._pending
        if pending is not None:
            pending.cancel()  # lets a waiting `read` go
        released = self._thread.call(self._release)
        self._thread.finish()
        with contextlib.suppress(FutureTimeoutError):
            released.result(_RELEASE_S)

    def _await(self, future: Future[T], timeout_s: float) -> T | None:
        try:
            return future.result(timeout_s)
        except CancelledError:
            return None
        except (FutureTimeoutError, TimeoutError) as error:
            if future.done():  # it gave up by itself, after its own patience
                self._pending, timeout_s = None, self._timeout_s
            raise XnectError(
                self.name, f"sent no picture for {timeout_s:g} s", "Check its cable or network, then open it again"
            ) from error
        except BaseException:
            self._pending = None
            raise

    # The three below run on the device's thread.

    def _start(self, open_capture: Callable[[], Capture]) -> tuple[np.ndarray, float] | None:
        self._capture = open_capture()
        if not self._can_end:  # of streams, OpenCV makes the rate up
            fps = self._capture.get(cv2.CAP_PROP_FPS)
            self.fps = fps if fps > 0 else None
        return self._grab()

    def _grab(self) -> tuple[np.ndarray, float] | None:
        """((H, W, 3) RGB, clock seconds), or None at the end. Raises TimeoutError if a camera keeps failing."""
        assert self._capture is not None
        begin_s = time.perf_counter()
        while not self._closed.is_set():
            if self._capture.grab():
                clock_s = time.perf_counter()
                decoded, bgr = self._capture.retrieve()
                if decoded and bgr is not None:
                    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), clock_s
            waited_s = time.perf_counter() - begin_s
            if waited_s >= self._timeout_s:
                raise TimeoutError
            if self._can_end:
                return None
            self._closed.wait(_RETRY_S)
        return None

    def _release(self) -> None:
        if self._capture is not None:
            self._capture.release()


class _DeviceThread:
    """Makes calls that may hang in a driver on one daemon thread, so that the caller can give up waiting."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="capture device", daemon=True).start()

    def call(self, job: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        self._jobs.put((future, job))
        return future

    def finish(self) -> None:
        self._jobs.put(None)

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            future, job = item
            with contextlib.suppress(InvalidStateError):  # cancelled meanwhile: nobody waits for the answer
                try:
                    future.set_result(job())
                except Exception as error:
                    future.set_exception(error)


def open_camera(
    index: int,
    name: str | None = None,
    *,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    timeout_s: float = 5.0,
    end_s: float | None = None,
) -> LiveSource:
    """A webcam. ``size`` (width, height) and ``fps`` are wishes: the camera takes the nearest it can.

    Raises XnectError if there is no such camera or it sends nothing.
    """
    shown = name or f"camera {index}"

    def open_capture() -> cv2.VideoCapture:
        with _quiet_opencv():
            capture = cv2.VideoCapture(index, camera_backend())
        if not capture.isOpened():
            raise XnectError(
                shown,
                "cannot be opened: it is not there, another program uses it, or this one may not use cameras",
                "Plug it in, close other programs that show it, and allow camera access in the system's settings",
            )
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        if size is not None:
            # Over USB 2, uncompressed pictures beyond 640x480 come at 10 a second or less.
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
        if fps is not None:
            capture.set(cv2.CAP_PROP_FPS, fps)
        return capture

    return LiveSource(shown, open_capture, can_end=False, timeout_s=timeout_s, end_s=end_s)


def open_stream(url: str, *, timeout_s: float = 5.0, end_s: float | None = None) -> LiveSource:
    """A network stream (http, https, rtsp, rtmp, udp, tcp). Raises XnectError if nobody sends there."""

    def open_capture() -> cv2.VideoCapture:
        milliseconds = int(timeout_s * 1e3)
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, milliseconds, cv2.CAP_PROP_READ_TIMEOUT_MSEC, milliseconds]
        with _quiet_opencv():
            capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, limits)
        if not capture.isOpened():
            raise XnectError(url, "no video stream answers there", "Check the address and that the sender runs")
        return capture

    return LiveSource(url, open_capture, can_end=True, timeout_s=timeout_s, end_s=end_s)


@contextlib.contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Without OpenCV's warnings on the console: the error raised says it better."""
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(before)
