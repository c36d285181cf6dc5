"""A few damped Gauss-Newton steps on the energy, for everybody at once."""

from __future__ import annotations

import numpy as np

from xnect_lite.stages.fitting.energy import NUM_UNKNOWNS, Evidence, Pose, evaluate
from xnect_lite.stages.fitting.rotation import nearest_rotation

_DAMPING = 1e-3  # of the diagonal, as Levenberg and Marquardt
_GROUND = 1e-6  # added to the diagonal: unknowns that nothing is known about stay where they are
_MAX_TURN = 0.6  # radians in one step: beyond it the linear picture of a turn is no good
_MAX_MOVE_MM = 1000.0


def solve(pose: Pose, evidence: Evidence, iterations: int, outlier_sigmas: float) -> Pose:
    """``pose`` after ``iterations`` steps. A person whose step is not finite stays as is."""
    for _ in range(iterations):
        residual, jacobian = evaluate(pose, evidence, outlier_sigmas)
        transposed = np.swapaxes(jacobian, 1, 2)
        normal = transposed @ jacobian
        gradient = (transposed @ residual[..., None])[..., 0]
        diagonal = np.arange(NUM_UNKNOWNS)
        normal[:, diagonal, diagonal] += _DAMPING * normal[:, diagonal, diagonal] + _GROUND
        pose = pose.turned(_bounded(-np.linalg.solve(normal, gradient[..., None])[..., 0]))
    return Pose(pose.root_mm, nearest_rotation(pose.local))


def _bounded(step: np.ndarray) -> np.ndarray:
    """(P, U) steps no longer than the linear picture holds, in the same direction; 0 for those that are not finite."""
    step = np.where(np.isfinite(step).all(1, keepdims=True), step, 0.0)
    turn = np.abs(step[:, 3:]).max(1, initial=0.0) / _MAX_TURN
    move = np.abs(step[:, :3]).max(1, initial=0.0) / _MAX_MOVE_MM
    return step / np.maximum(1.0, np.maximum(turn, move))[:, None]
