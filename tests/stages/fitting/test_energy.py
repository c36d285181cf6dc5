"""The energy's analytic Jacobian against finite differences, term by term, and the steps it leads to."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from xnect_lite.skeleton import CANONICAL_BONE_M, NUM_JOINTS, ROOT
from xnect_lite.stages.fitting import energy
from xnect_lite.stages.fitting.energy import NUM_ROWS, NUM_UNKNOWNS, Evidence, Pose, evaluate, joints_mm
from xnect_lite.stages.fitting.limits import MIDDLE
from xnect_lite.stages.fitting.solve import solve
from xnect_lite.stages.fitting.tree import NUM_TREE

TERMS = ["_3D", "_2D", "_STRAIGHT", "_PLACE", "_LIMITS", "_STIFF", "_SMOOTH"]


def some_pose(people: int, rng: np.random.Generator, swing_deg: float = 40.0) -> Pose:
    turns = Rotation.from_rotvec(np.radians(swing_deg) * rng.uniform(-1, 1, (people * NUM_TREE, 3))).as_matrix()
    root = np.array([0.0, 0.0, -4000.0]) + rng.normal(scale=300, size=(people, 3))
    return Pose(root, MIDDLE @ turns.reshape(people, NUM_TREE, 3, 3))


def some_evidence(people: int, rng: np.random.Generator) -> Evidence:
    lengths = np.tile(1000 * CANONICAL_BONE_M, (people, 1)) * rng.uniform(0.9, 1.1, (people, NUM_JOINTS))
    truth, last = some_pose(people, rng), some_pose(people, rng)
    points = joints_mm(truth, lengths)
    return Evidence(
        lengths_mm=lengths,
        joints_mm=points - truth.root_mm[:, None] + rng.normal(scale=30, size=points.shape),
        joints_weight=rng.uniform(0.005, 0.05, points.shape[:2]) * (rng.random(points.shape[:2]) > 0.2),
        rays=points[..., :2] * (1, -1) / -points[..., 2:],
        rays_weight=rng.uniform(0.02, 0.1, points.shape[:2]) * (rng.random(points.shape[:2]) > 0.2),
        root_mm=last.root_mm,
        root_weight=rng.uniform(0.001, 0.01, (people, 3)),
        last_local=last.local,
        turn_weight=rng.uniform(0.5, 5, people),
        straight_weight=np.full((len(points), 2), 5.0),
    )


@pytest.mark.parametrize("term", TERMS)
def test_jacobian_equals_finite_differences(term):
    rng = np.random.default_rng(1)
    pose, evidence = some_pose(3, rng, swing_deg=70), some_evidence(3, rng)
    rows = getattr(energy, term)
    _, analytic = evaluate(pose, evidence)
    for unknown in range(NUM_UNKNOWNS):
        size = 1e-3 if unknown < 3 else 1e-6  # mm, radians
        step = np.zeros((3, NUM_UNKNOWNS))
        step[:, unknown] = size
        ahead, behind = (evaluate(pose.turned(s), evidence)[0] for s in (step, -step))
        numeric = (ahead - behind)[:, rows] / (2 * size)
        scale = np.abs(analytic[:, rows]).max()
        np.testing.assert_allclose(analytic[:, rows, unknown], numeric, atol=1e-5 * scale, err_msg=f"unknown {unknown}")


def test_every_term_takes_part():
    """A Jacobian of nothing but zeros would equal its finite differences too."""
    rng = np.random.default_rng(1)
    residual, jacobian = evaluate(some_pose(3, rng, swing_deg=70), some_evidence(3, rng))
    assert residual.shape == (3, NUM_ROWS) and jacobian.shape == (3, NUM_ROWS, NUM_UNKNOWNS)
    for term in TERMS:
        assert np.abs(residual[:, getattr(energy, term)]).max() > 0.1, term
        assert np.abs(jacobian[:, getattr(energy, term)]).max() > 0, term
    assert (np.abs(jacobian).max((0, 1)) > 0).all(), "every unknown is seen by some term"


def test_outliers_lose_their_weight():
    rng = np.random.default_rng(2)
    evidence = dataclasses.replace(some_evidence(1, rng), joints_weight=np.full((1, NUM_JOINTS), 0.02))
    pose = some_pose(1, rng)
    near, _ = evaluate(pose, evidence, outlier_sigmas=3.0)
    evidence.joints_mm[0, 4] += 5000.0
    far, _ = evaluate(pose, evidence, outlier_sigmas=3.0)
    assert np.linalg.norm(far[0, 12:15]) < 0.2 * np.linalg.norm(near[0, 12:15]) + 0.2
    np.testing.assert_array_equal(np.delete(far, slice(12, 15), axis=1), np.delete(near, slice(12, 15), axis=1))


def test_steps_lead_back_to_a_pose_that_explains_everything():
    rng = np.random.default_rng(3)
    truth = Pose(np.array([[100.0, 50.0, -3500.0]]), np.tile(MIDDLE, (1, 1, 1, 1)))
    lengths = 1000 * CANONICAL_BONE_M[None]
    points = joints_mm(truth, lengths)
    evidence = Evidence(
        lengths, points - truth.root_mm[:, None], np.full((1, NUM_JOINTS), 0.05),
        points[..., :2] * (1, -1) / -points[..., 2:], np.full((1, NUM_JOINTS), 0.05),
        truth.root_mm, np.zeros((1, 3)), truth.local, np.zeros(1), np.zeros((1, 2)),
    )  # fmt: skip
    step = np.concatenate([rng.normal(scale=100, size=(1, 3)), rng.normal(scale=0.2, size=(1, NUM_UNKNOWNS - 3))], 1)
    found = solve(truth.turned(step), evidence, iterations=10, outlier_sigmas=np.inf)
    assert np.linalg.norm(joints_mm(found, lengths) - points, axis=-1).max() < 1.0


def test_nothing_known_stays_finite():
    rng = np.random.default_rng(4)
    evidence = some_evidence(2, rng)
    nothing = {f.name: np.zeros_like(getattr(evidence, f.name)) for f in dataclasses.fields(Evidence)}
    blank = Evidence(**nothing | {"lengths_mm": evidence.lengths_mm, "last_local": evidence.last_local})
    found = solve(some_pose(2, rng), blank, iterations=3, outlier_sigmas=3.0)
    assert np.isfinite(found.root_mm).all() and np.isfinite(found.local).all()


def test_a_joint_beside_its_ray_by_hand():
    """The root at 4 m, seen along the axis; it is 60 mm to the right and 30 mm up: so far beside its ray, wherever it is."""
    rng = np.random.default_rng(5)
    for depth in (4000.0, 2000.0):
        evidence = some_evidence(1, rng)
        evidence.rays[:], evidence.rays_weight[:] = 0.0, 0.01
        pose = dataclasses.replace(some_pose(1, rng), root_mm=np.array([[60.0, 30.0, -depth]]))
        off = evaluate(pose, evidence)[0][:, energy._2D].reshape(NUM_JOINTS, 2)
        np.testing.assert_allclose(off[ROOT], (0.6, 0.3), atol=1e-12)
        evidence.rays[0, ROOT] = (0.1, 0.05)  # x right, y down: at this depth a tenth of it to the right, a twentieth down
        off = evaluate(pose, evidence)[0][:, energy._2D].reshape(NUM_JOINTS, 2)
        np.testing.assert_allclose(off[ROOT], ((60 - 0.1 * depth) / 100, (30 + 0.05 * depth) / 100), atol=1e-12)
