"""How fast it goes: the figures of the latency overlay and the status bar. No Qt."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from xnect_lite.timer import StageStatistics, TimingWindow

WINDOW_FRAMES = 120
_WARM_UP_FRAMES = 10
_RATE_S = 2.0
_HISTORY_FRAMES = 300
_CAPTURE, _WAIT, _TOTAL = "#capture", "#wait", "#total"  # keys no stage can have
_HANDOVER, _DRAW, _END_TO_END = "#handover", "#draw", "#end"


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
    capture:     reading and decoding a frame of a file; None for cameras.
    wait:        from a frame's arrival until the pipeline took it.
    handover:    from the pipeline's result until the window takes it up.
    draw:        from there until it is on the screen.
    end_to_end:  from the begin of capture, or a camera frame's arrival, until its skeletons were on the screen.
    history_ms:  end to end of the last frames, oldest first.
    notes:       what else is known of the run, in words: memory of a GPU, work of a dynamic network.
    """

    stages: Mapping[str, StageStatistics] = field(default_factory=dict)
    total: StageStatistics | None = None
    wait: StageStatistics | None = None
    draw: StageStatistics | None = None
    end_to_end: StageStatistics | None = None
    capture: StageStatistics | None = None
    handover: StageStatistics | None = None
    history_ms: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    fps_in: float = 0.0
    fps_out: float = 0.0
    received: int = 0
    processed: int = 0
    dropped: int = 0

    @property
    def parts(self) -> list[tuple[str, StageStatistics]]:
        """What end to end is made of, in order of time."""
        ends = [("capture", self.capture), ("wait", self.wait)], [("hand over", self.handover), ("draw", self.draw)]
        named = [*ends[0], *self.stages.items(), *ends[1]]
        return [(name, row) for name, row in named if row is not None]


class LatencyStatistics:
    """Collects the figures of one run; not locked, `Session` does that."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.notes: tuple[str, ...] = ()
        self.reset()

    def reset(self) -> None:
        """A new run starts."""
        self._stages = TimingWindow(WINDOW_FRAMES, _WARM_UP_FRAMES)
        self._screen = TimingWindow(WINDOW_FRAMES, _WARM_UP_FRAMES)
        self._rate_in, self._rate_out = RateMeter(), RateMeter()
        self._history_ms: deque[float] = deque(maxlen=_HISTORY_FRAMES)
        self._received = self._processed = self._dropped = 0

    def processed(
        self, timings_ms: Mapping[str, float], wait_ms: float, received: int, dropped: int, capture_ms: float = math.nan
    ) -> None:
        """One frame came out of the pipeline. ``received`` and ``dropped`` count since the source was opened."""
        captured = {} if math.isnan(capture_ms) else {_CAPTURE: capture_ms}
        self._stages.add({**captured, _WAIT: wait_ms, **timings_ms, _TOTAL: sum(timings_ms.values())})
        self._processed += 1
        self._received, self._dropped = received, dropped
        now_s = self._clock()
        self._rate_in.mark(now_s, received)
        self._rate_out.mark(now_s, self._processed)

    def reconfigured(self) -> None:
        """Another network from here on: what stages and screen took is measured anew, frames are counted on."""
        self._stages = TimingWindow(WINDOW_FRAMES, _WARM_UP_FRAMES)
        self._screen = TimingWindow(WINDOW_FRAMES, _WARM_UP_FRAMES)

    def painted(self, draw_ms: float, end_to_end_ms: float, handover_ms: float = 0.0) -> None:
        """One result is on the screen."""
        self._screen.add({_HANDOVER: handover_ms, _DRAW: draw_ms, _END_TO_END: end_to_end_ms})
        self._history_ms.append(end_to_end_ms)

    def report(self) -> LatencyReport:
        """The figures now; stages are empty while the first frames warm up."""
        stages, screen = self._stages.statistics(), self._screen.statistics()
        capture, wait, total = (stages.pop(key, None) for key in (_CAPTURE, _WAIT, _TOTAL))
        return LatencyReport(
            stages,
            total,
            wait,
            screen.get(_DRAW),
            screen.get(_END_TO_END),
            capture,
            screen.get(_HANDOVER),
            tuple(self._history_ms),
            self.notes,
            self._rate_in.per_s,
            self._rate_out.per_s,
            self._received,
            self._processed,
            self._dropped,
        )
