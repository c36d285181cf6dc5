"""One file from first frame to last on the caller's thread: progress, results to look at, and a way to stop that keeps all.

The same job as `xnect-lite process` runs: `batch.run_job`.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from xnect_lite.config import PipelineConfig, Quality, WholeClipConfig
from xnect_lite.runners.events import FileOutcome, Progress
from xnect_lite.types import Frame, PoseResult

if TYPE_CHECKING:
    import numpy as np

    from xnect_lite.pipeline import Detection, Pipeline
    from xnect_lite.runners.batch import Job

_TOLD_S = 0.1  # between two reports of progress
_SETTLED_S = 1.0  # before which a rate says nothing


@dataclasses.dataclass(frozen=True, slots=True)
class FileJob:
    """A file to be processed.

    quality: fast, normal or best, as `WholeClipConfig` says.
    overlay: also write a video of the picture with skeletons in it.
    again:   even if there is a take of it with these settings.
    """

    source: str
    takes: Path
    quality: Quality = "normal"
    overlay: bool = False
    again: bool = False


class _Cancelled(BaseException):
    """Leaves the run through everything that catches exceptions; what was recorded is closed on the way."""


class _Watched:
    """A pipeline whose results somebody looks at."""

    def __init__(self, pipeline: Any, look: Callable[[PoseResult, float], None]) -> None:
        self._pipeline, self._look = pipeline, look
        self._begun: dict[int, float] = {}  # by the frame's number

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipeline, name)

    def detect(self, frame: Frame) -> Detection:
        self._begun[frame.index] = time.perf_counter()
        detection: Detection = self._pipeline.detect(frame)
        return detection

    def follow(self, detection: Detection, clothes: np.ndarray | None = None) -> PoseResult:
        result: PoseResult = self._pipeline.follow(detection, clothes)
        begin_s = self._begun.pop(detection.frame.index, None)
        if begin_s is not None:  # the first time: a second look at the whole clip is not shown
            self._look(result, begin_s)
        return result


def config_of(config: PipelineConfig, quality: Quality) -> PipelineConfig:
    """``config`` for a file at this quality."""
    return dataclasses.replace(config, whole_clip=WholeClipConfig(quality=quality))


def earlier_take(job: FileJob, config: PipelineConfig) -> Path | None:
    """The whole take that was made of this file with these settings, if there is one."""
    known = _batch_job(job, config)
    folder, is_complete = _batch().takes_of(job.takes).get(known.key, (None, False)) if known.key else (None, False)
    return folder if is_complete else None


def process_file(
    job: FileJob,
    pipeline: Pipeline,
    config: PipelineConfig,
    *,
    look: Callable[[PoseResult, float], None],
    tell: Callable[[Progress], None],
    goes_on: Callable[[], bool],
) -> FileOutcome:
    """Process ``job`` into a new take.

    config:  what ``pipeline`` was made of.
    look:    is given every result, and the clock when the pipeline took its frame.
    tell:    is told how far it is, ten times a second.
    goes_on: asked after every frame; False ends the run, and what was done so far is a take.
    """
    task = _batch_job(job, config)
    meter = _Meter(Path(job.source).name or job.source, tell)
    before = _folders(job.takes)

    def progress(frames: int, total: int | None) -> None:
        meter.add(frames, total)
        if frames and not goes_on():
            raise _Cancelled

    try:
        outcome = _batch().run_job(task, _Watched(pipeline, look), progress)  # type: ignore[arg-type]
    except _Cancelled:
        kept = _folders(job.takes) - before
        return FileOutcome(job.source, next(iter(kept), None), meter.done, meter.total, is_cancelled=True)
    report = outcome.report or {}
    return FileOutcome(
        job.source,
        Path(outcome.folder) if outcome.folder else None,
        meter.done,
        meter.total,
        problem=outcome.error,
        details=outcome.details,
        warning=report.get("warning") or "",
    )


class _Meter:
    """Counts frames, and tells of them now and then."""

    def __init__(self, name: str, tell: Callable[[Progress], None]) -> None:
        self._name, self._tell = name, tell
        self.done, self.total = 0, None
        self._begin_s: float | None = None
        self._told_s = -1e9

    done: int
    total: int | None

    def add(self, frames: int, total: int | None) -> None:
        now_s = time.perf_counter()
        self.total = total or self.total
        self.done += frames
        if self._begin_s is None:
            self._begin_s = now_s
        is_last = self.total is not None and self.done >= self.total
        if now_s - self._told_s >= _TOLD_S or is_last:
            self._told_s = now_s
            self._tell(self._progress(now_s - self._begin_s))

    def _progress(self, spent_s: float) -> Progress:
        fps = self.done / spent_s if spent_s > 0 else 0.0
        is_settled = spent_s > _SETTLED_S and fps > 0
        eta_s = max(0, self.total - self.done) / fps if self.total and is_settled else None
        return Progress(self._name, self.done, self.total, fps, eta_s)


def _batch_job(job: FileJob, config: PipelineConfig) -> Job:
    (task,) = _batch().make_jobs([job.source], job.takes, config, overlay=job.overlay)
    return task


def _folders(takes: Path) -> set[Path]:
    return {path.parent for path in takes.glob("*/take.json")}


def _batch() -> ModuleType:
    """Whose libraries take seconds to import: no window waits for them."""
    from xnect_lite.runners import batch

    return batch
