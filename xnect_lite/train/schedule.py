"""Learning-rate schedule, the clock that can end a run, and what is due every few minutes."""

from __future__ import annotations

import math
import time


def learning_rate(
    base: float, step: int, progress: float, warm_up_steps: int, final_rate: float, decay_share: float = 1.0
) -> float:
    """Linear warm-up over steps, the full rate, then a cosine down to ``final_rate`` of it.

    The cosine takes the last ``decay_share`` of ``progress`` (0..1). With a small share, a run can be prolonged again and again
    from a state of its constant part, and annealed from any of them.
    """
    decayed = (min(max(progress, 0.0), 1.0) - 1) / max(decay_share, 1e-9) + 1
    cosine = final_rate + (1 - final_rate) * 0.5 * (1 + math.cos(math.pi * max(decayed, 0.0)))
    return base * cosine * min(1.0, (step + 1) / max(1, warm_up_steps))


class Budget:
    """How far a run is: by the clock if it was given minutes, else by steps. Seconds of earlier sittings count."""

    def __init__(self, minutes: float, steps: int, spent_s: float = 0.0) -> None:
        self.minutes, self.steps = minutes, steps
        self._spent_s, self._begin = spent_s, time.monotonic()

    @property
    def spent_s(self) -> float:
        """Seconds of training so far, all sittings together."""
        return self._spent_s + time.monotonic() - self._begin

    def progress(self, step: int) -> float:
        """0 at the start, 1 when the run is over."""
        return self.spent_s / (60 * self.minutes) if self.minutes > 0 else step / max(1, self.steps)


class Due:
    """Something to do every so many minutes, for the first time that long after the start."""

    def __init__(self, every_minutes: float) -> None:
        self._every_s, self._begin = 60 * every_minutes, time.monotonic()

    @property
    def now(self) -> bool:
        """Whether it is time."""
        return time.monotonic() - self._begin > self._every_s

    def restart(self) -> None:
        """It was done."""
        self._begin = time.monotonic()
