"""GLB files by two loaders that are not ours: pygltflib's own, followed by forward kinematics as glTF says, and trimesh."""

from __future__ import annotations

import io

import numpy as np
import pytest
from recorded import record_walkers
from scipy.spatial.transform import Rotation

pygltflib = pytest.importorskip("pygltflib")
trimesh = pytest.importorskip("trimesh")

from xnect_lite.record.bvh_skeleton import forward_kinematics  # noqa: E402
from xnect_lite.record.export import ExportOptions, export_files, prepare  # noqa: E402
from xnect_lite.stages.fitting.tree import TREE  # noqa: E402

_TYPES = {5126: np.float32, 5121: np.uint8, 5125: np.uint32}
_WIDTH = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


def values(file, index: int) -> np.ndarray:
    accessor = file.accessors[index]
    view = file.bufferViews[accessor.bufferView]
    assert view.byteOffset % 4 == 0, "accessors are aligned"
    data = file.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
    return np.frombuffer(data, _TYPES[accessor.componentType]).reshape(accessor.count, _WIDTH[accessor.type])


def played(file) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Times, and where each node is at them, as glTF composes translations and rotations; metres."""
    (animation,) = file.animations
    times_s = values(file, animation.samplers[0].input)[:, 0]
    turns, places = {}, {}
    for channel in animation.channels:
        sampler = animation.samplers[channel.sampler]
        (turns if channel.target.path == "rotation" else places)[channel.target.node] = values(file, sampler.output)
    found: dict[str, np.ndarray] = {}

    def walk(node: int, place: np.ndarray, turn: Rotation) -> None:
        here = file.nodes[node]
        local = places.get(node, np.array(here.translation or [0, 0, 0]))
        place = place + turn.apply(np.array(np.broadcast_to(local, place.shape)))
        turn = turn * (Rotation.from_quat(turns[node]) if node in turns else Rotation.identity())
        found[here.name] = place
        for child in here.children or []:
            walk(child, place, turn)

    walk(file.scenes[0].nodes[0], np.zeros((len(times_s), 3)), Rotation.identity(len(times_s)))
    return times_s, found


@pytest.mark.parametrize("preset", [None, "mixamo"])
def test_every_joint_is_where_the_motion_has_it(tmp_path, preset):
    folder = record_walkers(tmp_path / "t", {3: range(40)}, 40)
    options = ExportOptions(formats=["glb"], preset=preset)
    path = export_files(folder, tmp_path / "out", options).files[0]
    assert path.name == "person03.glb"
    file = pygltflib.GLTF2().load(str(path))
    times_s, found = played(file)
    shot = prepare(folder, options)
    (clip,) = shot.clips(shot.people[0])
    assert times_s == pytest.approx(np.arange(len(clip)) / 30, abs=1e-6)
    place_cm, ends_cm = forward_kinematics(clip.skeleton, clip.root_world_cm, clip.rotations)
    renamed = {"LowerBack": "Spine", "Spine": "Spine1"} if preset else {}
    for i, joint in enumerate(TREE):
        assert 100 * found[renamed.get(joint.name, joint.name)] == pytest.approx(place_cm[:, i], abs=1e-3), joint.name
        if np.isfinite(ends_cm[0, i]).all():
            assert 100 * found[f"{joint.name}_End"] == pytest.approx(ends_cm[:, i], abs=1e-3)
    assert ("Spine2" in found) == (preset == "mixamo")
    weights = values(file, file.meshes[0].primitives[0].attributes.WEIGHTS_0)
    assert (weights.sum(axis=1) == 1).all() and file.skins[0].skeleton == 0


def test_a_viewer_sees_a_body_of_its_size(tmp_path):
    folder = record_walkers(tmp_path / "t", {1: range(20)}, 20)
    path = export_files(folder, tmp_path / "out", ExportOptions(formats=["glb"])).files[0]
    mesh = trimesh.load(io.BytesIO(path.read_bytes()), file_type="glb", force="mesh")
    low, high = mesh.bounds
    assert high[1] - low[1] == pytest.approx(1.70, abs=0.06) and low[1] == pytest.approx(0, abs=0.03), "it stands, in metres"


def test_each_stay_is_an_animation_at_its_time(tmp_path):
    folder = record_walkers(tmp_path / "t", {1: [*range(20), *range(60, 80)]}, 80)
    done = export_files(folder, tmp_path / "out", ExportOptions(formats=["glb"], changes={"gaps": "cut"}))
    file = pygltflib.GLTF2().load(str(done.files[0]))
    starts = [float(values(file, a.samplers[0].input)[0, 0]) for a in file.animations]
    assert [a.name for a in file.animations] == ["person01", "person01_2"] and starts == pytest.approx([0.0, 2.0], abs=1e-6)
