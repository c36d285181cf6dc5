"""The offline runner: every frame of a source, none dropped, into a take folder."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xnect_lite.capture import Source
from xnect_lite.errors import XnectError
from xnect_lite.pipeline import Pipeline
from xnect_lite.record.bvh import BvhOptions
from xnect_lite.record.overlay import OverlayWriter
from xnect_lite.record.second_pass import second_pass_of
from xnect_lite.record.take import TakeRecorder, TakeSummary
from xnect_lite.record.take_folder import Take, read_info, write_info
from xnect_lite.runners.ahead import read_ahead
from xnect_lite.runners.live import LatestFrame
from xnect_lite.runners.second_look.look import look_again
from xnect_lite.runners.second_look.sightings import Sightings
from xnect_lite.runners.side_by_side import detections
from xnect_lite.timer import StageStatistics, TimingWindow
from xnect_lite.types import Frame, PoseResult, RunsOn


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
    runs_on: RunsOn
    warning: str | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for --json."""
        values = dataclasses.asdict(self)
        values |= values.pop("runs_on")
        values["take"]["folder"] = str(self.take.folder)
        values["take"]["files"] = values["files"] = [str(f) for f in self.files]
        return values


def process_source(
    source: Source,
    pipeline: Pipeline,
    folder: Path,
    *,
    overlay: bool = True,
    on_frame: Callable[[PoseResult], None] | None = None,
    job: Mapping[str, Any] | None = None,
    video: bool = True,
    names: Mapping[int, str] | None = None,
    people: str | Sequence[int] = "all",
) -> ProcessReport:
    """Run every frame of ``source`` through ``pipeline`` and write a take into ``folder``, which is made with the first frame.

    Of a live source, each time the newest frame.
    An interrupt or an error ends the take early; what was recorded so far is kept and readable.

    Args:
        source: open; read to its end.
        pipeline: reset first.
        folder: of the take.
        overlay: write overlay.mp4 as well.
        on_frame: called with every result.
        job: written into take.json, with ``complete: true`` once the source has come to its end.
        video: of a live source, keep every frame in video.mp4, for another run.
        names: id -> name, as in `TakeRecorder`.
        people: who is written, as in `TakeRecorder`.

    Raises:
        XnectError: for a source without frames, and where the folder or the disk refuses.
    """
    pipeline.reset()
    fps = source.fps or 30.0
    window, frames, with_people, begin = TimingWindow(length=None), 0, 0, time.perf_counter()
    recorder: TakeRecorder | None = None
    sightings = Sightings() if pipeline.config.whole_clip.quality != "fast" else None
    is_whole = False

    def finish(recorder: TakeRecorder) -> None:
        second_pass = second_pass_of(pipeline.config)
        if not is_whole or sightings is None:  # an interrupt waits for nothing
            recorder.close(second_pass)
            return

        def second_look(take: Take) -> Take:
            take, note = look_again(take, sightings, pipeline)
            write_info(folder, read_info(folder) | {"second_look": note})
            return second_pass(take) if second_pass else take

        recorder.close(second_look)

    writer = OverlayWriter(folder / "overlay.mp4", fps) if overlay else None
    opening = threading.Lock()

    def recording() -> TakeRecorder:
        """The recorder, made with the first frame."""
        nonlocal recorder
        with opening:
            if recorder is None:
                recorder = TakeRecorder(
                    folder, source=source.name, fps=source.fps, config=pipeline.config, bvh=BvhOptions(fps=fps), job=job,
                    video=video and source.live, names=names, people=people,
                )  # fmt: skip
        return recorder

    with contextlib.ExitStack() as closing:
        if sightings is not None:
            closing.callback(sightings.close)
        closing.callback(lambda: None if recorder is None else finish(recorder))
        if writer:
            closing.callback(writer.close)
        frames_of: Iterable[Frame]
        if source.live:
            kept = (lambda frame: recording().add_video(frame)) if video else None
            frames_of = closing.enter_context(LatestFrame(source, on_frame=kept))
        else:
            frames_of = closing.enter_context(contextlib.closing(read_ahead(source)))
        for detection in closing.enter_context(contextlib.closing(detections(frames_of, pipeline))):
            if sightings is not None:
                sightings.add(detection)
            result = pipeline.follow(detection)
            recording().add(result)
            if writer:
                writer.add(result)
            window.add(dict(result.timings_ms))
            frames += 1
            with_people += len(result.people) > 0
            if on_frame:
                on_frame(result)
        is_whole = True
    if recorder is None:
        raise XnectError(source.name, "has no frames in the part asked for", "Check --start and --end")
    take = recorder.close()  # closed already: this only asks for its summary
    if source.warning:
        recorder.log(source.warning)
    if job is not None:
        write_info(folder, read_info(folder) | {"job": {**job, "complete": True}})
    seconds = time.perf_counter() - begin
    files = (*take.files, *([folder / "overlay.mp4"] if overlay else []))
    return ProcessReport(
        take, files, frames, with_people, seconds, frames / seconds, window.statistics(), pipeline.runs_on, source.warning
    )  # fmt: skip
