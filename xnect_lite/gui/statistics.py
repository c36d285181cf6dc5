"""How fast it goes: the figures of the latency overlay and the status bar. No Qt."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from xnect_lite.timer import StageStatistics, TimingWindow

WINDOW_FRAMES = 120
_WARM_UP_FRAMES = 10
_RATE_S = 2.0
_WAIT, _DRAW, _TOTAL, _END_TO_END = "#wait", "#draw", "#total", "#end"  # keys no stage can have


class RateMeter:
    """Events per second over the last two seconds."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()

    def mark(self, now_s: float, count: int) -> None:
        """``count``: events so far."""
        self._marks.append((now_s, count))
        while now_s - self._marks[0][0] > _RATE_S:
            self._marks.popleft()

    @property
    def per_s(self) -> float:
        """0 until two marks tell."""
        if len(self._marks) < 2:
            return 0.0
        (first_s, first), (last_s, last) = self._marks[0], self._marks[-1]
        return (last - first) / (last_s - first_s) if last_s > first_s else 0.0


@dataclass(frozen=True, slots=True)
class LatencyReport:
    """Milliseconds and counts of one run.

    stages:      name -> the pipeline's stages, in their order.
    total:       all of them, per frame.
    wait:        from a frame's arrival until the pipeline took it.
    draw:        preparing and painting the picture.
    end_to_end:  from a frame's arrival until its skeletons were on the screen.
    """

    stages: Mapping[str, StageStatistics] = field(default_factory=dict)
    total: StageStatistics | None = None
    wait: StageStatistics | None = None
    draw: StageStatistics | None = None
    end_to_end: StageStatistics | None = None
    fps_in: float = 0.0
    fps_out: float = 0.0
    received: int = 0
    processed: int = 0
    dropped: int = 0


class LatencyStatistics:
    """Collects the figures of one run; not locked, `Session` does that."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """A new run starts."""
        self._stages = TimingWindow(WINDOW_FRAMES, _WARM_UP_FRAMES)
        self._screen = TimingWindow(WINDOW_FRAMES, _WARM_UP_FRAMES)
        self._rate_in, self._rate_out = RateMeter(), RateMeter()
        self._received = self._processed = self._dropped = 0

    def processed(self, timings_ms: Mapping[str, float], wait_ms: float, received: int, dropped: int) -> None:
        """One frame came out of the pipeline. ``received`` and ``dropped`` count since the source was opened."""
        self._stages.add({_WAIT: wait_ms, **timings_ms, _TOTAL: sum(timings_ms.values())})
        self._processed += 1
        self._received, self._dropped = received, dropped
        now_s = self._clock()
        self._rate_in.mark(now_s, received)
        self._rate_out.mark(now_s, self._processed)

    def painted(self, draw_ms: float, end_to_end_ms: float) -> None:
        """One result is on the screen."""
        self._screen.add({_DRAW: draw_ms, _END_TO_END: end_to_end_ms})

    def report(self) -> LatencyReport:
        """The figures now; stages are empty while the first frames warm up."""
        stages, screen = self._stages.statistics(), self._screen.statistics()
        wait, total = stages.pop(_WAIT, None), stages.pop(_TOTAL, None)
        return LatencyReport(
            stages,
            total,
            wait,
            screen.get(_DRAW),
            screen.get(_END_TO_END),
            self._rate_in.per_s,
            self._rate_out.per_s,
            self._received,
            self._processed,
            self._dropped,
        )
