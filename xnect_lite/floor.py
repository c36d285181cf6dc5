"""Where the floor is and which way is up, from the feet that stand and the bodies that are upright; or as it was given."""

from __future__ import annotations

from collections import deque

import numpy as np

from xnect_lite.config import CameraConfig
from xnect_lite.skeleton import INDEX, ROOT
from xnect_lite.types import Floor, People

LEVEL = np.array([0.0, -1.0, 0.0])

_TOES = [INDEX["l_toe"], INDEX["r_toe"]]
_MOST_POINTS = 600
_EVERY_S = 0.25  # between two estimates
_FOOT_MM = 60.0  # a fitted foot is this far off the floor
_SAME_FOOT = 15  # points in a row that say one thing: a foot stands for half a second
_LEVEL_SLOPE, _BODY_SLOPE = 0.3, 0.12  # spreads: of a camera's tilt, of the mean lean of people
_LEAST_BODIES = 15
_UPRIGHT_COSINE = 0.7  # a trunk nearer to the camera's vertical than 45 degrees is taken for somebody upright
_ROUNDS = 5


def up_from_angles(pitch_deg: float, roll_deg: float) -> np.ndarray:
    """(3,) up in the axes of a camera that looks down by ``pitch_deg`` and is turned clockwise by ``roll_deg`` from behind."""
    pitch, roll = np.radians([pitch_deg, roll_deg])
    return np.array([-np.sin(roll) * np.cos(pitch), -np.cos(roll) * np.cos(pitch), -np.sin(pitch)])


def angles_from_up(up_cam: np.ndarray) -> tuple[float, float]:
    """(pitch, roll) in degrees; the inverse of `up_from_angles` for cameras that are not upside down."""
    x, y, z = np.asarray(up_cam, float) / np.linalg.norm(up_cam)
    return float(np.degrees(np.arcsin(np.clip(-z, -1, 1)))), float(np.degrees(np.arctan2(-x, -y)))


class FloorEstimator:
    """Follows the people of a camera that does not move.

    With ``config.floor`` "given" or "level" the direction is fixed and only an unknown height is estimated. Else both come
    from a robust plane through standing feet, drawn towards the trunks of people who are upright and towards level.
    """

    def __init__(self, config: CameraConfig | None = None) -> None:
        self._config = config or CameraConfig()
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self._feet_mm: deque[np.ndarray] = deque(maxlen=_MOST_POINTS)
        self._trunks: deque[np.ndarray] = deque(maxlen=_MOST_POINTS)
        self._next_s = -np.inf
        up = up_from_angles(self._config.pitch_deg, self._config.roll_deg) if self._config.floor == "given" else LEVEL
        self._floor = Floor(up, 1000.0 * self._config.height_m if self._config.height_m else np.nan)

    @property
    def floor(self) -> Floor:
        """What is known by now; level, and of unknown height, before anybody was seen to stand."""
        return self._floor

    def update(self, people: People, t_s: float) -> Floor:
        """Take in the fitted people of the frame at ``t_s`` and say where the floor is."""
        joints = people.joints_cam_mm.astype(np.float64)
        standing = people.foot_stands & np.isfinite(joints[:, _TOES]).all(-1)
        self._feet_mm.extend(joints[:, _TOES][standing])
        trunks = joints[:, INDEX["neck"]] - joints[:, ROOT]
        with np.errstate(invalid="ignore"):
            trunks = trunks / np.linalg.norm(trunks, axis=1, keepdims=True)
        self._trunks.extend(trunks[(trunks @ LEVEL > _UPRIGHT_COSINE) & standing.any(1)])
        if self._feet_mm and not self._next_s - _EVERY_S <= t_s < self._next_s:
            self._next_s = t_s + _EVERY_S
            self._estimate()
        return self._floor

    def _estimate(self) -> None:
        points = np.array(self._feet_mm)
        if self._config.floor == "estimated":
            up, height = _fit_plane(points, np.array(self._trunks))
        else:
            up = self._floor.up_cam
            height = float(np.median(-(points @ up)))
        self._floor = Floor(up, 1000.0 * self._config.height_m if self._config.height_m else height)


def _fit_plane(points: np.ndarray, trunks: np.ndarray) -> tuple[np.ndarray, float]:
    """Up (3,) and the camera's height, mm, of the plane y = a x + b z + c through feet (N, 3), camera axes.

    Ridge regression, reweighted so that feet off the plane stop counting (Cauchy). Its up is (a, -1, b): a trunk along
    (ux, uy, uz) says a = ux / -uy and b = uz / -uy.
    """
    metres, sigma = points / 1000.0, _FOOT_MM / 1000.0
    rows = np.column_stack([metres[:, 0], metres[:, 2], np.ones(len(metres))])
    each = 1.0 / (sigma**2 * _SAME_FOOT)
    prior, pull = np.zeros(2), 1.0 / _LEVEL_SLOPE**2
    if len(trunks) >= _LEAST_BODIES:
        lean = np.median(trunks[:, [0, 2]] / -trunks[:, 1:2], axis=0)
        prior = lean / _BODY_SLOPE**2 / (pull + 1.0 / _BODY_SLOPE**2)
        pull += 1.0 / _BODY_SLOPE**2
    weight = np.full(len(rows), each)
    for _ in range(_ROUNDS):
        normal = (rows.T * weight) @ rows + np.diag([pull, pull, 1e-9])
        a, b, c = np.linalg.solve(normal, (rows.T * weight) @ metres[:, 1] + (*(pull * prior), 0.0))
        off = (metres[:, 1] - rows @ (a, b, c)) / (2.0 * sigma)
        weight = each / (1.0 + off**2)
    length = np.sqrt(a * a + b * b + 1.0)
    return np.array([a, -1.0, b]) / length, 1000.0 * c / length
