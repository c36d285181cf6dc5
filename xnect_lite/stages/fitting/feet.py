"""Which foot stands, and where it stands: what pins a fitted skeleton to the floor."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from xnect_lite.skeleton import INDEX

FEET = np.array([[INDEX["l_ankle"], INDEX["l_toe"]], [INDEX["r_ankle"], INDEX["r_toe"]]])
"""(2, 2) ankle and toe of the left and the right foot."""

_AVERAGE_S = 0.06  # time constant of velocity and pull: trembling cancels out, steps do not
_DEPTH_COUNTS = 0.25  # of the speed along the line of sight, which is guessed where that across it is seen
_STANDS_MM_S, _LEAVES_MM_S = 400.0, 600.0
_HIGHER_MM = 100.0  # a foot this much above the other does not stand
_FOLLOW_S = 0.5  # a pin gives way to the rest of the evidence over this time
_TORN_MM = 80.0  # a foot that is measured this far from where it is held does not stand there


@dataclass(slots=True)
class Feet:
    """The two feet of one person over time; upright axes, millimetres.

    stands   (2,) left, right.
    pins_mm  (2, 2, 3) where ankle and toe of a standing foot are held.
    """

    stands: np.ndarray = field(default_factory=lambda: np.zeros(2, bool))
    pins_mm: np.ndarray = field(default_factory=lambda: np.zeros((2, 2, 3)))
    _place_mm: np.ndarray | None = None
    _velocity_mm_s: np.ndarray = field(default_factory=lambda: np.full((2, 3), _LEAVES_MM_S))
    _pull_mm: np.ndarray = field(default_factory=lambda: np.zeros((2, 3)))

    def update(self, joints_mm: np.ndarray, measured_mm: np.ndarray, elapsed_s: float, up: np.ndarray) -> None:
        """See fitted joints (24, 3), and where they were measured (24, 3; NaN = not), ``elapsed_s`` after the last.

        ``up`` (3,) points away from the floor.
        """
        place = joints_mm[FEET]
        if self._place_mm is None:
            self._place_mm = place
            return
        gain = 1.0 - np.exp(-elapsed_s / _AVERAGE_S)
        velocity = (place - self._place_mm).mean(1) / elapsed_s
        self._velocity_mm_s = self._velocity_mm_s + gain * (velocity - self._velocity_mm_s)
        self._pull_mm = self._pull_mm + gain * (np.nan_to_num((measured_mm[FEET] - place).mean(1)) - self._pull_mm)
        self._place_mm = place

        height = (place @ up).min(1)
        low = height < height.min() + _HIGHER_MM
        slow = self._speed(place) < np.where(self.stands, _LEAVES_MM_S, _STANDS_MM_S)
        torn = self.stands & (np.linalg.norm(self._pull_mm, axis=1) > _TORN_MM)
        self._velocity_mm_s[torn] = _LEAVES_MM_S  # it was held, and therefore looked slow
        stands = slow & low & ~torn
        held = self.pins_mm + (1.0 - np.exp(-elapsed_s / _FOLLOW_S)) * (place - self.pins_mm)
        self.pins_mm = np.where((stands & self.stands)[:, None, None], held, place)
        self.stands = stands

    def _speed(self, place: np.ndarray) -> np.ndarray:
        """(2,) mm/s of the feet, as far as it shows in the picture."""
        sight = place.mean(1) / np.linalg.norm(place.mean(1), axis=1, keepdims=True)
        along = (self._velocity_mm_s * sight).sum(1, keepdims=True) * sight
        return np.linalg.norm(self._velocity_mm_s - (1.0 - _DEPTH_COUNTS) * along, axis=1)
