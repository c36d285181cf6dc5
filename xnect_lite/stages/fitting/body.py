"""What is remembered of one identity from frame to frame: its skeleton, its pose and how that moves, its feet."""

from __future__ import annotations

import dataclasses

import numpy as np

from xnect_lite.stages.fitting.calibrate import Calibration, leg_arm_mm
from xnect_lite.stages.fitting.energy import Pose
from xnect_lite.stages.fitting.feet import FEET, Feet
from xnect_lite.stages.fitting.rotation import to_matrix, to_rotvec, transposed
from xnect_lite.stages.fitting.tree import NUM_TREE

FORGET_S = 1.0  # a person unseen for longer starts from a fresh pose, with the skeleton it had
_VELOCITY_S = 0.2  # time constant of the velocities that predict the next frame
_FIRST_INTERVAL_S = 1 / 30  # assumed before two frames were seen


@dataclasses.dataclass(slots=True)
class Body:
    """One identity.

    lengths_mm  (24,) bones of the skeleton, for somebody of ``stature_m``.
    pose        of one person, in the frame at ``t_s``; None = not fitted yet, or too long ago.
    root_speed  (3,) mm/s, upright axes.     turn_speed  (J, 3) rad/s, each joint's own axes.
    """

    calibration: Calibration
    stature_m: float
    lengths_mm: np.ndarray
    pose: Pose | None = None
    feet: Feet = dataclasses.field(default_factory=Feet)
    root_speed: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(3))
    turn_speed: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((NUM_TREE, 3)))
    t_s: float = -np.inf
    interval_s: float = _FIRST_INTERVAL_S

    @classmethod
    def new(cls, calibration_s: float, stature_m: float) -> Body:
        """Somebody never seen before: the proportions of a standing adult."""
        calibration = Calibration(calibration_s)
        return cls(calibration, stature_m, calibration.lengths_mm(stature_m))

    def elapsed_s(self, t_s: float) -> float:
        """Seconds since the last sighting; where time stands still, goes back or leaps, the interval before."""
        return t_s - self.t_s if 0 < t_s - self.t_s <= FORGET_S else self.interval_s

    def see(self, joints_mm: np.ndarray, spread_mm: np.ndarray, stature_m: float, t_s: float) -> None:
        """Take in measured joints (24, 3) and their expected errors (24,) of the frame at ``t_s``, for the skeleton; forget a
        pose of long ago."""
        if abs(t_s - self.t_s) > FORGET_S:
            self.pose, self.feet = None, Feet()
            self.root_speed, self.turn_speed = np.zeros(3), np.zeros((NUM_TREE, 3))
        if self.calibration.done and stature_m == self.stature_m:
            return
        self.calibration.add(joints_mm, spread_mm, self.elapsed_s(t_s))
        before, self.lengths_mm = self.lengths_mm, self.calibration.lengths_mm(stature_m)
        if self.pose is not None:  # the same picture of a larger body is that of one farther away
            self.pose = Pose(self.pose.root_mm * (leg_arm_mm(self.lengths_mm) / leg_arm_mm(before)), self.pose.local)
        self.stature_m = stature_m

    def predicted(self, t_s: float) -> Pose:
        """The pose that the velocities lead to at ``t_s``; the rest pose at the origin if none is known."""
        if self.pose is None:
            return Pose(np.zeros((1, 3)), np.tile(np.eye(3), (1, NUM_TREE, 1, 1)))
        elapsed = self.elapsed_s(t_s)
        turn = to_matrix(self.turn_speed * elapsed)
        return Pose(self.pose.root_mm + self.root_speed * elapsed, self.pose.local @ turn)

    def remember(self, pose: Pose, joints_mm: np.ndarray, rays: np.ndarray, t_s: float, up: np.ndarray) -> None:
        """Take in the fit of the frame at ``t_s``: its pose, its joints (24, 3), and the rays (24, 2) they are seen along."""
        elapsed = self.elapsed_s(t_s)
        if self.pose is not None:
            gain = 1.0 - np.exp(-elapsed / _VELOCITY_S)
            moved = (pose.root_mm - self.pose.root_mm)[0] / elapsed
            turned = to_rotvec(transposed(self.pose.local) @ pose.local)[0] / elapsed
            self.root_speed = self.root_speed + gain * (moved - self.root_speed)
            self.turn_speed = self.turn_speed + gain * (turned - self.turn_speed)
        self.feet.update(joints_mm[FEET], rays[FEET], -float(pose.root_mm[0, 2]), elapsed, up)
        self.pose, self.t_s, self.interval_s = pose, t_s, elapsed
