"""Which way people face, decided over time: to a single frame, who is seen from behind looks much like who is seen from before.

A pose and its mirror image in depth, with left and right exchanged, make the same picture but for faces and toes. Which of the
two it is, every frame says anew. Here that is remembered: nobody turns round without showing a side, people walk forwards, and
a reading that stays is believed in the end.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from xnect_lite.skeleton import FLIP, INDEX, ROOT
from xnect_lite.types import People

_SIDE = 0.35  # cosine between chest and line of sight below which somebody shows a side, and may come out of it either way
_BELIEVED_S = 1.0  # a reading that contradicts what is remembered for so long is right; half of it if the face agrees
_FORGET_S = 5.0  # unseen for longer: the next reading counts
_WALKS_MM_S = 700.0  # nearer or farther by more than this is a walk
_FAST_S, _SLOW_S = 0.15, 0.6  # time constants of the two averages whose difference is the speed
_FACE = 0.3  # score from which a nose is seen


def facing(joints_mm: np.ndarray) -> np.ndarray:
    """(..., 3) where the chest of joints (..., 24, 3) points, in the axes of a right-handed space; any length."""
    across = joints_mm[..., INDEX["l_shoulder"], :] - joints_mm[..., INDEX["r_shoulder"], :]
    return np.cross(across, joints_mm[..., INDEX["neck"], :] - joints_mm[..., ROOT, :])


def turned_round(people: People, rows: np.ndarray) -> People:
    """The same people, of whom those in ``rows`` (indices) are mirrored in depth, left and right exchanged."""
    sight = _sight(people.root_cam_mm[rows])[:, None]
    columns = {name: getattr(people, name).copy() for name in ("joints_px", "joint_score", "spread_mm", "joints_mm")}
    for values in columns.values():
        values[rows] = values[rows][:, FLIP]
    body = columns["joints_mm"][rows].astype(np.float64)
    columns["joints_mm"][rows] = body - 2 * (body * sight).sum(-1, keepdims=True) * sight
    return dataclasses.replace(people, **columns)


def _sight(root_cam_mm: np.ndarray) -> np.ndarray:
    """(P, 3) unit vectors from the camera to each root; straight ahead where that is not known."""
    root = np.where(np.isfinite(root_cam_mm).all(-1, keepdims=True), root_cam_mm, (0.0, 0.0, 1.0)).astype(np.float64)
    return root / np.maximum(np.linalg.norm(root, axis=-1, keepdims=True), 1e-9)


@dataclasses.dataclass(slots=True)
class _Memory:
    """Of one identity. towards: 1 = faces the camera, -1 = away, 0 = open. away_mm: fast and slow average of the distance."""

    towards: float = 0.0
    contradicted_s: float = 0.0
    last_s: float = -np.inf
    seen_s: float = 0.0
    away_mm: np.ndarray = dataclasses.field(default_factory=lambda: np.full(2, np.nan))

    def walks(self, distance_mm: float, elapsed_s: float) -> float:
        """1 = nearer and nearer, -1 = away, 0 = neither, or not known yet."""
        if not np.isfinite(distance_mm):
            return 0.0
        if not np.isfinite(self.away_mm).all() or elapsed_s > _SLOW_S:
            self.away_mm, self.seen_s = np.full(2, distance_mm), 0.0
        self.away_mm = self.away_mm + (1 - np.exp(-elapsed_s / np.array([_FAST_S, _SLOW_S]))) * (distance_mm - self.away_mm)
        self.seen_s += elapsed_s
        speed = (self.away_mm[0] - self.away_mm[1]) / (_SLOW_S - _FAST_S)
        return -np.sign(speed) if abs(speed) > _WALKS_MM_S and self.seen_s > _SLOW_S else 0.0


class FacingKeeper:
    """Turns round the people whose reading contradicts what is known of them."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everybody."""
        self._known: dict[int, _Memory] = {}

    def update(self, people: People, t_s: float) -> People:
        """The people of the frame at ``t_s``, those who have an identity facing where they do."""
        self._known = {i: m for i, m in self._known.items() if abs(t_s - m.last_s) <= _FORGET_S}
        way = facing(people.joints_mm.astype(np.float64))
        with np.errstate(invalid="ignore", divide="ignore"):
            towards = -(way * _sight(people.root_cam_mm)).sum(-1) / np.linalg.norm(way, axis=-1)
        distance = np.linalg.norm(people.root_cam_mm.astype(np.float64), axis=-1)
        nose = people.joint_score[:, INDEX["nose"]] >= _FACE
        wrong = [
            row
            for row, identity in enumerate(people.ids.tolist())
            if identity > 0
            and np.isfinite(towards[row])
            and self._wrong(self._known.setdefault(identity, _Memory()), towards[row], distance[row], bool(nose[row]), t_s)
        ]
        return turned_round(people, np.array(wrong)) if wrong else people

    def _wrong(self, memory: _Memory, towards: float, distance_mm: float, nose: bool, t_s: float) -> bool:
        """Whether somebody read as facing the camera by ``towards`` (cosine) faces the other way."""
        elapsed_s = max(t_s - memory.last_s, 0.0) if np.isfinite(memory.last_s) else 0.0
        memory.last_s = t_s
        walks = memory.walks(distance_mm, elapsed_s)
        if abs(towards) < _SIDE:
            memory.towards = memory.contradicted_s = 0.0
            return False
        read = float(np.sign(towards))
        if walks:
            memory.towards, memory.contradicted_s = walks, 0.0
        elif not memory.towards or read == memory.towards:
            memory.towards, memory.contradicted_s = read, 0.0
        else:
            face_agrees = nose == (read > 0)
            memory.contradicted_s += min(elapsed_s, 0.1) * (2 if face_agrees else 1)
            if memory.contradicted_s > _BELIEVED_S:
                memory.towards, memory.contradicted_s = read, 0.0
        return read != memory.towards
