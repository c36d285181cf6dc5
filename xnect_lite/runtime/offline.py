"""The offline runner: every frame of a source, none dropped, into a take folder."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from xnect_lite.capture import Source
from xnect_lite.errors import XnectError
from xnect_lite.painting import draw_overlay
from xnect_lite.pipeline import Pipeline
from xnect_lite.record.bvh import BvhOptions
from xnect_lite.record.take import TakeRecorder, TakeSummary
from xnect_lite.runtime.timer import StageStatistics, TimingWindow
from xnect_lite.types import PoseResult


@dataclasses.dataclass(frozen=True)
class ProcessReport:
    """What one run did. ``frames_per_s`` is over the whole run, decoding and writing included."""

    take: TakeSummary
    files: tuple[Path, ...]
    frames: int
    frames_with_people: int
    seconds: float
    frames_per_s: float
    stages: dict[str, StageStatistics]
    device: str
    backend: str
    precision: str
    backbone: str
    warning: str | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for --json."""
        values = dataclasses.asdict(self)
        values["take"]["folder"] = str(self.take.folder)
        values["take"]["files"] = values["files"] = [str(f) for f in self.files]
        return values


class OverlayWriter:
    """An H.264 video of the frames with skeletons drawn on them, at the frames' own time stamps."""

    def __init__(self, path: Path, fps: float) -> None:
        self._path, self._fps = path, fps
        self._container = av.open(str(path), "w")
        self._stream: Any = None
        self._last_pts = -1

    def add(self, result: PoseResult) -> None:
        """Draw and encode one frame."""
        picture = draw_overlay(result.frame.image, result.people)
        picture = np.ascontiguousarray(
            picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]
        )  # 4:2:0 needs even sides
        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=Fraction(self._fps).limit_denominator(1001))
            self._stream.height, self._stream.width = picture.shape[:2]
            self._stream.pix_fmt = "yuv420p"
            self._stream.options = {"crf": "23", "preset": "veryfast"}
            self._stream.codec_context.time_base = Fraction(1, 90000)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = self._last_pts = max(round(result.frame.t_s * 90000), self._last_pts + 1)
        frame.time_base = Fraction(1, 90000)
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Finish the file."""
        if self._stream is not None:
            self._container.mux(self._stream.encode())
        self._container.close()


def process_source(
    source: Source,
    pipeline: Pipeline,
    folder: Path,
    *,
    overlay: bool = True,
    on_frame: Callable[[PoseResult], None] | None = None,
) -> ProcessReport:
    """Run every frame of ``source`` through ``pipeline`` and write a take into ``folder``.

    An interrupt or an error ends the take early; what was recorded so far is kept and readable.
    """
    pipeline.reset()
    fps = source.fps or 30.0
    recorder = TakeRecorder(folder, source=source.name, fps=source.fps, config=pipeline.config, bvh=BvhOptions(fps=fps))
    window, frames, with_people, begin = TimingWindow(length=None), 0, 0, time.perf_counter()
    writer: OverlayWriter | None = None
    try:
        if overlay:
            writer = OverlayWriter(folder / "overlay.mp4", fps)
        for frame in source:
            result = pipeline.process(frame)
            recorder.add(result)
            if writer:
                writer.add(result)
            window.add(dict(result.timings_ms))
            frames += 1
            with_people += len(result.people) > 0
            if on_frame:
                on_frame(result)
    finally:
        try:
            if writer:
                writer.close()
        finally:
            take = recorder.close()
    if frames == 0:
        raise XnectError(source.name, "has no frames in the part asked for", "Check --start and --end")
    seconds = time.perf_counter() - begin
    files = (*take.files, *([folder / "overlay.mp4"] if overlay else []))
    return ProcessReport(
        take, files, frames, with_people, seconds, frames / seconds, window.statistics(),
        pipeline.device_name, pipeline.backend, pipeline.precision, pipeline.backbone, source.warning,
    )  # fmt: skip
