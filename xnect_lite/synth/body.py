"""Baked bodies: rest shapes, a reduced skeleton and skinning weights in one npz; posing needs NumPy only.

World axes: x to the person's left, y up, z to where a person at rest faces; metres; the floor is y = 0.
The skeleton has 22 bones. A bone turns about its head; its rotation is the identity in the rest pose.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from xnect_lite.errors import XnectError
from xnect_lite.files.npz import read_npz
from xnect_lite.skeleton import INDEX, NUM_JOINTS, derive_joints

SCHEMA_VERSION = 1

BONE_PARENT: dict[str, str] = {
    "pelvis": "", "spine_01": "pelvis", "spine_02": "spine_01", "spine_03": "spine_02", "neck": "spine_03", "head": "neck",
} | {
    f"{side}_{bone}": f"{side}_{parent}" if parent not in ("spine_03", "pelvis") else parent
    for side in "rl"
    for bone, parent in (
        ("clavicle", "spine_03"), ("upper_arm", "clavicle"), ("forearm", "upper_arm"), ("hand", "forearm"),
        ("thigh", "pelvis"), ("shin", "thigh"), ("foot", "shin"), ("toes", "foot"),
    )
}  # fmt: skip
"""Bone name -> parent, parents first."""
BONES: tuple[str, ...] = tuple(BONE_PARENT)
BONE: dict[str, int] = {name: i for i, name in enumerate(BONES)}
BONE_PARENTS: tuple[int, ...] = tuple(BONE.get(parent, -1) for parent in BONE_PARENT.values())

JOINT_BONE: dict[str, str] = {"head_top": "head", "nose": "head", "r_ear": "head", "l_ear": "head"} | {
    f"{side}_{joint}": f"{side}_{bone}"
    for side in "rl"
    for joint, bone in (
        ("shoulder", "upper_arm"), ("elbow", "forearm"), ("wrist", "hand"), ("hand", "hand"),
        ("hip", "thigh"), ("knee", "shin"), ("ankle", "foot"), ("toe", "toes"),
    )
}  # fmt: skip
"""XNECT24 joints that hang on a bone. Pelvis, neck, spine and head follow from them: `skeleton.derive_joints`."""
_HUNG = np.array([INDEX[joint] for joint in JOINT_BONE])
_HUNG_ON = np.array([BONE[bone] for bone in JOINT_BONE.values()])


@dataclass(frozen=True)
class Part:
    """One drawable piece of the base mesh. Corners repeat a vertex where its texture coordinate differs.

    vertex (C,) body vertex of each corner; uv (C, 2), v upwards; triangles (T, 3) corners, counter-clockwise seen from outside.
    """

    vertex: np.ndarray
    uv: np.ndarray
    triangles: np.ndarray


@dataclass(frozen=True)
class Body:
    """One person's rest shape. V vertices, 22 bones.

    rest_m (V, 3); bone_head_m (22, 3); joint_m (24, 3), NaN where a joint is derived; traits: name -> 0..1.
    """

    rest_m: np.ndarray
    bone_head_m: np.ndarray
    joint_m: np.ndarray
    traits: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class BodySet:
    """Bodies of one topology. B bodies, V vertices.

    rest_m (B, V, 3), bone_head_m (B, 22, 3), joint_m (B, 24, 3): metres, axes as above.
    traits (B, K) with trait_names; weights (V, 22) skinning weights, rows sum to 1; parts: 'body', 'eyes', shells …
    source: where the bodies come from, with licence.
    """

    rest_m: np.ndarray
    bone_head_m: np.ndarray
    joint_m: np.ndarray
    weights: np.ndarray
    parts: dict[str, Part]
    trait_names: tuple[str, ...] = ()
    traits: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    source: str = ""

    def __len__(self) -> int:
        return len(self.rest_m)

    def rows(self, rows: list[int]) -> BodySet:
        """Only these bodies."""
        chosen = {name: getattr(self, name)[rows] for name in ("rest_m", "bone_head_m", "joint_m")}
        return replace(self, **chosen, traits=self.traits[rows] if len(self.traits) else self.traits)

    def mix(self, first: int, second: int, share: float) -> Body:
        """A body between two: (1 - share) of the first, share of the second, 0..1."""

        def blend(values: np.ndarray) -> np.ndarray:
            return (1 - share) * values[first] + share * values[second]

        traits = dict(zip(self.trait_names, blend(self.traits).tolist(), strict=True)) if self.trait_names else {}
        return Body(blend(self.rest_m), blend(self.bone_head_m), blend(self.joint_m), traits)


def forward(body: Body, local: np.ndarray, root_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World rotation (22, 3, 3) and head position (22, 3) of every bone.

    local: (22, 3, 3) rotation of each bone relative to its parent; root_m: (3,) where the pelvis bone's head is.
    """
    rotation = np.empty((len(BONES), 3, 3))
    position = np.empty((len(BONES), 3))
    for bone, parent in enumerate(BONE_PARENTS):
        if parent < 0:
            rotation[bone], position[bone] = local[bone], root_m
        else:
            rotation[bone] = rotation[parent] @ local[bone]
            offset = body.bone_head_m[bone] - body.bone_head_m[parent]
            position[bone] = position[parent] + rotation[parent] @ offset
    return rotation, position


def to_local(rotation: np.ndarray) -> np.ndarray:
    """(..., 22, 3, 3) rotations relative to the parent, from world rotations of the same shape."""
    local = np.array(rotation)
    for bone, parent in enumerate(BONE_PARENTS):
        if parent >= 0:
            local[..., bone, :, :] = np.swapaxes(rotation[..., parent, :, :], -1, -2) @ rotation[..., bone, :, :]
    return local


def posed_joints(body: Body, rotation: np.ndarray, position: np.ndarray) -> np.ndarray:
    """(24, 3) XNECT24 joints in the world, metres, of a body posed by `forward`."""
    joints = np.full((NUM_JOINTS, 3), np.nan)
    offset = body.joint_m[_HUNG] - body.bone_head_m[_HUNG_ON]
    joints[_HUNG] = position[_HUNG_ON] + np.einsum("jab,jb->ja", rotation[_HUNG_ON], offset)
    return derive_joints(joints)


def skin(
    rest_m: np.ndarray, weights: np.ndarray, bone_head_m: np.ndarray, rotation: np.ndarray, position: np.ndarray
) -> np.ndarray:
    """(N, 3) float32 posed vertices by linear-blend skinning: each bone's rigid motion, blended by (N, 22) weights."""
    shift = position - np.einsum("bij,bj->bi", rotation, bone_head_m)
    motion = np.concatenate([rotation, shift[:, :, None]], -1).reshape(len(rotation), 12).astype(np.float32)
    blended = (weights @ motion).reshape(-1, 3, 4)
    return np.einsum("nij,nj->ni", blended[:, :, :3], rest_m.astype(np.float32)) + blended[:, :, 3]


def save_bodies(path: str | Path, bodies: BodySet) -> None:
    """Write one npz: the mean shape exactly, every body as a half-precision difference (under 0.3 mm)."""
    mean = bodies.rest_m.mean(0, dtype=np.float64)
    strongest = np.argsort(-bodies.weights, axis=1)[:, :6].astype(np.uint8)
    arrays = {
        "schema_version": np.array(SCHEMA_VERSION),
        "bones": np.array(BONES),
        "mean_m": mean.astype(np.float32),
        "delta_m": (bodies.rest_m - mean).astype(np.float16),
        "bone_head_m": bodies.bone_head_m.astype(np.float32),
        "joint_m": bodies.joint_m.astype(np.float32),
        "weight_bone": strongest,
        "weight": np.take_along_axis(bodies.weights, strongest.astype(int), 1).astype(np.float16),
        "trait_names": np.array(bodies.trait_names, dtype=np.str_),
        "traits": bodies.traits.astype(np.float32),
        "part_names": np.array(list(bodies.parts)),
        "source": np.array(bodies.source),
    }
    for name, part in bodies.parts.items():
        arrays[f"part_{name}_vertex"] = part.vertex.astype(np.int32)
        arrays[f"part_{name}_uv"] = part.uv.astype(np.float32)
        arrays[f"part_{name}_triangles"] = part.triangles.astype(np.int32)
    part_file = Path(path).with_suffix(".npz.part")
    with part_file.open("wb") as file:
        np.savez_compressed(file, **arrays)
    part_file.replace(path)


def load_bodies(path: str | Path) -> BodySet:
    """Read what `save_bodies` wrote. Raises XnectError if the file is missing, damaged or of another version."""
    again = "Make it again with xnect-lite synth bake"
    try:
        a = read_npz(path)
        if int(a["schema_version"]) != SCHEMA_VERSION or tuple(a["bones"].tolist()) != BONES:
            raise XnectError(str(path), "holds bodies of another version", again)
        weights = np.zeros((len(a["mean_m"]), len(BONES)), np.float32)
        np.put_along_axis(weights, a["weight_bone"].astype(int), a["weight"].astype(np.float32), 1)
        return BodySet(
            rest_m=a["mean_m"] + a["delta_m"].astype(np.float32),
            bone_head_m=a["bone_head_m"],
            joint_m=a["joint_m"],
            weights=weights / weights.sum(1, keepdims=True),
            parts={str(n): Part(a[f"part_{n}_vertex"], a[f"part_{n}_uv"], a[f"part_{n}_triangles"]) for n in a["part_names"]},
            trait_names=tuple(a["trait_names"].tolist()),
            traits=a["traits"],
            source=str(a["source"]),
        )
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise XnectError(str(path), f"holds no baked bodies ({error})", again) from error
