"""Joint positions -> local rotations of the BVH tree.

Every joint is aimed: its bone's rest direction is turned on to the measured one, exactly. What that leaves open, the twist
about the bone, comes from a second measured direction where there is one: the hip and shoulder lines, the ears or nose for
the head, the plane of a bent elbow or knee for the limb. Limbs that are nearly straight show no plane; they keep the twist
they had, carried along with the parent and the bone. Joints with a single direction take the smallest turn.

Axes as in the file: x to the left of a person who faces +Z, y up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from xnect_lite.record.resample import bracket, resample_rotations
from xnect_lite.skeleton import BVH_NAMES, INDEX, PARENTS
from xnect_lite.stages.fitting.rotation import shortest_turn, unit
from xnect_lite.stages.fitting.tree import REST_DIRECTIONS, TREE

# Sine of the angle between the two directions, 6 and 30 degrees. Between them the plane of a limb is followed sluggishly:
# with 11 mm of noise this cuts the jitter of a hanging arm's twist by a third against trusting it from 17 degrees on.
_SINE_UNTRUSTED, _SINE_TRUSTED = 0.1, 0.5
_TRUST_STEP_S = 1 / 30  # a share of the error equal to the trust is corrected in this time
_RELAX_S = 3.0  # a limb that stays straight drifts back to its untwisted state over this time
_LIMB_TWIST_RATE = 15.0  # rad/s; faster twist of an upper arm or thigh is noise of a nearly straight limb

_X, _Y = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True, slots=True)
class _Aim:
    """What is measured for one joint, world axes.

    primary:    (F, 3) where ``rest`` goes, NaN = not measured.
    secondary:  (F, 3) where ``rest_secondary`` goes as far as it can, NaN = not measured; None = smallest turn.
    trust:      (F,) 0..1 in the secondary direction.
    reversible: the secondary direction may come with the wrong sign while trust is below 1.
    twist_rate: rad/s allowed for the twist about the primary direction.
    """

    rest: np.ndarray
    primary: np.ndarray
    rest_secondary: np.ndarray | None = None
    secondary: np.ndarray | None = None
    trust: np.ndarray | None = None
    reversible: bool = False
    twist_rate: float = np.inf


def solve_rotations(t_s: np.ndarray, joints_world: np.ndarray, max_gap_s: float) -> tuple[list[Rotation], np.ndarray]:
    """Local rotations of every joint of `TREE`.

    ``t_s`` (F,) increasing seconds; ``joints_world`` (F, 24, 3) in any unit, NaN = missing.
    Returns one Rotation of length F per joint and ``known`` (F, J): where it was measured. Elsewhere it is interpolated over
    gaps up to ``max_gap_s`` and held over longer ones; a joint that was never measured keeps its rest rotation.
    """
    aims = _aims(joints_world)
    turns: list[Rotation] = []
    local: list[Rotation] = []
    known = np.zeros((len(t_s), len(TREE)), bool)
    for i, joint in enumerate(TREE):
        parent = turns[joint.parent] if joint.parent >= 0 else Rotation.identity(len(t_s))
        rotation = Rotation.identity(len(t_s))
        if joint.name in aims:
            aim = aims[joint.name]
            known[:, i] = np.isfinite(aim.primary).all(axis=1)
            seen = np.flatnonzero(known[:, i])
            if len(seen):
                solved = _solve_aim(t_s[seen], parent[seen], aim, seen)
                rotation = resample_rotations(solved, bracket(t_s[seen], t_s, max_gap_s))
        local.append(rotation)
        turns.append(parent * rotation)
    return local, known


def _smoothstep(sine: np.ndarray) -> np.ndarray:
    x = np.clip((np.nan_to_num(sine) - _SINE_UNTRUSTED) / (_SINE_TRUSTED - _SINE_UNTRUSTED), 0.0, 1.0)
    return x * x * (3 - 2 * x)


def _otherwise(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Rows of ``first``, and of ``second`` where ``first`` is NaN."""
    return np.where(np.isfinite(first).all(axis=1, keepdims=True), first, second)


def _aims(joints: np.ndarray) -> dict[str, _Aim]:
    """What each joint of the file is aimed at; joints not named keep their rest rotation."""
    bone = unit(joints - joints[:, PARENTS])

    def line(start: str, end: str) -> np.ndarray:
        return unit(joints[:, INDEX[end]] - joints[:, INDEX[start]])

    def framed(rest: np.ndarray, primary: np.ndarray, rest_secondary: np.ndarray, secondary: np.ndarray) -> _Aim:
        sine = np.linalg.norm(np.cross(primary, secondary), axis=1)
        return _Aim(rest, primary, rest_secondary, secondary, _smoothstep(sine))

    def swung(xnect: str) -> _Aim:
        return _Aim(REST_DIRECTIONS[INDEX[xnect]], bone[:, INDEX[xnect]])

    shoulders, ears = line("r_shoulder", "l_shoulder"), line("r_ear", "l_ear")
    hips = _otherwise(line("r_hip", "l_hip"), shoulders)
    up, nose = _otherwise(bone[:, INDEX["spine"]], line("pelvis", "neck")), bone[:, INDEX["nose"]]
    head_up = _otherwise(bone[:, INDEX["head_top"]], unit(np.cross(nose, ears)))
    head_left = _otherwise(ears, unit(np.cross(head_up, nose)))
    aims = {
        BVH_NAMES["pelvis"]: framed(_X, hips, _Y, up),
        "LowerBack": swung("spine"),
        BVH_NAMES["spine"]: framed(_Y, bone[:, INDEX["neck"]], _X, shoulders),
        BVH_NAMES["neck"]: swung("head"),
        BVH_NAMES["head"]: framed(_Y, head_up, _X, head_left),
        "LeftShoulder": swung("l_shoulder"),
        "RightShoulder": swung("r_shoulder"),
    }
    # The rest normal is the axis about which the joint bends: elbows forwards, knees backwards.
    for side, elbow_normal in (("l", -_Y), ("r", _Y)):
        for start, middle, end, tip, normal in (
            ("shoulder", "elbow", "wrist", "hand", elbow_normal),
            ("hip", "knee", "ankle", "toe", _X),
        ):
            upper, lower = bone[:, INDEX[f"{side}_{middle}"]], bone[:, INDEX[f"{side}_{end}"]]
            cross = np.cross(upper, lower)
            aims[BVH_NAMES[f"{side}_{start}"]] = _Aim(
                rest=REST_DIRECTIONS[INDEX[f"{side}_{middle}"]],
                primary=upper,
                rest_secondary=normal,
                secondary=unit(cross),
                trust=_smoothstep(np.linalg.norm(cross, axis=1)),
                reversible=True,
                twist_rate=_LIMB_TWIST_RATE,
            )
            # From the upper bone's frame the smallest turn on to the lower bone is a pure hinge.
            aims[BVH_NAMES[f"{side}_{middle}"]] = swung(f"{side}_{end}")
            aims[BVH_NAMES[f"{side}_{end}"]] = swung(f"{side}_{tip}")
    return aims


def _solve_aim(t_s: np.ndarray, parent: Rotation, aim: _Aim, rows: np.ndarray) -> Rotation:
    """Local rotations at the frames ``rows``, where the primary direction is known; ``t_s``, ``parent`` are of those frames."""
    to_local = parent.inv()
    primary = to_local.apply(aim.primary[rows])
    swing = shortest_turn(aim.rest, primary)
    if aim.secondary is None or aim.rest_secondary is None or aim.trust is None:
        return swing
    untwisted = swing.apply(aim.rest_secondary)
    measured = to_local.apply(aim.secondary[rows])
    seen = np.isfinite(measured).all(axis=1)
    # How far the untwisted frame itself turns about the bone from frame to frame, against carrying it along the bone's motion.
    carried = np.zeros(len(rows))
    carried[1:] = _angle_about(primary[1:], untwisted[1:], shortest_turn(primary[:-1], primary[1:]).apply(untwisted[:-1]))
    twist = _track_twist(
        t_s,
        carried=carried,
        measured=_angle_about(primary, untwisted, np.where(seen[:, None], measured, untwisted)),
        trust=np.where(seen, aim.trust[rows], 0.0),
        reversible=aim.reversible,
        rate=aim.twist_rate,
    )
    return swing * Rotation.from_rotvec(twist[:, None] * aim.rest)


def _angle_about(axis: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(N,) angle from ``start`` to ``end`` seen along ``axis``, radians; each (N, 3), ``axis`` unit."""
    sine = (axis * np.cross(start, end)).sum(-1)
    cosine = (start * end).sum(-1) - (start * axis).sum(-1) * (end * axis).sum(-1)
    return np.arctan2(sine, cosine)


def _track_twist(
    t_s: np.ndarray, carried: np.ndarray, measured: np.ndarray, trust: np.ndarray, reversible: bool, rate: float
) -> np.ndarray:
    """Follow the twist angle through time: measured where it is trusted, else carried on. All (F,), radians.

    A scalar recursion, hence plain floats: everything vectorised was done by the caller.
    """
    twist = 0.0
    out: list[float] = []
    previous_s = float(t_s[0])
    for time_s, step, target, weight in zip(t_s.tolist(), carried.tolist(), measured.tolist(), trust.tolist(), strict=True):
        elapsed_s = time_s - previous_s
        twist = _wrap(twist + step) * float(np.exp(-elapsed_s * (1 - weight) / _RELAX_S))
        error = _wrap(target - twist)
        if reversible and weight < 1 and abs(error) > np.pi / 2:
            error = _wrap(error + np.pi)  # a nearly straight limb that seems to bend the wrong way
        if out:
            error *= 1 - (1 - weight) ** (elapsed_s / _TRUST_STEP_S)
            error = min(max(error, -rate * elapsed_s), rate * elapsed_s)
        else:
            error *= weight
        twist = _wrap(twist + error)
        out.append(twist)
        previous_s = time_s
    return np.array(out)


def _wrap(angle: float) -> float:
    return (angle + np.pi) % (2 * np.pi) - np.pi
