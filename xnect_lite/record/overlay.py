"""A video of the frames with skeletons drawn on them."""

from __future__ import annotations

from pathlib import Path

from xnect_lite.record.painting import draw_overlay
from xnect_lite.record.video import VideoWriter
from xnect_lite.types import PoseResult


class OverlayWriter:
    """H.264 at the frames' own time stamps; see `video.VideoWriter`. Raises XnectError where FFmpeg or the disk refuses."""

    def __init__(self, path: Path, fps: float) -> None:
        self._video = VideoWriter(path, fps, remedy="leave the video out: --no-overlay")

    def add(self, result: PoseResult) -> None:
        """Draw and encode one frame."""
        self._video.add(draw_overlay(result.frame.image, result.people), result.frame.t_s)

    def close(self) -> None:
        """Finish the file. May be called twice."""
        self._video.close()
