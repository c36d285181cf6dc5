"""Where frames come from: webcam, video file, pictures, network stream, drawn people. `open_source` tells them apart."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import TypedDict

from xnect_lite.capture.cameras import CameraInfo, find_camera, list_cameras
from xnect_lite.capture.devices import open_camera, open_stream
from xnect_lite.capture.images import IMAGE_SUFFIXES, ImageSource, image_files, natural_order
from xnect_lite.capture.live import LiveSource
from xnect_lite.capture.names import as_named, fitting_files, is_pattern
from xnect_lite.capture.source import Source
from xnect_lite.capture.synthetic import SyntheticSource
from xnect_lite.capture.video import VideoSource
from xnect_lite.errors import XnectError, shown_address

__all__ = [
    "CameraInfo",
    "ImageSource",
    "LiveSource",
    "Source",
    "SyntheticSource",
    "VideoSource",
    "check_source",
    "find_camera",
    "is_synthetic",
    "list_cameras",
    "natural_order",
    "open_camera",
    "open_source",
    "open_stream",
]

_STREAM = re.compile(r"(https?|rtsps?|rtmps?|udp|tcp|srt)://", re.IGNORECASE)
_SYNTHETIC = re.compile(r"synthetic(?::(\d+))?", re.IGNORECASE)
_PREFIX = "camera:"
_CAMERA = re.compile(r"(?:camera:|/dev/video)?(\d+)", re.IGNORECASE)


class _Limits(TypedDict):
    """What every live source takes."""

    timeout_s: float
    reconnect_s: float
    end_s: float | None


def open_source(
    spec: str | Path,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    fps: float | None = None,
    size: tuple[int, int] | None = None,
    timeout_s: float = 5.0,
    reconnect_s: float = 10.0,
) -> Source:
    """Open what ``spec`` names.

    - ``0``, ``camera:0``, ``/dev/video0``: a webcam by number
    - ``camera:NAME``, or a camera's name: a webcam by name (or by its path in `list_cameras`)
    - ``http://…``, ``rtsp://…``: a network stream
    - a folder, or a pattern with ``*``: pictures, sorted by name with numbers counted; ``%d`` and ``%04d`` stand for a number
    - a file, or a ``file://`` address: a picture or a video
    - ``-``: a video on standard input, in a format that needs no seeking
    - ``synthetic``, ``synthetic:3``: drawn people, 2 unless said otherwise

    Args:
        spec: one of these.
        start_s: seconds; only frames from here on. A live source has no start.
        end_s: seconds; only frames before this time.
        fps: pictures: how many make a second (30). Webcams: the rate wished for.
        size: webcams: the (width, height) wished for, pixels.
        timeout_s: live sources: longest wait for a frame.
        reconnect_s: live sources: how long to try to get back one that was unplugged or broke off.

    Raises:
        XnectError: if there is nothing of that name, it is no video, or no camera answers.
    """
    text = as_named(str(spec))
    shown = shown_address(text)
    if start_s is not None and not 0 <= start_s < math.inf:
        raise XnectError(shown, f"cannot start at {start_s:g} s", "Give a start of 0 or later")
    if end_s is not None and not end_s > (start_s or 0.0):
        raise XnectError(shown, f"the end, {end_s:g} s, is not after the start, {start_s or 0:g} s", "Choose a later end")

    live = _open_live(text, size, fps, _Limits(timeout_s=timeout_s, reconnect_s=reconnect_s, end_s=end_s))
    if live is not None:
        if start_s:
            live.close()
            raise XnectError(shown, "a live source cannot start later than now", "Leave the start out")
        return live

    path = _on_disk(text)
    if path is not None:
        if path.is_dir():
            return ImageSource(text, image_files(path), fps or 30.0, start_s, end_s)
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
            return ImageSource(text, [path], fps or 30.0, start_s, end_s)
        return VideoSource(path, start_s, end_s)
    if synthetic := _SYNTHETIC.fullmatch(text):
        return SyntheticSource(int(synthetic[1] or 2), start_s, end_s)
    if is_pattern(text):
        return ImageSource(text, fitting_files(text), fps or 30.0, start_s, end_s)
    raise _nothing_named(text)


def check_source(spec: str) -> None:
    """Raises XnectError if nothing is named ``spec``. Opens nothing, so ask before loading a network."""
    text = as_named(spec)
    is_address = _STREAM.match(text) or _CAMERA.fullmatch(text) or is_synthetic(text)
    if not (is_address or is_pattern(text) or _on_disk(text) or find_camera(_without_prefix(text))):
        raise _nothing_named(text)


def _on_disk(text: str) -> Path | None:
    """The file or folder of this name, None if there is none; pathlib would raise for ~nobody and for names too long."""
    name = os.path.expanduser(text)
    return Path(name) if os.path.exists(name) else None


def _nothing_named(text: str) -> XnectError:
    if not text:
        return XnectError("the source", "has no name", "Give a file, a folder, a camera or an address")
    if not text.lower().startswith(_PREFIX):
        return XnectError(text, "no such file, folder or camera", "Check the spelling")
    known = ", ".join(f"{c.index} ({c.name})" for c in list_cameras()) or "none"
    return XnectError(text, f"no camera of that name; cameras found: {known}", "Check the name, or give a number")


def _without_prefix(text: str) -> str:
    return text[len(_PREFIX) :].strip() if text.lower().startswith(_PREFIX) else text


def is_synthetic(spec: str) -> bool:
    """Whether ``spec`` asks for drawn people."""
    return _SYNTHETIC.fullmatch(spec.strip()) is not None


def _open_live(text: str, size: tuple[int, int] | None, fps: float | None, limits: _Limits) -> LiveSource | None:
    """The webcam or stream that ``text`` names, if it names one."""
    if _STREAM.match(text):
        return open_stream(text, **limits)
    number = _CAMERA.fullmatch(text)
    if number:
        return open_camera(int(number[1]), size=size, fps=fps, **limits)
    prefixed = text.lower().startswith(_PREFIX)
    if not prefixed and (is_synthetic(text) or _on_disk(text) or is_pattern(text)):
        return None  # a file wins over a camera of the same name
    camera = find_camera(_without_prefix(text))
    if camera is not None:
        return open_camera(camera.index, camera.name, size=size, fps=fps, **limits)
    if prefixed:
        raise _nothing_named(text)
    return None
