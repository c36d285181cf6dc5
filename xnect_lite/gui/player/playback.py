"""Where a take that is played stands, and how it moves on. No Qt: a clock is given, and somebody ticks."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)


class Playback:
    """A position in a take's frames.

    t_s: (N,) seconds of the frames, increasing; at least one.

    Playing runs from the in mark to the out mark, then stops, or starts again where ``loop`` is on. Seeking beyond a mark is
    allowed; playing goes on from there.
    """

    def __init__(self, t_s: np.ndarray, clock: Callable[[], float] = time.perf_counter) -> None:
        if len(t_s) == 0:
            raise ValueError("a take without frames cannot be played")
        self._t_s = np.asarray(t_s, float)
        self._clock = clock
        self.frame = 0
        self.loop = False
        self.mark_in, self.mark_out = 0, len(t_s) - 1
        self._speed = 1.0
        self._since: tuple[float, float] | None = None  # clock and seconds of the take when playing began

    def __len__(self) -> int:
        return len(self._t_s)

    @property
    def is_playing(self) -> bool:
        """Whether `tick` moves it on."""
        return self._since is not None

    @property
    def t_s(self) -> float:
        """Seconds of the frame it stands at."""
        return float(self._t_s[self.frame])

    def t_s_of(self, frame: int) -> float:
        """Seconds of a frame."""
        return float(self._t_s[frame])

    @property
    def duration_s(self) -> float:
        """From the first frame to the last."""
        return float(self._t_s[-1] - self._t_s[0])

    @property
    def speed(self) -> float:
        """Seconds of the take per second."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._speed = speed
        self._restart()

    @property
    def has_marks(self) -> bool:
        """Whether less than the whole take is between the marks."""
        return (self.mark_in, self.mark_out) != (0, len(self) - 1)

    def frame_at(self, t_s: float) -> int:
        """The frame shown at this second: the last that is not later."""
        return int(np.clip(np.searchsorted(self._t_s, t_s + 1e-6, side="right") - 1, 0, len(self) - 1))

    def nearest(self, t_s: float) -> int:
        """The frame nearest to this second."""
        after = int(np.clip(np.searchsorted(self._t_s, t_s), 1, max(1, len(self) - 1)))
        if len(self) < 2:
            return 0
        return after if self._t_s[after] - t_s < t_s - self._t_s[after - 1] else after - 1

    def play(self) -> None:
        """Go on from here; from the in mark if it stands at the end."""
        if self.frame >= self.mark_out:
            self.frame = self.mark_in
        self._since = (self._clock(), self.t_s)

    def pause(self) -> None:
        """Stay at this frame."""
        self._since = None

    def toggle(self) -> None:
        """Play or pause."""
        if self.is_playing:
            self.pause()
        else:
            self.play()

    def seek(self, frame: int) -> bool:
        """Stand at this frame; playing goes on from there. True if it stood elsewhere."""
        frame = int(np.clip(frame, 0, len(self) - 1))
        has_moved, self.frame = frame != self.frame, frame
        self._restart()
        return has_moved

    def step(self, frames: int) -> bool:
        """Pause, and move by so many frames. True if it moved."""
        self.pause()
        return self.seek(self.frame + frames)

    def set_in(self, frame: int | None = None) -> None:
        """Mark the begin here; an end before it is taken away."""
        self.mark_in = self.frame if frame is None else int(np.clip(frame, 0, len(self) - 1))
        if self.mark_out < self.mark_in:
            self.mark_out = len(self) - 1

    def set_out(self, frame: int | None = None) -> None:
        """Mark the end here; a begin after it is taken away."""
        self.mark_out = self.frame if frame is None else int(np.clip(frame, 0, len(self) - 1))
        if self.mark_in > self.mark_out:
            self.mark_in = 0

    def clear_marks(self) -> None:
        """The whole take again."""
        self.mark_in, self.mark_out = 0, len(self) - 1

    def tick(self) -> bool:
        """Move on by the clock. True if another frame is to be shown, or it has come to a stop."""
        if self._since is None:
            return False
        clock_s, from_s = self._since
        now_s = from_s + self._speed * (self._clock() - clock_s)
        end = self.mark_out if self.frame <= self.mark_out else len(self) - 1
        if now_s > self._t_s[end] + self._last_s(end):
            if self.loop:
                self.frame = self.mark_in
                self._restart()
            else:
                self.frame = end
                self.pause()
            return True
        frame = min(self.frame_at(now_s), end)
        has_moved, self.frame = frame != self.frame, frame
        return has_moved

    def _last_s(self, frame: int) -> float:
        """How long the last frame stands: as long as the one before it."""
        return float(self._t_s[frame] - self._t_s[frame - 1]) if frame else 0.0

    def _restart(self) -> None:
        if self._since is not None:
            self._since = (self._clock(), self.t_s)
