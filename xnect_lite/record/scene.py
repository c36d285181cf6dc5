"""The space that files share: centimetres, Y up, the camera levelled, one floor at Y = 0 for everybody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from xnect_lite.errors import XnectError
from xnect_lite.record.track import Track
from xnect_lite.skeleton import INDEX
from xnect_lite.stages.fitting.rotation import shortest_turn

FEET = [INDEX["l_toe"], INDEX["r_toe"], INDEX["l_ankle"], INDEX["r_ankle"]]
_FLOOR_PERCENTILE = 5  # of the lower foot's height: below it lie bad frames, above it steps and jumps


@dataclass(frozen=True, slots=True)
class Scene:
    """From the camera to the space of the files.

    up_cam:   where up is in camera axes; None = level.
    shift_cm: (3,) what is taken off every place: the floor's height, and what a scene is recentred by.
    """

    up_cam: tuple[float, float, float] | None
    shift_cm: np.ndarray

    def place_cm(self, points_cam_mm: np.ndarray) -> np.ndarray:
        """(..., 3) camera space -> (..., 3) centimetres."""
        return world_from_cam_cm(points_cam_mm, self.up_cam) - self.shift_cm


def scene_of(
    tracks: Iterable[Track], up_cam: tuple[float, float, float] | None, *, floor: bool = True, recentre: bool = False
) -> Scene:
    """The scene of cleaned tracks, in their order.

    floor:    Y = 0 is where people stand: the median over them of each one's lowest foot, which is the height below which
              the lower foot (of ankles and toes) lies in one frame in twenty.
    recentre: the first person starts at X = Z = 0.
    """
    shift_cm, heights_cm = np.zeros(3), []
    for number, track in enumerate(tracks):
        if floor:
            heights_cm.append(lowest_foot_cm(track, up_cam))
        if number == 0 and recentre:
            placed = np.flatnonzero(np.isfinite(track.root_cam_mm).all(axis=1))[:1]
            shift_cm = world_from_cam_cm(track.root_cam_mm[placed], up_cam).sum(axis=0) * (1.0, 0.0, 1.0)
        del track  # before the next one is made: tracks may be long
    known = np.array(heights_cm)[np.isfinite(heights_cm)]
    if len(known):
        shift_cm[1] = np.median(known)
    return Scene(up_cam, shift_cm)


def lowest_foot_cm(track: Track, up_cam: tuple[float, float, float] | None) -> float:
    """Height of a cleaned track's lowest foot in the levelled camera's space; NaN if no foot was ever seen."""
    feet_mm = track.joints_mm[:, FEET] + track.root_cam_mm[:, None]
    height_cm = world_from_cam_cm(feet_mm, up_cam)[..., 1]
    lower = np.where(np.isnan(height_cm), np.inf, height_cm).min(axis=1)
    lower = lower[np.isfinite(lower)]
    return float(np.percentile(lower, _FLOOR_PERCENTILE)) if len(lower) else np.nan


def world_from_cam_cm(points_cam_mm: np.ndarray, up_cam: Sequence[float] | None = None) -> np.ndarray:
    """Camera millimetres (x right, y down, z away) -> BVH centimetres (x right, y up, z towards the camera), (..., 3).

    With a level camera somebody who faces it faces +Z and has the left hand at +X. Otherwise the scene is turned by the
    smallest rotation that takes ``up_cam`` to +Y. Raises XnectError if ``up_cam`` has no direction.
    """
    upright = np.asarray(points_cam_mm, float) * (0.1, -0.1, -0.1)
    return upright if up_cam is None else upright @ levelling(up_cam).T


def levelling(up_cam: Sequence[float] | None) -> np.ndarray:
    """(3, 3) smallest turn that takes ``up_cam``, in axes x right, y up, z towards the camera, to +Y."""
    if up_cam is None:
        return np.eye(3)
    up = np.array([up_cam[0], -up_cam[1], -up_cam[2]], float)
    if not np.linalg.norm(up) > 1e-6:
        raise XnectError("up_cam", f"{tuple(up_cam)} has no direction", "Give the camera-axes vector that points up")
    return shortest_turn((up / np.linalg.norm(up))[None], np.array([[0.0, 1.0, 0.0]])).as_matrix()[0]
