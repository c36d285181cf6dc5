"""Feet that stand stay where they stand: which do is seen in the picture, where is known from the fit.

A foot that rests in the picture rests in space, but for one that moves along the line of sight, and that one is seen to rise or
to sink. How far away it is is known badly, so a fit alone slides. Ankles and toes are judged each by itself: a heel lifts
before the toes do. Upright axes, millimetres.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from xnect_lite.stages.fitting.legs import LEG_JOINTS

FEET = LEG_JOINTS[:, 2:]
"""(2, 2) ankle and toe of the left and the right foot."""

_STILL_MM_S, _MOVING_MM_S = 250.0, 550.0  # across the picture: slower stands for certain, faster does not; between, partly
_UNSURE_MM_S = 100.0  # a body that comes nearer so slowly that its feet would show no more than this may as well stand
_HIGHER_MM = 100.0  # a foot this much above the other is held as well if it rests, but does not stand on the ground
_FAR_MM = 200.0  # a foot farther from where it is measured is let go, by and by up to twice as far
_OVER_S, _BODY_OVER_S = 0.12, 0.5  # speeds of feet and body are measured over this time, for single frames tremble
_LEAK_S, _LET_GO_S = 3.0, 0.25  # time constants with which a correction fades while a foot stands, and once it does not
_HIPS_S = 0.4  # with which the body follows its feet


def resting(speed_mm_s: np.ndarray, along_mm_s: np.ndarray) -> np.ndarray:
    """(...) how surely ankles and toes rest, 0..1, by their speed across the picture (...).

    ``along_mm_s`` (...) is the speed they would have there if they came nearer, or went away, with the body: what has it does
    not rest. Of a jump, the top is slow, for a moment in which nothing moves far.
    """
    slow = np.clip((_MOVING_MM_S - speed_mm_s) / (_MOVING_MM_S - _STILL_MM_S), 0.0, 1.0)
    body_moves = np.clip(along_mm_s / _UNSURE_MM_S - 1.0, 0.0, 1.0)
    slower_than_body = np.clip(2.0 - 2.0 * speed_mm_s / np.maximum(along_mm_s, 1e-9), 0.0, 1.0)
    return slow * (1.0 - body_moves * (1.0 - slower_than_body))


def stands_on_ground(rests: np.ndarray, place_mm: np.ndarray, up: np.ndarray) -> np.ndarray:
    """(..., 2) whether the left and the right foot stand: ankle or toe rests (..., 2, 2), and the other foot is not far below.

    place_mm (..., 2, 2, 3) of ankles and toes.
    """
    height = (place_mm @ up).min(-1)
    return (rests.max(-1) > 0.5) & (height < height.min(-1, keepdims=True) + _HIGHER_MM)


def believed(off_mm: np.ndarray) -> np.ndarray:
    """(...) share of its hold that a foot keeps which is held ``off_mm`` away from where the rest of the evidence has it."""
    return np.clip(2.0 - off_mm / _FAR_MM, 0.0, 1.0)


def mean_shift(correction_mm: np.ndarray, rests: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(..., 3) by how much the feet that rest are moved, and (...) how surely any of them does.

    correction_mm (..., 2, 2, 3), rests (..., 2, 2).
    """
    total = rests.sum((-1, -2))
    mean = (correction_mm * rests[..., None]).sum((-2, -3)) / np.maximum(total, 1e-9)[..., None]
    return mean, np.minimum(total, 1.0)


@dataclass(slots=True)
class Feet:
    """The feet of one person, frame by frame.

    correction_mm  (2, 2, 3) by how much ankle and toe of the left and the right foot are moved from where they were fitted.
    shift_mm       (3,) by how much the body is.
    rests          (2, 2) how surely each of them rests.
    stands         (2,) whether the foot stands on the ground.
    """

    correction_mm: np.ndarray = field(default_factory=lambda: np.zeros((2, 2, 3)))
    shift_mm: np.ndarray = field(default_factory=lambda: np.zeros(3))
    rests: np.ndarray = field(default_factory=lambda: np.zeros((2, 2)))
    stands: np.ndarray = field(default_factory=lambda: np.zeros(2, bool))
    _place_mm: np.ndarray | None = None
    _seen: deque[tuple[float, np.ndarray]] = field(default_factory=deque)  # age in seconds, rays
    _depths: deque[tuple[float, float]] = field(default_factory=deque)  # age in seconds, of the body

    def update(self, place_mm: np.ndarray, rays: np.ndarray, depth_mm: float, elapsed_s: float, up: np.ndarray) -> None:
        """See fitted ankles and toes (2, 2, 3), their viewing rays (2, 2, 2), right and down over depth, of somebody
        ``depth_mm`` away, ``elapsed_s`` after the last. ``up`` (3,) points away from the floor."""
        speed, along = self._speed(rays, depth_mm, elapsed_s), self._along(rays, depth_mm, elapsed_s)
        off = np.linalg.norm(self.correction_mm - self.shift_mm, axis=-1)
        self.rests = resting(speed, along) * believed(off)
        self.stands = stands_on_ground(self.rests, place_mm, up)
        moved = np.zeros_like(place_mm) if self._place_mm is None else place_mm - self._place_mm
        self._place_mm = place_mm
        fade_s = _LET_GO_S ** (1 - self.rests) * _LEAK_S**self.rests
        kept = np.exp(-elapsed_s / fade_s)[..., None]
        self.correction_mm = (self.correction_mm - self.rests[..., None] * moved) * kept
        mean, sure = mean_shift(self.correction_mm, self.rests)
        self.shift_mm = self.shift_mm + (1.0 - np.exp(-elapsed_s / _HIPS_S)) * (sure * mean - self.shift_mm)

    def _speed(self, rays: np.ndarray, depth_mm: float, elapsed_s: float) -> np.ndarray:
        """(2, 2) mm/s across the picture: the farthest apart that each was, so that the top of a jump is no stand."""
        self._seen = _aged(self._seen, elapsed_s, _OVER_S)
        self._seen.append((0.0, rays))
        span_s = self._seen[0][0]
        if span_s <= 0:
            return np.full(rays.shape[:-1], np.inf)
        seen = np.stack([values for _, values in self._seen])
        return np.linalg.norm(seen.max(0) - seen.min(0), axis=-1) * depth_mm / span_s

    def _along(self, rays: np.ndarray, depth_mm: float, elapsed_s: float) -> np.ndarray:
        """(2, 2) mm/s across the picture that feet would have which come nearer, or go away, with the body."""
        self._depths = _aged(self._depths, elapsed_s, _BODY_OVER_S)
        self._depths.append((0.0, depth_mm))
        span_s, before = self._depths[0]
        speed = abs(depth_mm - before) / span_s if span_s > 0 else 0.0
        return np.linalg.norm(rays, axis=-1) * speed


def _aged(seen: deque, elapsed_s: float, most_s: float) -> deque:
    """What was seen up to ``most_s`` ago, and the last that is older, ``elapsed_s`` later."""
    older = deque((age + elapsed_s, value) for age, value in seen)
    while len(older) > 1 and older[1][0] >= most_s:
        older.popleft()
    return older
