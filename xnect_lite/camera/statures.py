"""How tall everybody is, which is what fixes metres: one camera cannot tell a child nearby from an adult far away.

In this order: the height given for the identity, the height given for all, the camera's height above the floor, the
network's depth map, the height of the canonical body.
"""

from __future__ import annotations

import numpy as np

from xnect_lite.camera.standing import standing_toes
from xnect_lite.config import CameraConfig
from xnect_lite.skeleton import CANONICAL_STATURE_M
from xnect_lite.types import Floor, People

_ENOUGH = 60  # samples after which somebody's size is final
_RANGE_M = (0.6, 2.3)


class Sizes:
    """Everybody's stature in metres, by identity."""

    def __init__(self, config: CameraConfig | None = None) -> None:
        self._config = config or CameraConfig()
        self._given = dict(self._config.stature_of)
        self.reset()

    def reset(self) -> None:
        """Forget what was measured, and statures set while running."""
        self._set: dict[int, float] = {}
        self._samples: dict[int, list[float]] = {}
        self._measured: dict[int, float] = {}

    def set(self, identity: int, stature_m: float) -> None:
        """From now on this person is so tall."""
        self._set[identity] = stature_m

    def stature_m(self, identity: int) -> float:
        """The best that is known of one person by now."""
        for table in (self._set, self._given, self._measured):
            if identity in table:
                return table[identity]
        return assumed_stature_m(self._config)

    def update(self, people: People, floor: Floor) -> None:
        """Measure the fitted people of a frame, who are as tall as `stature_m` says, where nothing better was given."""
        if self._config.stature_m or not (self._config.height_m or self._config.depth_map):
            return
        for row, identity in enumerate(people.ids.tolist()):
            if identity > 0 and len(self._samples.setdefault(identity, [])) < _ENOUGH:
                ratio = self._ratio(people, row, floor)
                if np.isfinite(ratio) and ratio > 0:
                    self._samples[identity].append(float(np.clip(ratio * self.stature_m(identity), *_RANGE_M)))
                    self._measured[identity] = float(np.median(self._samples[identity]))

    def _ratio(self, people: People, row: int, floor: Floor) -> float:
        """How many times farther away, and so taller, the person must be; NaN = not measured in this frame."""
        if self._config.height_m:
            toes, standing = standing_toes(people)
            below = -(toes[row][standing[row]] @ floor.up_cam)
            return 1000.0 * self._config.height_m / below.mean() if len(below) and below.mean() > 0 else np.nan
        return float(people.map_depth_mm[row] / people.root_cam_mm[row, 2])


def assumed_stature_m(config: CameraConfig) -> float:
    """Height of people about whose size nothing is known: the one given, else the canonical body's."""
    return config.stature_m or CANONICAL_STATURE_M
