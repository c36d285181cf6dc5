"""The camera of a synthetic scene: where it stands, where it looks, how it projects.

World: metres, y up, floor at y = 0. Camera axes: x right, y down, z away, as everywhere in the project.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xnect_lite.camera.pinhole import image_centre_px, project


@dataclass(frozen=True)
class View:
    """A pinhole camera, principal point at the image centre.

    size (width, height) px; focal_px; rotation (3, 3) world to camera; position_m (3,) in the world.
    """

    size: tuple[int, int]
    focal_px: float
    rotation: np.ndarray
    position_m: np.ndarray

    def to_camera_mm(self, points_m: np.ndarray) -> np.ndarray:
        """(..., 3) world metres -> (..., 3) camera-space millimetres."""
        return 1000 * (np.asarray(points_m) - self.position_m) @ self.rotation.T

    def to_px(self, points_m: np.ndarray) -> np.ndarray:
        """(..., 3) world metres -> (..., 2) pixels, NaN behind the camera."""
        return project(self.to_camera_mm(points_m), self.focal_px, image_centre_px(*self.size))

    def rays(self) -> np.ndarray:
        """(H, W, 3) world direction through every pixel, not normalised: one unit along the optical axis."""
        width, height = self.size
        cx, cy = image_centre_px(width, height)
        x, y = np.meshgrid((np.arange(width) - cx) / self.focal_px, (np.arange(height) - cy) / self.focal_px)
        return np.stack([x, y, np.ones_like(x)], -1) @ self.rotation

    def ground_plane(self) -> np.ndarray:
        """(4,) the floor in camera space: unit normal n (pointing up) and d in mm, with n . p + d = 0 for points p in mm."""
        normal = self.rotation @ np.array([0.0, 1.0, 0.0])
        return np.append(normal, 1000 * self.position_m[1])


def look(
    size: tuple[int, int], fov_deg: float, position_m: np.ndarray, heading: float, pitch: float, roll: float = 0.0
) -> View:
    """A view with ``fov_deg`` across the longer side.

    Radians: ``heading`` 0 looks along +z and turns towards +x; ``pitch`` > 0 looks down; ``roll`` turns about the axis.
    """
    away = np.array([np.sin(heading) * np.cos(pitch), -np.sin(pitch), np.cos(heading) * np.cos(pitch)])
    right = np.array([-np.cos(heading), 0.0, np.sin(heading)])
    down = np.cross(away, right)
    c, s = np.cos(roll), np.sin(roll)
    rotation = np.stack([c * right + s * down, c * down - s * right, away])
    focal = 0.5 * max(size) / np.tan(0.5 * np.radians(fov_deg))
    return View(size, float(focal), rotation, np.asarray(position_m, np.float64))
