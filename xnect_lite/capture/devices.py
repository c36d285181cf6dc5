"""Webcams and network streams, as OpenCV opens them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import av
import cv2

from xnect_lite.capture.cameras import camera_backend, find_camera
from xnect_lite.capture.live import LiveSource
from xnect_lite.errors import XnectError, shown_address


def open_camera(
    index: int,
    name: str | None = None,
    *,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    timeout_s: float = 5.0,
    reconnect_s: float = 10.0,
    end_s: float | None = None,
) -> LiveSource:
    """A webcam. ``size`` (width, height) and ``fps`` are wishes: the camera takes the nearest it can.

    Raises XnectError if there is no such camera or it sends nothing.
    """
    shown = name or f"camera {index}"

    def open_capture() -> cv2.VideoCapture:
        with _quiet_opencv():
            capture = cv2.VideoCapture(_number_now(index, name), camera_backend())
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

    return LiveSource(shown, open_capture, can_end=False, timeout_s=timeout_s, reconnect_s=reconnect_s, end_s=end_s)


def _number_now(index: int, name: str | None) -> int:
    """The number of the camera of this name: one that is plugged in again may get another."""
    try:
        camera = find_camera(name) if name else None
    except XnectError:  # twins: the number is all that tells them apart
        camera = None
    return camera.index if camera else index


_NOBODY = ("no video stream answers there", "Check the address and that the sender runs")


def _refusal(url: str, timeout_s: float) -> tuple[str, str]:
    """(cause, next step) of a stream that cannot be opened. OpenCV does not say; a second try by another way does."""
    try:
        av.open(url, timeout=timeout_s, metadata_errors="replace").close()
    except (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError):
        return "user or password refused", "Write them before the host: http://USER:PASSWORD@HOST/…, special characters as %XX"
    except av.error.HTTPNotFoundError:
        return "the sender runs, but has nothing of that name", "Check the path of the address"
    except Exception:  # whatever else it is, nobody sends there
        pass
    return _NOBODY


def open_stream(url: str, *, timeout_s: float = 5.0, reconnect_s: float = 10.0, end_s: float | None = None) -> LiveSource:
    """A network stream (http, https, rtsp, rtmp, udp, tcp). Raises XnectError if nobody sends there.

    One that breaks off is opened anew for ``reconnect_s`` seconds; a file that somebody serves simply ends. Its name is the
    address without what may be secret in it.
    """
    shown = shown_address(url)
    is_first = True

    def open_capture() -> cv2.VideoCapture:
        nonlocal is_first
        was_first, is_first = is_first, False
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # FFmpeg would say on the console what is said below, and more
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # for good: it warns of every stall
        milliseconds = int(timeout_s * 1e3)
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, milliseconds, cv2.CAP_PROP_READ_TIMEOUT_MSEC, milliseconds]
        capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, limits)
        if not capture.isOpened():
            raise XnectError(shown, *(_refusal(url, timeout_s) if was_first else _NOBODY))
        return capture

    return LiveSource(shown, open_capture, can_end=True, timeout_s=timeout_s, reconnect_s=reconnect_s, end_s=end_s)


@contextlib.contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Without OpenCV's warnings on the console: the error raised says it better."""
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(before)
