from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tiny_bodies import tiny_bodies

from xnect_lite.data.bodies import leg_arm_length
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import BONES as SKELETON_BONES
from xnect_lite.skeleton import INDEX, JOINTS
from xnect_lite.synth.body import BONE, BONE_PARENTS, forward, load_bodies, posed_joints, save_bodies, skin, to_local
from xnect_lite.synth.mesh import vertex_normals

REST = np.tile(np.eye(3), (len(BONE), 1, 1))


@pytest.fixture
def body():
    return tiny_bodies().mix(0, 0, 0.0)


def random_local(rng):
    return Rotation.random(len(BONE), random_state=rng).as_matrix()


def test_parents_come_before_children():
    assert all(parent < bone for bone, parent in enumerate(BONE_PARENTS))


def test_the_rest_pose_leaves_everything_in_place(body):
    rotation, position = forward(body, REST, body.bone_head_m[0])
    assert np.allclose(position, body.bone_head_m, atol=1e-6)
    assert np.allclose(skin(body.rest_m, tiny_bodies().weights, body.bone_head_m, rotation, position), body.rest_m, atol=1e-6)
    joints = posed_joints(body, rotation, position)
    hung = np.isfinite(body.joint_m[:, 0])
    assert np.allclose(joints[hung], body.joint_m[hung], atol=1e-6)
    assert np.allclose(joints[INDEX["pelvis"]], 0.5 * (joints[INDEX["r_hip"]] + joints[INDEX["l_hip"]]))
    assert np.isfinite(joints).all()


def test_a_turn_of_the_root_turns_the_whole_body(body):
    rng = np.random.default_rng(0)
    local, turn = random_local(rng), Rotation.random(random_state=rng).as_matrix()
    before = posed_joints(body, *forward(body, local, np.zeros(3)))
    local[0] = turn @ local[0]
    after = posed_joints(body, *forward(body, local, np.array([1.0, 2, 3])))
    assert np.allclose(after, before @ turn.T + [1, 2, 3])


def test_bone_lengths_do_not_depend_on_the_pose(body):
    rng = np.random.default_rng(1)
    poses = [posed_joints(body, *forward(body, random_local(rng), rng.normal(size=3))) for _ in range(4)]
    stiff = [
        (a, b) for a, b in SKELETON_BONES if JOINTS[b].split("_")[-1] in ("elbow", "wrist", "hand", "hip", "knee", "ankle")
    ]
    lengths = np.array([[np.linalg.norm(p[a] - p[b]) for a, b in stiff] for p in poses])
    assert np.allclose(lengths, lengths[0])
    assert np.allclose([leg_arm_length(p) for p in poses], leg_arm_length(poses[0]))


def test_skinning_with_one_bone_per_vertex_is_rigid(body):
    weights = tiny_bodies().weights
    rotation, position = forward(body, random_local(np.random.default_rng(2)), np.ones(3))
    posed = skin(body.rest_m, weights, body.bone_head_m, rotation, position)
    bone = weights.argmax(1)
    expected = position[bone] + np.einsum("nij,nj->ni", rotation[bone], body.rest_m - body.bone_head_m[bone])
    assert np.allclose(posed, expected, atol=1e-5)


def test_skinning_blends_two_bones(body):
    rotation, position = forward(body, REST, body.bone_head_m[0])
    position = position.copy()
    position[BONE["head"]] += [0, 1, 0]
    weights = np.zeros((1, len(BONE)), np.float32)
    weights[0, [BONE["head"], BONE["neck"]]] = 0.25, 0.75
    assert np.allclose(skin(np.zeros((1, 3)), weights, body.bone_head_m, rotation, position), [[0, 0.25, 0]], atol=1e-6)


def test_local_rotations_undo_forward(body):
    local = random_local(np.random.default_rng(3))
    rotation, _ = forward(body, local, np.zeros(3))
    assert np.allclose(to_local(rotation), local)


def test_a_mixture_lies_between_its_bodies():
    bodies = tiny_bodies((1.0, 0.5))
    middle = bodies.mix(0, 1, 0.5)
    assert np.allclose(middle.rest_m, 0.75 * bodies.rest_m[0])
    assert middle.traits == {"gender": 0.5}


def test_bodies_survive_the_file(tmp_path):
    bodies = tiny_bodies()
    save_bodies(tmp_path / "bodies.npz", bodies)
    back = load_bodies(tmp_path / "bodies.npz")
    assert np.allclose(back.rest_m, bodies.rest_m, atol=3e-4)
    assert np.allclose(back.weights, bodies.weights)
    assert np.array_equal(back.parts["body"].triangles, bodies.parts["body"].triangles)
    assert (back.source, back.trait_names) == ("boxes", ("gender",))


@pytest.mark.parametrize("content", [None, b"", b"no npz"])
def test_a_file_that_holds_no_bodies_is_named(tmp_path, content):
    path = tmp_path / "broken.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(XnectError, match=r"broken\.npz: holds no baked bodies.*synth bake"):
        load_bodies(path)


def test_normals_point_outwards():
    bodies = tiny_bodies()
    part = bodies.parts["body"]
    normals = vertex_normals(bodies.rest_m[0], part.triangles)
    bone = bodies.weights.argmax(1)
    centres = np.stack([bodies.rest_m[0][bone == b].mean(0) for b in range(len(BONE))])
    assert (np.einsum("nk,nk->n", normals, bodies.rest_m[0] - centres[bone]) > 0).all()
