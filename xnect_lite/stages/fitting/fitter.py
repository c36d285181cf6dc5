"""Fits one skeleton per identity to what the stages before say, frame by frame, everybody at once.

XNect's Stage III: warm start from the frame before, a few damped Gauss-Newton steps on the energy of `energy`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from xnect_lite.camera.intrinsics import Camera
from xnect_lite.camera.pinhole import NEAR_MM, place_root
from xnect_lite.config import FittingConfig
from xnect_lite.skeleton import CANONICAL_STATURE_M
from xnect_lite.stages.fitting.aim import aim
from xnect_lite.stages.fitting.body import Body
from xnect_lite.stages.fitting.calibrate import size_of
from xnect_lite.stages.fitting.energy import Evidence, Pose, joints_mm
from xnect_lite.stages.fitting.evidence import gather
from xnect_lite.stages.fitting.feet import FEET, Feet
from xnect_lite.stages.fitting.legs import reach
from xnect_lite.stages.fitting.solve import solve
from xnect_lite.stages.fitting.tree import UPRIGHT
from xnect_lite.types import People

_SANE_MM = 1e5  # numbers beyond are no measurements of a body; ten times it, of its distance
_MOST_BODIES = 1000  # skeletons remembered: more than are ever followed and remembered at once
_COLD_STEPS = 8
_LOST_SIGMAS = 4.0  # mean residual beyond which the warm start is given up for a fresh one


class Fitter:
    """Gives every identity a skeleton with constant bones and fits it to the frame.

    While somebody's bones are being calibrated they may still change from frame to frame; after `calibration_s` seconds of
    sightings they do not, until `reset`, unless the stature does.

    Args:
        config: weights of the energy, and for how long bones are calibrated.
        stature_m: identity -> height in metres, which fixes the size of the skeleton and with it the distance.
        looseness: how much farther than configured frames may be from the ones predicted; infinity = no smoothing over time.
        lifted_stature_m: what lifting took everybody's height for.
    """

    def __init__(
        self,
        config: FittingConfig | None = None,
        stature_m: Callable[[int], float] | None = None,
        looseness: float = 1.0,
        lifted_stature_m: float = CANONICAL_STATURE_M,
    ) -> None:
        self._config = _loosened(config or FittingConfig(), looseness)
        self._stature_m, self._lifted_stature_m = stature_m or (lambda _: CANONICAL_STATURE_M), lifted_stature_m
        self.reset()

    def reset(self) -> None:
        """Forget everybody."""
        self._bodies: dict[int, Body] = {}

    def update(self, people: People, camera: Camera, t_s: float, up_cam: np.ndarray | None = None) -> People:
        """The people of the frame at ``t_s`` seconds with fitted joints_mm, root_cam_mm, rotations, bone lengths and feet.

        Who has no identity, no 3D pose or no place in space is returned as is; of everybody else all of these are finite.
        Joints that were not detected get the pixels of the fitted ones.

        Args:
            people: with ids, lifted.
            camera: of the frame.
            t_s: seconds, time of the frame.
            up_cam: (3,) where up is in camera axes; a level camera without it.
        """
        joints = people.joints_mm.astype(np.float64) * UPRIGHT
        joints = np.where((np.abs(joints) < _SANE_MM).all(-1, keepdims=True), joints, np.nan)  # neither NaN nor inf passes
        rows = np.flatnonzero((people.ids > 0) & (np.isfinite(joints).all(-1).sum(1) >= 2))
        if not self._config.enabled or not len(rows):
            return people
        bodies = [self._see(int(people.ids[row]), joints[row], people.spread_mm[row].astype(np.float64), t_s) for row in rows]
        placed_mm = self._placed(people.root_cam_mm[rows], bodies)
        evidence = gather(people.take(rows), joints[rows], placed_mm, bodies, camera, t_s, self._config)
        start = _start(evidence, bodies, placed_mm)
        placed = np.isfinite(start.root_mm).all(1)
        rows, bodies = rows[placed], [body for body, there in zip(bodies, placed, strict=True) if there]
        start, evidence = start.take(placed), evidence.take(placed)
        if not len(rows):
            return people
        pose = self._fit(start, evidence, np.array([body.pose is None for body in bodies]))
        fitted = joints_mm(pose, evidence.lengths_mm)
        rays = np.where(evidence.rays_weight[..., None] > 0, evidence.rays, seen_along(fitted))
        up = np.array([0.0, 1.0, 0.0]) if up_cam is None else np.asarray(up_cam, float) * UPRIGHT
        for i, body in enumerate(bodies):
            body.remember(pose.take(np.array([i])), fitted[i], rays[i], t_s, up)
        if self._config.foot_lock:
            pose = hold_feet(pose, fitted, evidence.lengths_mm, [body.feet for body in bodies])
            fitted = joints_mm(pose, evidence.lengths_mm)
        return _with_fit(people, rows, pose, fitted, bodies, camera)

    def _placed(self, root_cam_mm: np.ndarray, bodies: Sequence[Body]) -> np.ndarray:
        """(P, 3) roots placed by lifting, for bodies of their true size, upright axes; NaN where nobody can be."""
        root = root_cam_mm.astype(np.float64) * UPRIGHT
        sane = (np.abs(root) < 10 * _SANE_MM).all(1) & (root[:, 2] < 0)
        size = np.array([size_of(body.lengths_mm, self._lifted_stature_m) for body in bodies])
        return np.where(sane[:, None], root, np.nan) * size[:, None]

    def _see(self, identity: int, joints: np.ndarray, spread_mm: np.ndarray, t_s: float) -> Body:
        stature_m = self._stature_m(identity)
        body = self._bodies.pop(identity, None) or Body.new(self._config.calibration_s, stature_m)
        self._bodies[identity] = body  # the last in the table is the last seen
        if len(self._bodies) > _MOST_BODIES:
            del self._bodies[next(iter(self._bodies))]
        body.see(joints, spread_mm, stature_m, t_s)
        return body

    def _fit(self, start: Pose, evidence: Evidence, cold: np.ndarray) -> Pose:
        c = self._config
        pose = solve(start, evidence, c.iterations, c.outlier_sigmas)
        again = np.flatnonzero(cold | (_mean_sigmas(pose, evidence) > _LOST_SIGMAS))
        if len(again):
            part = dataclasses.replace(evidence.take(again), turn_weight=np.zeros(len(again)))
            fresh = solve(Pose(start.root_mm[again], aim(_measured(part))), part, _COLD_STEPS, c.outlier_sigmas)
            better = _mean_sigmas(fresh, part) < _mean_sigmas(pose.take(again), part)
            pose.root_mm[again[better]], pose.local[again[better]] = fresh.root_mm[better], fresh.local[better]
        pose.root_mm[:, 2] = np.minimum(pose.root_mm[:, 2], -NEAR_MM)  # nobody is behind the camera
        return pose


def _loosened(config: FittingConfig, looseness: float) -> FittingConfig:
    speeds = ("turn_speed", "root_speed_mm_s", "depth_speed_mm_s")
    return dataclasses.replace(config, **{name: looseness * getattr(config, name) for name in speeds})


def _start(evidence: Evidence, bodies: Sequence[Body], placed_mm: np.ndarray) -> Pose:
    """Where the fit starts: the predicted pose.

    Those who have none are aimed at the joints, where they were placed (P, 3), or failing that by a linear solve here.
    """
    root, local = evidence.root_mm.copy(), evidence.last_local.copy()
    cold = np.array([body.pose is None for body in bodies])
    if cold.any():
        part = evidence.take(cold)
        joints = _measured(part)
        found = np.where(part.rays_weight[..., None] > 0, part.rays, np.nan)
        solved = place_root(joints * UPRIGHT, found, part.rays_weight, 1.0, (0.0, 0.0)) * UPRIGHT
        solved = np.where((np.abs(solved) < 10 * _SANE_MM).all(1, keepdims=True), solved, np.nan)
        given = placed_mm[cold]
        root[cold] = np.where(np.isfinite(given).all(1, keepdims=True), given, solved)
        local[cold] = aim(joints)
    return Pose(root, local)


def _measured(evidence: Evidence) -> np.ndarray:
    """(P, 24, 3) the joints to fit, NaN = missing."""
    return np.where(evidence.joints_weight[..., None] > 0, evidence.joints_mm, np.nan)


def _mean_sigmas(pose: Pose, evidence: Evidence) -> np.ndarray:
    """(P,) how far off the 3D joints are, in units of their expected spread, each counted as 10 at most."""
    off = joints_mm(pose, evidence.lengths_mm) - pose.root_mm[:, None] - evidence.joints_mm
    sigmas = np.minimum(np.linalg.norm(off, axis=-1) * evidence.joints_weight, 10.0)  # 0 where nothing was measured
    return sigmas.sum(1) / np.maximum((evidence.joints_weight > 0).sum(1), 1)


def seen_along(joints_mm: np.ndarray) -> np.ndarray:
    """(..., 2) right and down over depth, of joints (..., 3) in upright axes."""
    depth = np.maximum(-joints_mm[..., 2:], NEAR_MM)
    return joints_mm[..., :2] * (1.0, -1.0) / depth


def hold_feet(pose: Pose, joints_mm: np.ndarray, lengths_mm: np.ndarray, feet: Sequence[Feet]) -> Pose:
    """``pose``, whose joints are (P, 24, 3), with everybody's feet where ``feet`` say, and the bodies following them."""
    root = pose.root_mm + np.stack([one.shift_mm for one in feet])
    wanted = joints_mm[:, FEET] + np.stack([one.correction_mm for one in feet])
    return Pose(root, reach(pose.local, lengths_mm, wanted - root[:, None, None]))


def _with_fit(
    people: People, rows: np.ndarray, pose: Pose, fitted: np.ndarray, bodies: Sequence[Body], camera: Camera
) -> People:
    detected = (people.joint_score[rows] > 0) & np.isfinite(people.joints_px[rows]).all(-1)
    changed = {
        "joints_px": np.where(detected[..., None], people.joints_px[rows], camera.project(fitted * UPRIGHT)),
        "joints_mm": (fitted - pose.root_mm[:, None]) * UPRIGHT,
        "root_cam_mm": pose.root_mm * UPRIGHT,
        "rotations": pose.local,
        "bone_lengths_mm": np.stack([body.lengths_mm for body in bodies]),
        "foot_stands": np.stack([body.feet.stands for body in bodies]),
    }
    out = {}
    for name, values in changed.items():
        out[name] = getattr(people, name).copy()
        out[name][rows] = values
    return dataclasses.replace(people, **out)
