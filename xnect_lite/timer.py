"""The one stage timer: the app's overlay, the CLI summary and the tests read the same numbers.

On the CPU it reads a monotonic clock. On a GPU a stage is bracketed by CUDA events and waited for at its end: the stage
after it reads its result on the host and would wait all the same, and so the wait is charged to the stage that caused it.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np


class StageTimer:
    """Times the stages of one frame.

    with timer.stage("network"):
        ...
    timings_ms = timer.finish_frame()
    """

    def __init__(self) -> None:
        self._ms: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, cuda: bool = False) -> Iterator[None]:
        """Charge the enclosed work to ``name``. ``cuda=True`` times the current CUDA stream instead of the clock."""
        if cuda:
            import torch

            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            try:
                yield
            finally:
                end.record()
                end.synchronize()
                self._ms[name] = self._ms.get(name, 0.0) + start.elapsed_time(end)
        else:
            begin = time.perf_counter()
            try:
                yield
            finally:
                self._ms[name] = self._ms.get(name, 0.0) + (time.perf_counter() - begin) * 1e3

    def finish_frame(self) -> dict[str, float]:
        """Stage name -> milliseconds of the frame just done, in order of first use; starts the next frame."""
        done, self._ms = self._ms, {}
        return done


@dataclass(frozen=True, slots=True)
class StageStatistics:
    """Milliseconds of one stage over the window."""

    p50_ms: float
    p95_ms: float
    count: int


class TimingWindow:
    """Median and 95th percentile of each stage over the last ``length`` frames, the first ``warm_up`` left out."""

    def __init__(self, length: int | None = 120, warm_up: int = 10) -> None:
        self._warm_up = warm_up
        self._rows: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=length))

    def add(self, timings_ms: dict[str, float]) -> None:
        """Take in one frame's timings."""
        if self._warm_up > 0:
            self._warm_up -= 1
            return
        for name, ms in timings_ms.items():
            self._rows[name].append(ms)

    def statistics(self) -> dict[str, StageStatistics]:
        """Stage name -> statistics, in order of first use; empty until the warm-up is over."""
        return {
            name: StageStatistics(float(np.percentile(row, 50)), float(np.percentile(row, 95)), len(row))
            for name, row in self._rows.items()
        }
