"""One steady line of time from the stamps of a file, which may be missing, repeated, jump for good or be off for a moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

LONGEST_PAUSE_S = 60.0
"""A recording may pause; stamps that jump by more are no pause but another clock, and are joined."""
LOOK_AHEAD = 6
"""Frames after an odd one that are asked whether the clock has gone back to what it was."""
_ODD_S, _ODD_STEPS = 1.0, 10.0  # a step longer than both is looked into
_TICK_S = 1e-6  # least step between two frames
_SAME_RATE = 0.05  # relative difference up to which two frame rates are one
_MOST_FPS = 1000.0

Following = Callable[[int], Sequence["float | None"]]
"""How many -> the stamps of so many frames to come, fewer at the end."""


class TimeLine:
    """Turns stamps into seconds that increase strictly.

    step_s: the usual time from frame to frame.
    warning: what was mended, in words, naming the first frame; "" = nothing.
    """

    def __init__(self, name: str, step_s: float) -> None:
        self._name, self._step_s = name, step_s
        self._offset_s = 0.0
        self._last_s: float | None = None
        self._frame = 0
        self._jumps = self._strays = 0
        self.warning = ""

    def place(self, stamp_s: float | None, following: Following) -> float:
        """Seconds of the next frame. ``stamp_s``: what the file says, None = nothing."""
        t_s = self._place(stamp_s, following)
        if self._last_s is not None:
            t_s = max(t_s, self._last_s + _TICK_S)
        self._last_s, self._frame = t_s, self._frame + 1
        return t_s

    def _place(self, stamp_s: float | None, following: Following) -> float:
        last_s = self._last_s
        if last_s is None:
            return 0.0 if stamp_s is None else stamp_s
        if stamp_s is None:
            return last_s + self._step_s
        step_s = stamp_s + self._offset_s - last_s
        if 0 < step_s <= max(_ODD_S, _ODD_STEPS * self._step_s):
            return last_s + step_s
        soon_s = [s + self._offset_s - last_s for s in following(LOOK_AHEAD) if s is not None]
        most_s = max(_ODD_S, _ODD_STEPS * self._step_s) + LOOK_AHEAD * self._step_s
        back = next((k for k, s in enumerate(soon_s, 1) if 0 < s < min(most_s, step_s if step_s > 0 else most_s)), None)
        if back is not None:  # the clock is right again soon: only this frame was off
            if abs(step_s) > _ODD_S:
                self._strays += 1
                self._tell(f"frame {self._frame} is stamped {step_s:+.1f} s off")
            return last_s + soon_s[back - 1] / (back + 1)
        if 0 < step_s <= LONGEST_PAUSE_S:
            return last_s + step_s
        if abs(step_s) > _ODD_S:
            self._jumps += 1
            self._tell(f"time jumps by {step_s:+.1f} s at frame {self._frame}; what follows was joined")
        self._offset_s = last_s + self._step_s - stamp_s
        return last_s + self._step_s

    def _tell(self, words: str) -> None:
        more = self._jumps + self._strays - 1
        if not more:
            self._first = words
        self.warning = f"{self._name}: {self._first}" + (f", and {more} more such places" if more else "")

    def has_mended(self) -> bool:
        """Whether the line is not the file's own."""
        return bool(self.warning)


def usual_fps(stamps_s: Sequence[float], said: Sequence[float]) -> tuple[float | None, str]:
    """(frames per second, what is to be said of them): by the median step of the stamps, exactly as ``said`` if it is that.

    said: what the file's header claims, the claim that is shown to people first.
    """
    said = [rate for rate in said if 0 < rate <= _MOST_FPS]
    steps = np.diff(np.sort(np.asarray(stamps_s, float)))
    steps = steps[steps > 1e-6]
    if len(steps) < 3 or not 1 / _MOST_FPS <= np.median(steps) < LONGEST_PAUSE_S:
        return (said[0] if said else None), ""
    measured = float(1 / np.median(steps))
    fits = next((rate for rate in said if abs(rate / measured - 1) <= _SAME_RATE), None)
    rate = measured if fits is None else fits
    if said and rate != said[0] and abs(rate / said[0] - 1) > _SAME_RATE:
        return rate, f"the header says {said[0]:.4g} frames/s, the usual step of its frames is {rate:.4g}"
    return rate, ""
