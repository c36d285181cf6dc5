"""Poses that nobody was captured in: joint-limit sampling, limbs of other poses, and a plain walk.

Limits are of a healthy adult, in degrees, deliberately a little inside what sports people reach.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from xnect_lite.synth.body import BONE, BONE_PARENT, Body, to_local
from xnect_lite.synth.rotation import about, shortest_arc

LEFT, UP, FORWARD = np.eye(3)
ARM = ("clavicle", "upper_arm", "forearm", "hand")
LEG = ("thigh", "shin", "foot", "toes")


def standing(body: Body) -> np.ndarray:
    """(22, 3, 3) local rotations: upright, legs straight down, arms hanging."""
    world = np.tile(np.eye(3), (len(BONE_PARENT), 1, 1))
    for side, sign in (("r", -1.0), ("l", 1.0)):
        world[BONE[f"{side}_upper_arm"]] = _point(body, side, "upper_arm", np.array([0.12 * sign, -1, 0]))
        world[BONE[f"{side}_forearm"]] = _point(body, side, "forearm", np.array([0.05 * sign, -1, 0.15]))
        world[BONE[f"{side}_hand"]] = world[BONE[f"{side}_forearm"]]
        world[BONE[f"{side}_thigh"]] = _point(body, side, "thigh", np.array([0.02 * sign, -1, 0]))
        world[BONE[f"{side}_shin"]] = _point(body, side, "shin", np.array([0.0, -1, -0.03]))
    return to_local(world)


def limits_pose(body: Body, rng: np.random.Generator) -> np.ndarray:
    """(22, 3, 3) local rotations drawn between the limits of every joint; the root upright, facing +z."""
    local = standing(body)
    for bone, reach in (("spine_01", 12), ("spine_02", 10), ("spine_03", 8), ("neck", 18), ("head", 20)):
        local[BONE[bone]] = _small(rng, reach)
    for side in "rl":
        sample_arm(local, body, side, rng)
        sample_leg(local, body, side, rng)
    return local


def sample_arm(local: np.ndarray, body: Body, side: str, rng: np.random.Generator) -> None:
    """Draw one arm between its limits, in place."""
    sign = 1.0 if side == "l" else -1.0
    raised, around = rng.uniform(0, 165), rng.uniform(-35, 120)  # around: 0 = in front, 90 = to the side
    raised *= 1 - 0.4 * (around > 100)
    down = np.array([0.0, -1.0, 0.0])
    side_axis = about(UP, sign * np.radians(around)) @ -LEFT  # raises the arm towards `around`
    direction = about(side_axis, np.radians(raised)) @ down
    clavicle = about(FORWARD, sign * np.radians(max(raised - 70, 0) * 0.22)) @ _small(rng, 4)
    aimed = shortest_arc(down, direction) @ _point(body, side, "upper_arm", down)
    twist = about(direction, np.radians(rng.uniform(-60, 60)))
    local[BONE[f"{side}_clavicle"]] = clavicle
    upper = clavicle.T @ twist @ aimed
    local[BONE[f"{side}_upper_arm"]] = upper
    # The rest pose has the elbow bent: its plane is the hinge, and straightening it is where flexion starts.
    a, b = _direction(body, side, "upper_arm"), _direction(body, side, "forearm")
    hinge = np.cross(a, b)
    hinge = hinge if np.linalg.norm(hinge) > 1e-3 * np.linalg.norm(a) * np.linalg.norm(b) else np.cross(a, FORWARD)
    flexion = np.radians(rng.uniform(0, 140) if rng.random() < 0.8 else rng.uniform(0, 25))
    local[BONE[f"{side}_forearm"]] = about(hinge, flexion) @ shortest_arc(b, a) @ about(b, np.radians(rng.uniform(-40, 40)))
    local[BONE[f"{side}_hand"]] = _small(rng, 30)


def sample_leg(local: np.ndarray, body: Body, side: str, rng: np.random.Generator) -> None:
    """Draw one leg between its limits, in place."""
    sign = 1.0 if side == "l" else -1.0
    flexion = rng.uniform(-20, 110) if rng.random() < 0.7 else rng.uniform(-10, 30)
    abduction = rng.uniform(-8, 40)
    down = np.array([0.0, -1.0, 0.0])
    hip = about(LEFT, -np.radians(flexion)) @ about(FORWARD, sign * np.radians(abduction))
    hip = hip @ about(UP, sign * np.radians(rng.uniform(-20, 35)))
    straight = _point(body, side, "thigh", down)
    local[BONE[f"{side}_thigh"]] = hip @ straight
    bend = rng.uniform(0, min(135, 60 + max(flexion, 0)))
    shin = about(LEFT, np.radians(bend)) @ _point(body, side, "shin", down)
    local[BONE[f"{side}_shin"]] = straight.T @ shin
    ankle = about(LEFT, np.radians(rng.uniform(-15, 40))) @ about(FORWARD, np.radians(rng.uniform(-15, 15)))
    local[BONE[f"{side}_foot"]] = _point(body, side, "shin", down).T @ ankle
    local[BONE[f"{side}_toes"]] = about(LEFT, -np.radians(rng.uniform(0, 25)))


def mix_limbs(local: np.ndarray, other: np.ndarray, limbs: list[str]) -> np.ndarray:
    """(22, 3, 3) ``local`` with the named limbs ('r_arm', 'l_leg' …) of ``other``."""
    out = np.array(local)
    for limb in limbs:
        side, kind = limb.split("_")
        for bone in ARM if kind == "arm" else LEG:
            out[BONE[f"{side}_{bone}"]] = other[BONE[f"{side}_{bone}"]]
    return out


def walk_pose(body: Body, phase: float, stride: float = 1.0) -> np.ndarray:
    """(22, 3, 3) local rotations of a plain walk; ``phase`` in cycles (two steps), ``stride`` 0 = standing … 1 = brisk."""
    local = standing(body)
    for side, shift in (("r", 0.0), ("l", 0.5)):
        t = 2 * np.pi * (phase + shift)
        swing = max(0.0, np.sin(t + 0.9))
        flexion, knee = 24 * stride * np.cos(t) + 4 * stride, 6 * stride + 52 * stride * swing**2
        local[BONE[f"{side}_thigh"]] = about(LEFT, -np.radians(flexion)) @ local[BONE[f"{side}_thigh"]]
        local[BONE[f"{side}_shin"]] = about(LEFT, np.radians(knee)) @ local[BONE[f"{side}_shin"]]
        local[BONE[f"{side}_foot"]] = about(LEFT, np.radians(0.5 * (flexion - knee) + 4)) @ local[BONE[f"{side}_foot"]]
        local[BONE[f"{side}_upper_arm"]] = about(LEFT, np.radians(22 * stride * np.cos(t))) @ local[BONE[f"{side}_upper_arm"]]
        forearm = local[BONE[f"{side}_forearm"]]
        upper = local[BONE[f"{side}_upper_arm"]]
        bend = upper.T @ about(LEFT, -np.radians(14 * stride * (1 - np.cos(t)))) @ upper
        local[BONE[f"{side}_forearm"]] = bend @ forearm
    local[BONE["spine_02"]] = about(UP, np.radians(6 * stride * np.cos(2 * np.pi * phase)))
    return local


def random_root(rng: np.random.Generator, upright: float = 0.75) -> np.ndarray:
    """(3, 3) a root turn for sampled poses: any heading; upright with probability ``upright``, else lying or anyhow."""
    heading = about(UP, rng.uniform(-np.pi, np.pi))
    kind = rng.random()
    if kind < upright:
        tilt = _small(rng, 15)
    elif kind < upright + 0.6 * (1 - upright):  # on the back, the front or a side
        tilt = about(UP, rng.uniform(-np.pi, np.pi)) @ about(LEFT, np.radians(rng.uniform(70, 100)))
        tilt = tilt @ about(UP, rng.uniform(-np.pi, np.pi))
    else:
        tilt = Rotation.random(random_state=rng).as_matrix()
    return heading @ tilt


def _direction(body: Body, side: str, bone: str) -> np.ndarray:
    """(3,) rest direction of a limb bone, towards the next one's head."""
    chain = ARM if bone in ARM else LEG
    following = chain[chain.index(bone) + 1]
    return body.bone_head_m[BONE[f"{side}_{following}"]] - body.bone_head_m[BONE[f"{side}_{bone}"]]


def _point(body: Body, side: str, bone: str, direction: np.ndarray) -> np.ndarray:
    """(3, 3) world rotation that makes a limb bone point along ``direction``."""
    return shortest_arc(_direction(body, side, bone), direction)


def _small(rng: np.random.Generator, degrees: float) -> np.ndarray:
    return Rotation.from_rotvec(np.radians(rng.uniform(-degrees, degrees, 3)) / np.sqrt(1.5)).as_matrix()
