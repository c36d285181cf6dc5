"""Webcams and network streams, timed by this computer's clock, never waited for without end, opened anew when lost."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Protocol, TypeVar

import cv2
import numpy as np

from xnect_lite.capture.device_thread import DeviceThread
from xnect_lite.capture.source import Source
from xnect_lite.errors import XnectError
from xnect_lite.types import Frame

T = TypeVar("T")

_RETRY_S = 0.01  # between attempts on a camera that gave nothing
_LOST_S = 1.0  # a camera that gives nothing for so long is opened anew; a stream that ends is at once
_REOPEN_S = 0.25  # between attempts to open it anew
_TICK_S = 1e-6  # least step between two time stamps
_RELEASE_S = 0.5  # how much longer than it should take we wait for a driver that may hang


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
    timeout_s:     longest wait for a frame from a device that is there.
    reconnect_s:   how much longer to wait for one that is gone, opening it anew again and again; 0 = not at all.
    open_timeout_s: longest wait for the device to open and give its first frame.

    A stream that does not come back has ended, and ``warning`` says so. Raises XnectError, from here or from `read`, if the
    device cannot be opened or a camera keeps us waiting; `read` may be tried again, as the camera may come back.
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
        reconnect_s: float = 0.0,
        open_timeout_s: float = 20.0,
        end_s: float | None = None,
    ) -> None:
        self.name = name
        self.warning: str | None = None
        self.fps: float | None = None
        self._open_capture = open_capture
        self._can_end, self._timeout_s, self._reconnect_s, self._end_s = can_end, timeout_s, reconnect_s, end_s
        self._is_lost = threading.Event()  # set while the device's thread tries to get it back
        self._losses = 0
        self._taken_out = 0
        self._thread = DeviceThread()
        self._capture: Capture | None = None
        self._closed = threading.Event()
        self._lock = threading.Lock()  # between closing and asking for another frame
        self._pending: Future[tuple[np.ndarray, float] | None] | None = None
        self._ended = False
        self._index = 0
        self._last_t_s = -np.inf
        try:
            self._peeked = self._await(self._thread.call(self._start), open_timeout_s)
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
                self._pending = self._thread.call(self._next_picture)
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
            try:
                return future.result(timeout_s)
            except FutureTimeoutError:
                # A stream's own patience may end a moment after ours, and only then is it lost.
                is_stalled = self._can_end and self._reconnect_s > 0
                if future.done() or not (is_stalled or self._is_lost.is_set()):
                    raise
                timeout_s += self._reconnect_s
                # It ends by itself, unless the driver hangs; an attempt to open it anew may be under way by then.
                return future.result(self._reconnect_s + _RELEASE_S + (self._timeout_s if is_stalled else 0.0))
        except CancelledError:
            return None
        except (FutureTimeoutError, TimeoutError) as error:
            if future.done():  # it gave up by itself, after its own patience
                self._pending, timeout_s = None, self._timeout_s + self._reconnect_s
            raise XnectError(
                self.name, f"sent no picture for {timeout_s:g} s", "Check its cable or network, then open it again"
            ) from error
        except BaseException:
            self._pending = None
            raise

    # All below run on the device's thread.

    def _start(self) -> tuple[np.ndarray, float] | None:
        self._capture = self._open_capture()
        if not self._can_end:  # of streams, OpenCV makes the rate up
            fps = self._capture.get(cv2.CAP_PROP_FPS)
            self.fps = fps if fps > 0 else None
        return self._next_picture()

    def _next_picture(self) -> tuple[np.ndarray, float] | None:
        """((H, W, 3) RGB, clock seconds), or None at the end. Raises TimeoutError if a camera keeps failing."""
        begin_s = opened_s = time.perf_counter()
        patience_s = self._timeout_s + self._reconnect_s
        try:
            while not self._closed.is_set():
                has_ended = False
                if self._capture is not None and self._capture.grab():
                    clock_s = time.perf_counter()
                    rgb = to_rgb(*self._capture.retrieve())
                    if rgb is not None:
                        self._taken_out += 1
                        self._note_found()
                        return rgb, clock_s
                else:
                    has_ended = self._can_end
                now_s = time.perf_counter()
                if has_ended and (self._reconnect_s <= 0 or self._was_a_file()):
                    return None
                if now_s - begin_s >= patience_s:
                    if self._can_end:
                        self.warning = f"{self.name} broke off and did not come back for {patience_s:g} s"
                        return None
                    raise TimeoutError
                # A stream that ended is opened anew at once, and then every so often; a camera may only stutter.
                patient_s = (_REOPEN_S if self._is_lost.is_set() else 0.0) if has_ended else _LOST_S
                if self._reconnect_s > 0 and self._index > 0 and now_s - opened_s >= patient_s:
                    self._open_anew()
                    opened_s = time.perf_counter()
                self._closed.wait(_RETRY_S)
            return None
        finally:
            self._is_lost.clear()

    def _open_anew(self) -> None:
        """Let go of the device and open it again, if it is there."""
        self._is_lost.set()
        self.warning = f"{self.name} is gone; trying to get it back"
        self._release()
        self._capture, self._taken_out = None, 0
        with contextlib.suppress(XnectError):
            self._capture = self._open_capture()

    def _note_found(self) -> None:
        if self._is_lost.is_set():
            self._losses += 1
            times = "once" if self._losses == 1 else f"{self._losses} times"
            self.warning = f"{self.name} was gone {times} and came back"

    def _was_a_file(self) -> bool:
        """Whether what ended is as long as it said it would be."""
        if self._capture is None:
            return False
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        return 0 < count <= self._taken_out + 1  # containers are off by one

    def _release(self) -> None:
        if self._capture is not None:
            self._capture.release()


def to_rgb(decoded: bool, picture: np.ndarray | None) -> np.ndarray | None:
    """What a driver handed over, grey, BGR or BGRA of 8 or 16 bits, as (H, W, 3) uint8 RGB; None if it is no picture."""
    if not decoded or picture is None or picture.ndim not in (2, 3) or picture.size == 0:
        return None
    if picture.dtype == np.uint16:
        picture = (picture >> 8).astype(np.uint8)
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    code = {1: cv2.COLOR_GRAY2RGB, 3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGB}.get(channels)
    return None if code is None or picture.dtype != np.uint8 else cv2.cvtColor(picture, code)
