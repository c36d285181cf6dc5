"""A skeleton with its animation as GLB (glTF 2.0, binary): metres, Y up, joints as nodes, bones as a skinned mesh.

The mesh is there for programs that show nothing, or import no armature, without one: an octahedron for each bone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from xnect_lite import __version__
from xnect_lite.record.bvh import BvhClip
from xnect_lite.record.formats.files import library, new_file, person_path, subject
from xnect_lite.record.people import PersonSummary
from xnect_lite.record.rig import RigJoint, rig_of
from xnect_lite.record.shot import Shot

_THICKNESS, _WAIST = 0.1, 0.15  # half width of a bone at its waist, and where that is, as shares of its length
_FACES = np.array([(0, 2, 1), (0, 3, 2), (0, 4, 3), (0, 1, 4), (5, 1, 2), (5, 2, 3), (5, 3, 4), (5, 4, 1)])
_FLOAT, _UBYTE, _UINT = 5126, 5121, 5125  # component types of glTF
_KIND = {1: "SCALAR", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


def write_glb(shot: Shot, folder: Path) -> list[Path]:
    """person02.glb and so on; where absences are cut out, each stay is an animation of its own in the person's file."""
    library("pygltflib", "GLB")
    files = []
    for person in shot.people:
        if clips := shot.clips(person):
            path = person_path(folder, person, "glb")
            data = glb_bytes(person, clips)
            with new_file(path) as file:
                file.write(data)
            files.append(path)
    return files


def glb_bytes(person: PersonSummary, clips: list[BvhClip]) -> bytes:
    """The whole file. Raises XnectError without pygltflib."""
    gltf: Any = library("pygltflib", "GLB")
    rig = rig_of(clips[0].skeleton, clips[0].spine)
    rest_m = _rest_m(rig)
    blob = _Blob(gltf)
    count = len(rig)
    children: list[list[int]] = [[] for _ in rig]
    for i, joint in enumerate(rig):
        if joint.parent >= 0:
            children[joint.parent].append(i)
    nodes = []
    for i, joint in enumerate(rig):
        place = rest_m[0] if joint.parent < 0 else joint.offset_cm / 100
        nodes.append(gltf.Node(name=joint.name, translation=place.tolist(), children=children[i]))
    ends = [(i, joint) for i, joint in enumerate(rig) if joint.end_cm is not None]
    for i, joint in ends:
        assert joint.end_cm is not None
        children[i].append(len(nodes))
        nodes.append(gltf.Node(name=f"{joint.name}_End", translation=(joint.end_cm / 100).tolist()))
    body = len(nodes)
    nodes.append(gltf.Node(name=f"{subject(person)}_bones", mesh=0, skin=0))
    nodes.append(gltf.Node(name=subject(person), children=[0, body]))

    vertices, indices, owners = _bones_mesh(rig, rest_m)
    bind = np.tile(np.eye(4, dtype=np.float32), (count, 1, 1))
    bind[:, 3, :3] = -rest_m  # glTF's matrices are stored column by column
    primitive = gltf.Primitive(
        attributes=gltf.Attributes(
            POSITION=blob.add(vertices, _FLOAT, bounds=True),
            JOINTS_0=blob.add(np.pad(owners[:, None], ((0, 0), (0, 3))), _UBYTE),
            WEIGHTS_0=blob.add(np.tile([1.0, 0.0, 0.0, 0.0], (len(owners), 1)), _FLOAT),
        ),
        indices=blob.add(indices.reshape(-1, 1), _UINT),
    )
    skin = gltf.Skin(
        inverseBindMatrices=blob.add(bind.reshape(-1, 16), _FLOAT), joints=list(range(count)), skeleton=0, name=subject(person)
    )
    document = gltf.GLTF2(
        asset=gltf.Asset(version="2.0", generator=f"xnect_lite {__version__}"),
        scene=0,
        scenes=[gltf.Scene(nodes=[body + 1])],
        nodes=nodes,
        meshes=[gltf.Mesh(primitives=[primitive], name=f"{subject(person)}_bones")],
        skins=[skin],
        animations=[_animation(gltf, blob, rig, clip, subject(person), n) for n, clip in enumerate(clips)],
    )
    blob.into(document)
    return b"".join(document.save_to_bytes())


def _animation(gltf: Any, blob: _Blob, rig: list[RigJoint], clip: BvhClip, name: str, number: int) -> Any:
    times = blob.add(((np.arange(len(clip)) + clip.first_frame) / clip.fps)[:, None], _FLOAT, bounds=True)
    samplers, channels = [], []

    def channel(node: int, path: str, values: np.ndarray) -> None:
        samplers.append(gltf.AnimationSampler(input=times, output=blob.add(values, _FLOAT), interpolation="LINEAR"))
        target = gltf.AnimationChannelTarget(node=node, path=path)
        channels.append(gltf.AnimationChannel(sampler=len(samplers) - 1, target=target))

    channel(0, "translation", clip.root_world_cm / 100)
    for node, joint in enumerate(rig):
        if joint.turns_as >= 0:
            channel(node, "rotation", _quaternions(clip.angles_deg[:, joint.turns_as], clip.euler))
    return gltf.Animation(name=f"{name}_{number + 1}" if number else name, samplers=samplers, channels=channels)


def _quaternions(angles_deg: np.ndarray, order: str) -> np.ndarray:
    """(N, 4) x y z w, each the nearer to the one before of the two that mean the same."""
    quaternions = Rotation.from_euler(order, angles_deg, degrees=True).as_quat()
    opposed = (quaternions[1:] * quaternions[:-1]).sum(1) < 0
    return quaternions * np.concatenate([[1.0], np.cumprod(np.where(opposed, -1.0, 1.0))])[:, None]


def _rest_m(rig: list[RigJoint]) -> np.ndarray:
    """(J, 3) joints in the rest pose, standing on Y = 0, metres."""
    place = np.zeros((len(rig), 3))
    lowest = 0.0
    for i, joint in enumerate(rig):
        if joint.parent >= 0:
            place[i] = place[joint.parent] + joint.offset_cm / 100
        lowest = min(lowest, place[i, 1], place[i, 1] + (joint.end_cm[1] / 100 if joint.end_cm is not None else 0.0))
    return place - (0.0, lowest, 0.0)


def _bones_mesh(rig: list[RigJoint], rest_m: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (V, 3), faces (F, 3) and the joint that moves each vertex (V,): an octahedron for each bone."""
    bones = [(joint.parent, rest_m[i]) for i, joint in enumerate(rig) if joint.parent >= 0]
    bones += [(i, rest_m[i] + joint.end_cm / 100) for i, joint in enumerate(rig) if joint.end_cm is not None]
    vertices: list[np.ndarray] = []
    faces: list[np.ndarray] = []
    owners: list[np.ndarray] = []
    for owner, end in bones:
        start = rest_m[owner]
        length = float(np.linalg.norm(end - start))
        if length < 1e-6:
            continue
        along = (end - start) / length
        side = np.cross(along, np.eye(3)[np.argmin(np.abs(along))])
        side /= np.linalg.norm(side)
        up = np.cross(along, side)
        waist = start + _WAIST * (end - start)
        square = [waist + _THICKNESS * length * d for d in (side, up, -side, -up)]
        faces.append(_FACES + sum(map(len, vertices)))
        vertices.append(np.array([start, *square, end]))
        owners.append(np.full(6, owner))
    return np.concatenate(vertices), np.concatenate(faces), np.concatenate(owners)


class _Blob:
    """The binary part of a file, and the accessors into it."""

    def __init__(self, gltf: Any) -> None:
        self._gltf = gltf
        self._parts: list[bytes] = []
        self._size = 0
        self._views: list[Any] = []
        self._accessors: list[Any] = []

    def add(self, values: np.ndarray, component: int, *, bounds: bool = False) -> int:
        """The index of a new accessor for rows (N, C) of values."""
        dtype = {_FLOAT: np.float32, _UBYTE: np.uint8, _UINT: np.uint32}[component]
        rows = np.ascontiguousarray(values, dtype)
        data = rows.tobytes()
        self._views.append(self._gltf.BufferView(buffer=0, byteOffset=self._size, byteLength=len(data)))
        kind = "SCALAR" if rows.shape[1] == 1 else _KIND[rows.shape[1]]
        accessor = self._gltf.Accessor(bufferView=len(self._views) - 1, componentType=component, count=len(rows), type=kind)
        if bounds:
            accessor.min, accessor.max = rows.min(axis=0).tolist(), rows.max(axis=0).tolist()
        self._accessors.append(accessor)
        padding = -len(data) % 4
        self._parts.append(data + b"\0" * padding)
        self._size += len(data) + padding
        return len(self._accessors) - 1

    def into(self, document: Any) -> None:
        """Give a document what was added."""
        document.bufferViews, document.accessors = self._views, self._accessors
        document.buffers = [self._gltf.Buffer(byteLength=self._size)]
        document.set_binary_blob(b"".join(self._parts))
