"""The orbit camera of the 3D view, in NumPy alone: which world point lands on which pixel of the window.

World axes, metres: X right, Y up, Z toward the viewer, with the film camera at the origin looking along -Z.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

NEAR_M = 0.05
"""Nothing nearer to the eye than this is drawn."""

_MIN_DISTANCE_M, _MAX_DISTANCE_M = 0.3, 200.0
_MAX_ELEVATION_DEG = 90.0
_MARGIN = 1.5  # lines are drawn up to this many half windows from the middle
_FILL = 0.85  # framed points fill this share of the window

PRESETS: dict[str, tuple[float, float]] = {"home": (30.0, 12.0), "front": (0.0, 0.0), "side": (90.0, 0.0), "top": (0.0, 90.0)}
"""View name -> (azimuth, elevation), degrees."""


def world_from_cam_mm(points_cam_mm: np.ndarray) -> np.ndarray:
    """(..., 3) camera space, mm (x right, y down, z away) -> (..., 3) world, metres (X right, Y up, Z toward the viewer)."""
    return np.asarray(points_cam_mm, np.float64) * (1e-3, -1e-3, -1e-3)


@dataclass(frozen=True, slots=True)
class OrbitView:
    """An eye on a sphere around a target.

    azimuth_deg:   0 = from where the film camera stands, 90 = from the right.
    elevation_deg: 0 = level, 90 = from straight above.
    distance_m:    eye to target.
    target_m:      (X, Y, Z) looked at, in the middle of the window.
    fov_deg:       angle across the window's width.
    """

    azimuth_deg: float = PRESETS["home"][0]
    elevation_deg: float = PRESETS["home"][1]
    distance_m: float = 6.0
    target_m: tuple[float, float, float] = (0.0, -0.2, -4.0)
    fov_deg: float = 45.0

    @property
    def axes(self) -> np.ndarray:
        """(3, 3) rows: the window's right, its up, and toward the eye, in world axes."""
        azimuth, elevation = np.radians((self.azimuth_deg, self.elevation_deg))
        (sin_a, cos_a), (sin_e, cos_e) = (np.sin(azimuth), np.cos(azimuth)), (np.sin(elevation), np.cos(elevation))
        return np.array(
            [
                (cos_a, 0.0, -sin_a),
                (-sin_e * sin_a, cos_e, -sin_e * cos_a),
                (cos_e * sin_a, sin_e, cos_e * cos_a),
            ]
        )

    @property
    def eye_m(self) -> np.ndarray:
        """(3,) where the eye is, world metres."""
        return np.array(self.target_m) + self.distance_m * self.axes[2]

    def focal_px(self, width: int) -> float:
        """Focal length of a window this many pixels wide."""
        return 0.5 * width / float(np.tan(np.radians(self.fov_deg) / 2))

    def project(self, points_m: np.ndarray, width: int, height: int) -> np.ndarray:
        """(..., 3) world metres -> (..., 3): x and y in window pixels, and depth in metres; NaN behind the eye."""
        return self._to_window(self._to_eye(points_m), width, height)

    def project_segments(self, segments_m: np.ndarray, width: int, height: int) -> np.ndarray:
        """(N, 2, 3) world metres -> (N, 2, 3) as `project`.

        What lies behind the eye or well outside the window is cut off, NaN if nothing is left: near the eye a line would
        run for tens of thousands of pixels.
        """
        eye = self._to_eye(segments_m)
        wide = _MARGIN * np.tan(np.radians(self.fov_deg) / 2)
        high = wide * height / width
        # Rows n with n . (x, y, z, 1) >= 0 for what is kept: in front, and between right, left, upper and lower limit.
        planes = ((0, 0, -1, -1.001 * NEAR_M), (-1, 0, -wide, 0), (1, 0, -wide, 0), (0, -1, -high, 0), (0, 1, -high, 0))
        for *normal, offset in planes:
            inside = eye @ np.array(normal) + offset  # (N, 2)
            eye[(inside < 0).all(1)] = np.nan
            for end, other in ((0, 1), (1, 0)):
                cut = (inside[:, end] < 0) & (inside[:, other] >= 0)
                share = inside[cut, end] / (inside[cut, end] - inside[cut, other])
                eye[cut, end] += share[:, None] * (eye[cut, other] - eye[cut, end])
        return self._to_window(eye, width, height)

    def orbited(self, azimuth_deg: float, elevation_deg: float) -> OrbitView:
        """Turned about the target by these angles."""
        elevation = float(np.clip(self.elevation_deg + elevation_deg, -_MAX_ELEVATION_DEG, _MAX_ELEVATION_DEG))
        return replace(self, azimuth_deg=(self.azimuth_deg + azimuth_deg + 180.0) % 360.0 - 180.0, elevation_deg=elevation)

    def zoomed(self, factor: float) -> OrbitView:
        """With the distance multiplied by ``factor``, within limits."""
        return replace(self, distance_m=float(np.clip(self.distance_m * factor, _MIN_DISTANCE_M, _MAX_DISTANCE_M)))

    def panned(self, dx_px: float, dy_px: float, width: int) -> OrbitView:
        """Shifted so that what is at the target follows a mouse that moved right by ``dx_px`` and down by ``dy_px``."""
        right, up, _ = self.axes
        shift = (-dx_px * right + dy_px * up) * self.distance_m / self.focal_px(width)
        return replace(self, target_m=_as_target(np.array(self.target_m) + shift))

    def preset(self, name: str) -> OrbitView:
        """Looking from a direction of `PRESETS`, target and distance as they are."""
        azimuth, elevation = PRESETS[name]
        return replace(self, azimuth_deg=azimuth, elevation_deg=elevation)

    def framing(self, points_m: np.ndarray, width: int, height: int) -> OrbitView:
        """From the same direction, but moved so that the points (N, 3) fill the window; itself if none is finite."""
        points = np.asarray(points_m, np.float64).reshape(-1, 3)
        points = points[np.isfinite(points).all(1)]
        if not len(points):
            return self
        target = (points.min(0) + points.max(0)) / 2
        right, up, toward = ((points - target) @ self.axes.T).T
        half_width = np.tan(np.radians(self.fov_deg) / 2) * _FILL
        half_height = half_width * height / width
        distance = np.max([toward + np.abs(right) / half_width, toward + np.abs(up) / half_height])
        distance = float(np.clip(distance, 1.5, _MAX_DISTANCE_M))
        return replace(self, target_m=_as_target(target), distance_m=distance)

    def glided(self, goal: OrbitView, share: float) -> OrbitView:
        """Part of the way to ``goal``'s target and distance; the direction is left alone."""
        target = (1 - share) * np.array(self.target_m) + share * np.array(goal.target_m)
        distance = (1 - share) * self.distance_m + share * goal.distance_m
        return replace(self, target_m=_as_target(target), distance_m=float(distance))

    def _to_eye(self, points_m: np.ndarray) -> np.ndarray:
        """(..., 3) in the window's right, up and toward-the-eye axes, from the eye."""
        return (np.asarray(points_m, np.float64) - self.eye_m) @ self.axes.T

    def _to_window(self, eye: np.ndarray, width: int, height: int) -> np.ndarray:
        depth = np.where(eye[..., 2] < -NEAR_M, -eye[..., 2], np.nan)
        focal = self.focal_px(width)
        return np.stack([width / 2 + focal * eye[..., 0] / depth, height / 2 - focal * eye[..., 1] / depth, depth], -1)


def _as_target(point: np.ndarray) -> tuple[float, float, float]:
    return float(point[0]), float(point[1]), float(point[2])
