"""What grows while the pipeline runs for long: memory, open files, threads, time per frame. Slopes over the run, per hour."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from statistics import median

import numpy as np

from xnect_lite.capture import open_source
from xnect_lite.errors import XnectError
from xnect_lite.pipeline import Pipeline
from xnect_lite.runners.offline import process_source
from xnect_lite.types import PoseResult

_STATUS, _OPEN = Path("/proc/self/status"), Path("/proc/self/fd")
_PLAY_S = 20.0  # of the source, after which it is opened anew


@dataclass(frozen=True)
class Sample:
    """One look at the process.

    at_s: seconds since the soak began.   frame_ms: median of all stages together since the sample before.
    """

    at_s: float
    memory_mib: float
    open_files: float
    threads: float
    frame_ms: float


@dataclass(frozen=True)
class Trend:
    """One quantity over the run: medians of the first and last quarter of the samples, slope of a line after the first.

    In the first quarter the program is still taking what it will keep.
    """

    name: str
    first: float
    last: float
    per_hour: float


def soak(
    source: str, pipeline: Pipeline, minutes: float, every_s: float = 5.0, on_sample: Callable[[Sample], object] | None = None
) -> list[Sample]:
    """Play ``source`` again and again for so long, each time into a take that is then removed, and look every few seconds.

    Raises XnectError where the system does not tell what a process holds.
    """
    if not _STATUS.exists():
        raise XnectError("soak", "reads /proc, which this system has not", "Run it on Linux")
    samples: list[Sample] = []
    times_ms: list[float] = []
    begin_s = looked_s = time.monotonic()

    def on_frame(result: PoseResult) -> None:
        nonlocal looked_s
        times_ms.append(sum(result.timings_ms.values()))
        now_s = time.monotonic()
        if now_s - looked_s >= every_s:
            looked_s = now_s
            samples.append(Sample(now_s - begin_s, *_held(), median(times_ms)))
            times_ms.clear()
            if on_sample:
                on_sample(samples[-1])
        if now_s - begin_s >= 60 * minutes:
            raise _Enough

    folder = Path(tempfile.mkdtemp(prefix="xnect-soak-"))
    try:
        with contextlib.suppress(_Enough):
            while True:
                with open_source(source, end_s=_PLAY_S) as opened:
                    process_source(opened, pipeline, folder / "take", on_frame=on_frame)
                shutil.rmtree(folder / "take")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return samples


class _Enough(Exception):
    """The time is up."""


def _held() -> tuple[float, float, float]:
    """(MiB in memory, open files, threads) of this process."""
    status = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines() if ":" in line)
    return int(status["VmRSS"].split()[0]) / 1024, len(list(_OPEN.iterdir())), int(status["Threads"])


def trends(samples: Sequence[Sample]) -> list[Trend]:
    """How each quantity went. Raises XnectError for fewer than four samples, which say nothing."""
    if len(samples) < 4:
        raise XnectError("soak", f"has {len(samples)} samples, which say nothing", "Give more --minutes")
    table = np.array([astuple(sample) for sample in samples])
    hours, quarter = table[:, 0] / 3600, len(table) // 4
    found = []
    for column, field in enumerate(fields(Sample)[1:], 1):
        values = table[:, column]
        slope = float(np.polyfit(hours[quarter:], values[quarter:], 1)[0])
        found.append(Trend(field.name, float(np.median(values[:quarter])), float(np.median(values[-quarter:])), slope))
    return found
