"""Where the floor is and which way is up, from the feet that stand and the bodies that are upright; or as it was given."""

from __future__ import annotations

from collections import deque

import numpy as np
from scipy.optimize import least_squares

from xnect_lite.camera.balance import up_by_balance
from xnect_lite.camera.standing import standing_toes
from xnect_lite.config import CameraConfig
from xnect_lite.skeleton import INDEX, ROOT
from xnect_lite.types import Floor, People

LEVEL = np.array([0.0, -1.0, 0.0])

_MOST_POINTS = 300
_EVERY_S = 1.0  # between two estimates
_DEPTH_ERROR = 0.06  # of a foot's distance
_SAME_FOOT = 15  # points in a row that say one thing: a foot stands for half a second
_OWN_GROUND = 0.1  # somebody's ground is this much higher or lower than the others': their size is guessed
_ROLL_SLOPE, _PITCH_SLOPE = 0.06, 0.25  # spreads of a camera's tilt; a few are rolled by far more
_BODY_SLOPE = np.array([0.1, 0.12])  # spreads of the mean lean of people, sideways and away
_LEAST_BODIES = 15
_UPRIGHT_COSINE = 0.7  # a trunk nearer to the camera's vertical than 45 degrees is taken for somebody upright
_USUAL_HEIGHT_M = 1.5  # of a camera, to start from


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
    from a robust plane through standing feet, drawn towards how people stand and, unless they clearly say otherwise, towards
    level.

    Args:
        config: what is known of how the camera stands.
    """

    def __init__(self, config: CameraConfig | None = None) -> None:
        self._config = config or CameraConfig()
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self._feet: deque[tuple[int, np.ndarray]] = deque(maxlen=_MOST_POINTS)  # identity, place
        self._leans: deque[np.ndarray] = deque(maxlen=_MOST_POINTS)
        self._next_s = -np.inf
        up = up_from_angles(self._config.pitch_deg, self._config.roll_deg) if self._config.floor == "given" else LEVEL
        self._floor = Floor(up, 1000.0 * self._config.height_m if self._config.height_m else np.nan)

    @property
    def floor(self) -> Floor:
        """What is known by now; level, and of unknown height, before anybody was seen to stand."""
        return self._floor

    def update(self, people: People, t_s: float) -> Floor:
        """Take in the fitted people of a frame and say where the floor is.

        Args:
            people: fitted, with the feet that stand.
            t_s: seconds, time of the frame.
        """
        toes, standing = standing_toes(people)
        self._feet.extend(zip(np.repeat(people.ids, standing.sum(1)).tolist(), toes[standing], strict=True))
        leans = _leans(people.joints_cam_mm.astype(np.float64), standing)
        self._leans.extend(leans[np.isfinite(leans).all(1)])
        if standing.any() and not self._next_s - _EVERY_S <= t_s < self._next_s:
            self._next_s = t_s + _EVERY_S
            self._estimate()
        return self._floor

    def _estimate(self) -> None:
        points = np.array([place for _, place in self._feet])
        if self._config.floor == "estimated":
            owners = np.array([identity for identity, _ in self._feet])
            up, height = _fit_ground(points, owners, np.array(self._leans))
        else:
            up = self._floor.up_cam
            height = float(np.median(-(points @ up)))
        self._floor = Floor(up, 1000.0 * self._config.height_m if self._config.height_m else height)


def _leans(joints_mm: np.ndarray, standing: np.ndarray) -> np.ndarray:
    """(P, 2) the slopes of up that people (P, 24, 3) who are upright say, sideways and away; NaN of those who do not stand.

    Sideways by their balance, which a bent trunk does not disturb. How far away a foot is is known too badly for that: away, it
    is the trunk. Up is (a, -1, b), and a direction (ux, uy, uz) that is upright says a = ux / -uy and b = uz / -uy.
    """
    trunk, body = joints_mm[:, INDEX["neck"]] - joints_mm[:, ROOT], up_by_balance(joints_mm, standing)
    with np.errstate(invalid="ignore", divide="ignore"):
        upright = [up @ LEVEL > _UPRIGHT_COSINE * np.linalg.norm(up, axis=1) for up in (trunk, body)]
        slopes = np.stack([body[:, 0] / -body[:, 1], trunk[:, 2] / -trunk[:, 1]], -1)
    return np.where((upright[0] & upright[1])[:, None], slopes, np.nan)


def _fit_ground(points_mm: np.ndarray, owners: np.ndarray, leans: np.ndarray) -> tuple[np.ndarray, float]:
    """Up (3,) and the camera's height, mm, from standing feet (N, 3) of the people ``owners`` (N,) and from leans (M, 2).

    On the plane y = a x + b z + c, camera axes, a foot seen at (u, v) = (x / z, y / z) is at 1 / z = (v - a u - b) / c.
    Where a foot is seen is known well and how far away it is badly, so 1 / z is what is fitted: fitting y to z instead
    would find a floor along the lines of sight. Everybody has a ``1 / c`` of their own near the common one, because sizes are
    guessed, and some stand on stairs or roofs; those, and feet that do not fit, count little (Cauchy). So does a level camera,
    once people's leans say that this one is not.
    """
    z = points_mm[:, 2] / 1000.0
    u, v = points_mm[:, 0] / points_mm[:, 2], points_mm[:, 1] / points_mm[:, 2]
    people, owner = np.unique(owners, return_inverse=True)
    lean = _middle_mean(leans) if len(leans) >= _LEAST_BODIES else None
    weight = 1.0 / np.sqrt(_SAME_FOOT)

    def residuals(unknowns: np.ndarray) -> np.ndarray:
        slope, inverse, own = unknowns[:2], unknowns[2], unknowns[3:]
        feet = (z * (v - slope[0] * u - slope[1]) * (inverse + own[owner]) - 1.0) * weight / _DEPTH_ERROR
        level = [_cauchy(slope[:1] / _ROLL_SLOPE), slope[1:] / _PITCH_SLOPE]
        bodies = [] if lean is None else [(slope - lean) / _BODY_SLOPE]
        return np.concatenate([_cauchy(feet, weight), _cauchy(own * _USUAL_HEIGHT_M / _OWN_GROUND), *level, *bodies])

    start = np.concatenate([np.zeros(2) if lean is None else lean / 2, [1.0 / _USUAL_HEIGHT_M], np.zeros(len(people))])
    a, b, inverse = least_squares(residuals, start, max_nfev=12).x[:3]
    length = np.sqrt(a * a + b * b + 1.0)
    return np.array([a, -1.0, b]) / length, 1000.0 / (inverse * length) if inverse > 0 else np.nan


def _middle_mean(values: np.ndarray) -> np.ndarray:
    """(C,) mean of the middle three fifths of each column of (N, C). A walker leans to one side, then to the other: the median
    of that is either."""
    left_out = len(values) // 5
    return np.sort(values, axis=0)[left_out : len(values) - left_out].mean(0)


def _cauchy(residual: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Residuals whose squares are Cauchy's loss: large ones grow with the logarithm only."""
    return np.sign(residual) * scale * np.sqrt(np.log1p((residual / scale) ** 2))
