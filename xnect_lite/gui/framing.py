"""Keeps people in the 3D view until the user takes hold of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from xnect_lite.gui.orbit import OrbitView

_GLIDE = 0.15  # share of the way per frame
_ARRIVED = 0.02  # of the distance
_STRAYED = 0.2  # of the distance: only then the view moves, or it would rock with every step


@dataclass(slots=True)
class Framing:
    """The orbit view and who steers it.

    view:       what is shown now.
    automatic:  True until the user drags, pans or zooms; a preset makes it True again.
    """

    view: OrbitView = field(default_factory=OrbitView)
    automatic: bool = True
    _gliding: bool = True
    _framed: bool = False

    def follow(self, points_m: np.ndarray, width: int, height: int) -> None:
        """Move toward a view that holds these points (N, 3); at once the first time."""
        if not self.automatic or not np.isfinite(points_m).all(-1).any():
            return
        goal = self.view.framing(points_m, max(width, 1), max(height, 1))
        if not self._framed:
            self.view, self._framed, self._gliding = goal, True, False
            return
        shift = np.linalg.norm(np.array(goal.target_m) - self.view.target_m)
        gap = max(float(shift), abs(goal.distance_m - self.view.distance_m)) / self.view.distance_m
        self._gliding = gap > (_ARRIVED if self._gliding else _STRAYED)
        if self._gliding:
            self.view = self.view.glided(goal, _GLIDE)

    def preset(self, name: str) -> None:
        """Look from a direction of `orbit.PRESETS` and frame people afresh."""
        self.view = self.view.preset(name)
        self.automatic = True
        self.reframe()

    def reframe(self) -> None:
        """Go straight to the next people instead of gliding there."""
        self._framed = False

    def orbit(self, dx_px: float, dy_px: float) -> None:
        """The user turned the scene: it follows the mouse."""
        self._take(self.view.orbited(-0.4 * dx_px, 0.4 * dy_px))

    def pan(self, dx_px: float, dy_px: float, width: int) -> None:
        """The user shifted the scene."""
        self._take(self.view.panned(dx_px, dy_px, width))

    def zoom(self, notches: float) -> None:
        """The user turned the wheel; away from them comes nearer."""
        self._take(self.view.zoomed(0.88**notches))

    def _take(self, view: OrbitView) -> None:
        self.view, self.automatic = view, False
