"""Which cameras are plugged in, by name."""

from __future__ import annotations

import platform
from dataclasses import dataclass

import cv2

from xnect_lite.errors import XnectError

# One way in per system, so that the numbers of `list_cameras` are those that opening takes.
# DirectShow, because Media Foundation takes 4 to 12 s to start some cameras.
_BACKENDS = {"Linux": cv2.CAP_V4L2, "Windows": cv2.CAP_DSHOW, "Darwin": cv2.CAP_AVFOUNDATION}


def camera_backend() -> int:
    """OpenCV's name for this system's way to its cameras."""
    return _BACKENDS.get(platform.system(), cv2.CAP_ANY)


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """One camera.

    index:   number by which OpenCV opens it; changes when cameras are plugged in or out.
    name:    what its maker calls it; two of the same make share it.
    path:    where it is plugged in, as the system writes it; "" = unknown. Settings should remember this.
    """

    index: int
    name: str
    path: str = ""


def list_cameras() -> list[CameraInfo]:
    """The cameras plugged in, without opening any; empty if the `gui` extra, which brings the means, is not installed."""
    try:
        from cv2_enumerate_cameras import enumerate_cameras
    except ImportError:
        return []
    try:
        found = enumerate_cameras(camera_backend())
    except (NotImplementedError, OSError):
        return []
    return sorted((CameraInfo(c.index, c.name, c.path or "") for c in found), key=lambda c: c.index)


def find_camera(text: str, cameras: list[CameraInfo] | None = None) -> CameraInfo | None:
    """The camera with this path or name (letter case does not matter), else the only one whose name contains it.

    Raises XnectError if several fit equally well.
    """
    cameras = list_cameras() if cameras is None else cameras
    wanted = text.casefold()
    if not wanted:
        return None
    for fits in (
        [c for c in cameras if c.path.casefold() == wanted],
        [c for c in cameras if c.name.casefold() == wanted],
        [c for c in cameras if wanted in c.name.casefold()],
    ):
        if len(fits) > 1:
            numbers = ", ".join(f"{c.index} ({c.name})" for c in fits)
            raise XnectError(f"camera '{text}'", f"several cameras have this name: {numbers}", "Give the number instead")
        if fits:
            return fits[0]
    return None
