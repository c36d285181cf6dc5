"""What a fit is judged by, as rows of residuals in units of their expected spread, with their exact Jacobian.

XNect's energy (section 6): 3D joints, 2D reprojection, joint limits, smoothness over time and depth, here each divided by
how far off it usually is.

Axes are upright: x right, y up, z towards the camera, which is camera space turned by half about x; millimetres. The
unknowns are the root's place and one small turn about each free axis of each joint, in the joint's own axes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from xnect_lite.skeleton import NUM_JOINTS
from xnect_lite.stages.fitting.knees import KNEES
from xnect_lite.stages.fitting.limits import AXIS_OF, HIGH, JOINT_OF, LOW, MIDDLE, NUM_TURNS, STIFFNESS
from xnect_lite.stages.fitting.rotation import rotvec_jacobian, to_matrix, to_rotvec, transposed
from xnect_lite.stages.fitting.tree import MOVES, NUM_TREE, SITS_AT, joints_from_world, world_rotations

NUM_UNKNOWNS = 3 + NUM_TURNS
_LIMIT_SIGMA = np.radians(3.0)
_MOVED = MOVES[JOINT_OF].T.astype(float)[None, :, None, :]  # (1, 24, 1, A)


@dataclass(frozen=True, slots=True)
class Pose:
    """Poses of P people: ``root_mm`` (P, 3) upright axes, ``local`` (P, J, 3, 3) rotations in the parents' axes."""

    root_mm: np.ndarray
    local: np.ndarray

    def take(self, rows: np.ndarray) -> Pose:
        """The poses of these rows."""
        return Pose(self.root_mm[rows], self.local[rows])

    def turned(self, step: np.ndarray) -> Pose:
        """After a step (P, U) of the unknowns."""
        rotvec = np.zeros((len(step), NUM_TREE, 3))
        rotvec[:, JOINT_OF, AXIS_OF] = step[:, 3:]
        return Pose(self.root_mm + step[:, :3], self.local @ to_matrix(rotvec))


@dataclass(frozen=True, slots=True)
class Evidence:
    """What P people are fitted to. Places without evidence hold 0 and have weight 0; weights are 1 / spread.

    lengths_mm   (P, 24) bones of their skeletons.
    joints_mm    (P, 24, 3) root-relative.                     joints_weight  (P, 24) per mm
    rays         (P, 24, 2) (x right, y down) / depth.         rays_weight    (P, 24) per mm that a joint is beside its ray
    root_mm      (P, 3) where the root should be by now.       root_weight    (P, 3) per mm
    last_local   (P, J, 3, 3) likewise the rotations.          turn_weight    (P,) per radian
    straight_weight (P, 2) per radian that the left and the right knee are bent
    """

    lengths_mm: np.ndarray
    joints_mm: np.ndarray
    joints_weight: np.ndarray
    rays: np.ndarray
    rays_weight: np.ndarray
    root_mm: np.ndarray
    root_weight: np.ndarray
    last_local: np.ndarray
    turn_weight: np.ndarray
    straight_weight: np.ndarray

    def take(self, rows: np.ndarray) -> Evidence:
        """That of these rows."""
        return Evidence(*(getattr(self, f.name)[rows] for f in fields(self)))


_SIZES = (3 * NUM_JOINTS, 2 * NUM_JOINTS, 3, NUM_TURNS, NUM_TURNS, NUM_TURNS, len(KNEES))
_3D, _2D, _PLACE, _LIMITS, _STIFF, _SMOOTH, _STRAIGHT = (
    slice(end - size, end) for size, end in zip(_SIZES, np.cumsum(_SIZES), strict=True)
)
NUM_ROWS = sum(_SIZES)


def joints_mm(pose: Pose, lengths_mm: np.ndarray) -> np.ndarray:
    """(P, 24, 3) joints, upright axes."""
    return pose.root_mm[:, None] + joints_from_world(world_rotations(pose.local), lengths_mm)


def evaluate(pose: Pose, evidence: Evidence, outlier_sigmas: float = np.inf) -> tuple[np.ndarray, np.ndarray]:
    """Residuals (P, R) of all terms at ``pose``, and their Jacobian (P, R, U).

    Joints off by more than ``outlier_sigmas`` lose their weight in 3D and 2D (Geman-McClure); as weights of a step they are
    taken as constants in the Jacobian.
    """
    e, count = evidence, len(pose.root_mm)
    residual, jacobian = np.empty((count, NUM_ROWS)), np.zeros((count, NUM_ROWS, NUM_UNKNOWNS))

    def rows(term: slice, *shape: int) -> np.ndarray:
        return jacobian[:, term].reshape(count, *shape, NUM_UNKNOWNS)  # a view

    world = world_rotations(pose.local)
    body = joints_from_world(world, e.lengths_mm)  # root-relative
    moved = _joint_jacobian(world, body)  # (P, 24, 3, U)

    off = (body - e.joints_mm) * e.joints_weight[..., None]
    trust = _trust((off**2).sum(-1), outlier_sigmas)
    residual[:, _3D] = (off * trust[..., None]).reshape(count, -1)
    np.multiply(moved[..., 3:], (e.joints_weight * trust)[..., None, None], out=rows(_3D, NUM_JOINTS, 3)[..., 3:])

    points = body + pose.root_mm[:, None]
    across = e.rays * (1.0, -1.0)  # a point on the ray is this times its depth, -z, to the right and up
    off = (points[..., :2] + across * points[..., 2:]) * e.rays_weight[..., None]
    trust = _trust((off**2).sum(-1), outlier_sigmas)
    residual[:, _2D] = (off * trust[..., None]).reshape(count, -1)
    view = rows(_2D, NUM_JOINTS, 2)
    np.multiply(moved[:, :, 2, None], across[..., None], out=view)
    view += moved[:, :, :2]
    view *= (e.rays_weight * trust)[..., None, None]

    residual[:, _PLACE] = (pose.root_mm - e.root_mm) * e.root_weight
    jacobian[:, _PLACE] = e.root_weight[:, :, None] * np.eye(3, NUM_UNKNOWNS)
    _turn_terms(pose, e, residual, jacobian)
    return residual, jacobian


def _trust(square: np.ndarray, outlier_sigmas: float) -> np.ndarray:
    """Square root of the Geman-McClure weight of a residual."""
    return 1.0 / (1.0 + square / outlier_sigmas**2)


def _joint_jacobian(world: np.ndarray, body: np.ndarray) -> np.ndarray:
    """(P, 24, 3, U) how each joint moves with the root's place and each turn: the axis crossed with the lever."""
    axes = world[:, JOINT_OF, :, AXIS_OF]  # (A, P, 3)
    ax, ay, az = (axes[None, ..., k].transpose(2, 0, 1) for k in range(3))  # (P, 1, A)
    pivot = body[:, SITS_AT[JOINT_OF]]  # (P, A, 3)
    lx, ly, lz = (body[:, :, None, k] - pivot[:, None, :, k] for k in range(3))  # (P, 24, A)
    out = np.empty((len(body), NUM_JOINTS, 3, NUM_UNKNOWNS))
    out[..., :3] = np.eye(3)
    out[:, :, 0, 3:] = ay * lz - az * ly
    out[:, :, 1, 3:] = az * lx - ax * lz
    out[:, :, 2, 3:] = ax * ly - ay * lx
    out[..., 3:] *= _MOVED
    return out


def _turn_terms(pose: Pose, e: Evidence, residual: np.ndarray, jacobian: np.ndarray) -> None:
    """Of what sees one joint each, limits, stiffness, smoothness, straight knees: rows of ``residual`` and ``jacobian``."""
    from_middle, from_last = transposed(MIDDLE) @ pose.local, transposed(e.last_local) @ pose.local
    rotvec = to_rotvec(np.stack([from_middle, from_last]))
    # A row of one turn has entries in the columns of its joint's turns.
    change = rotvec_jacobian(rotvec)[:, :, JOINT_OF, AXIS_OF][..., AXIS_OF] * _SAME_JOINT  # (2, P, A, A)
    angle = rotvec[:, :, JOINT_OF, AXIS_OF]  # (2, P, A)
    beyond = angle[0] - np.clip(angle[0], _LOW, _HIGH)
    smooth = e.turn_weight[:, None]
    for term, value, weight, block in (
        (_LIMITS, beyond, (beyond != 0) / _LIMIT_SIGMA, change[0]),
        (_STIFF, angle[0], _STIFFNESS, change[0]),
        (_SMOOTH, angle[1], smooth, change[1]),
    ):
        residual[:, term] = value * weight
        np.multiply(block, weight[..., None], out=jacobian[:, term, 3:])
    knee = to_rotvec(pose.local[:, KNEES])  # hinges about x
    residual[:, _STRAIGHT] = knee[..., 0] * e.straight_weight
    jacobian[:, _STRAIGHT, 3:] = (rotvec_jacobian(knee)[..., 0, 0] * e.straight_weight)[..., None] * _OF_KNEE


_OF_KNEE = (KNEES[:, None] == JOINT_OF).astype(float)
_SAME_JOINT = (JOINT_OF[:, None] == JOINT_OF).astype(float)
_LOW, _HIGH, _STIFFNESS = (table[JOINT_OF, AXIS_OF] for table in (LOW, HIGH, STIFFNESS))
