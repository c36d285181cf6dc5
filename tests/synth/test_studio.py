"""Whole pictures of box people: the same again by seed, labels on the bodies, hidden joints known as hidden."""

from __future__ import annotations

import numpy as np
import pytest
from box_assets import box_assets
from labelled_people import assert_contract
from tiny_bodies import tiny_bodies

from xnect_lite.data.sample import LabelledPeople
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import INDEX, NUM_JOINTS
from xnect_lite.synth.body import save_bodies
from xnect_lite.synth.mesh import Look, Mesh, box
from xnect_lite.synth.motion import Contact, Poses
from xnect_lite.synth.pose import standing
from xnect_lite.synth.renderer import Light
from xnect_lite.synth.scene import Cast, Person, Scene, SceneConfig, sample_scene
from xnect_lite.synth.studio import Assets, Studio
from xnect_lite.synth.truth import Truth, load_truths, measure, save_truths
from xnect_lite.synth.view import look
from xnect_lite.synth.wardrobe import Wardrobe

SIZE = (160, 96)
NOON = Light(np.array([0.0, 1.0, 0.0]), np.ones(3), np.full(3, 0.5), np.full(3, 0.5))
BODIES = tiny_bodies((1.0, 0.7, 0.95, 0.9))


@pytest.fixture(scope="module")
def assets(tmp_path_factory) -> Assets:
    return box_assets(tmp_path_factory.mktemp("bodies"), SIZE, BODIES)


@pytest.fixture(scope="module")
def studio(assets):
    one = Studio(assets, SceneConfig(size=SIZE))
    yield one
    one.renderer.close()


def standing_person(x: float = 0.0, z: float = 4.0) -> Person:
    """A person of 1.72 m who stands at (x, z) and faces the way the camera looks."""
    body = BODIES.mix(0, 0, 0.0)
    layers = tuple(Wardrobe(BODIES).dress(body, np.random.default_rng(0)))
    put = Contact(BODIES, stride=1).put_down(Poses(standing(body)[None], np.array([[x, 1.0, z]])), body, np.zeros(1))
    return Person(body, layers, put.local[0], put.root_m[0])


def picture(studio, people, objects=()) -> tuple[Truth, np.ndarray]:
    """Truth and depth before a camera at 1 m height that looks straight on, 80 px focal length."""
    view = look(SIZE, 90.0, np.array([0.0, 1.0, 0.0]), 0.0, 0.0)
    drawn = studio.draw(Scene(view, tuple(people), tuple(objects), NOON))
    return measure(tuple(people), view, drawn), drawn.depth_mm


def board(height: float, x: float) -> Mesh:
    """1.2 m wide, on the floor 2 m before the camera."""
    points, normals, uv, triangles = box(np.array([1.2, height, 0.1]))
    return Mesh(points + np.array([x, 0.0, 2.0]), normals, uv, triangles, Look(), -1)


def at(px: np.ndarray) -> tuple[int, int]:
    x, y = np.rint(px).astype(int)
    return int(y), int(x)


def test_a_standing_person_by_hand(studio):
    """At 4 m a metre is 20 px: feet on the floor 1 m below the middle (47.5), head top 0.72 m above it."""
    truth, _ = picture(studio, [standing_person()])
    joints, middle = truth.joints_px[0], (SIZE[1] - 1) / 2
    assert joints[INDEX["head_top"], 1] == pytest.approx(middle - 20 * 0.72, abs=1.0)
    assert joints[INDEX["r_ankle"], 1] == pytest.approx(middle + 20 * 0.9, abs=1.0)
    assert joints[INDEX["l_shoulder"], 0] < joints[INDEX["r_shoulder"], 0], "seen from behind, left is on the left"
    assert truth.joints_cam_mm[0, INDEX["pelvis"], 2] == pytest.approx(4000, abs=60)
    y, _ = np.nonzero(truth.ident == 1)
    np.testing.assert_allclose([y.min(), y.max()], [joints[:, 1].min(), middle + 20], atol=4)
    assert truth.mask_px[0] == len(y) and truth.labelled[0]
    np.testing.assert_allclose(truth.ground, [0, -1, 0, 1000], atol=1e-9)


@pytest.mark.parametrize("limb", ["upper_arm", "forearm", "thigh", "shin"])
@pytest.mark.parametrize("side", ["r", "l"])
def test_limbs_lie_where_their_joints_say(studio, side, limb):
    """Box people have a box of 8 cm in the middle of every limb."""
    ends = {
        "upper_arm": ("shoulder", "elbow"),
        "forearm": ("elbow", "wrist"),
        "thigh": ("hip", "knee"),
        "shin": ("knee", "ankle"),
    }
    for x, z in ((0.0, 2.0), (0.8, 3.0), (-0.6, 4.0)):
        truth, depth = picture(studio, [standing_person(x, z)])
        a, b = (INDEX[f"{side}_{joint}"] for joint in ends[limb])
        pixel = at((truth.joints_px[0, a] + truth.joints_px[0, b]) / 2)
        assert truth.ident[pixel] == 1
        assert depth[pixel] == pytest.approx(truth.joints_cam_mm[0, [a, b], 2].mean(), abs=80)


def test_who_stands_behind_another_is_hidden_and_becomes_an_ignore_box(studio):
    wall = board(height=1.1, x=0.0)
    truth, depth = picture(studio, [standing_person()], [wall])
    seen = truth.visible[0]
    assert not seen[[INDEX[j] for j in ("r_ankle", "l_ankle", "r_knee", "r_hip")]].any(), "the wall is 1.1 m high, 2 m away"
    y, x = at(truth.joints_px[0, INDEX["r_ankle"]])
    assert truth.ident[y, x] == -1 and depth[y, x] < 2000
    hidden, _ = picture(studio, [standing_person()], [board(height=2.5, x=0.1)])
    assert not hidden.visible.any() and not hidden.labelled.any() and len(hidden.people()) == 0
    assert hidden.ignore_xyxy().shape == (0, 4), "not a pixel of that person is left to ignore"


def test_visibility_agrees_with_the_depth_picture(studio):
    """Whatever is visible has nothing of anybody else's in front of it; what is hidden has something, or lies outside."""
    checked = 0
    for index in range(6):
        rng = np.random.default_rng(index)
        scene = sample_scene(studio.config, studio.cast, rng)
        drawn = studio.draw(scene)
        truth = measure(scene.people, scene.view, drawn)
        for i, j in np.ndindex(truth.visible.shape):
            px = truth.joints_px[i, j]
            inside = np.isfinite(px).all() and (np.rint(px) >= 0).all() and (np.rint(px) < SIZE).all()
            if not inside:
                assert not truth.visible[i, j]
                continue
            in_front = drawn.depth_mm[at(px)] < truth.joints_cam_mm[i, j, 2]
            if truth.ident[at(px)] != i + 1:
                assert truth.visible[i, j] == (not in_front)
                checked += 1
    assert checked > 50


def test_pictures_keep_the_contract_of_all_readers(studio):
    for index in range(4):
        sample = studio.picture(0, index).sample()
        assert_contract(sample)
        assert sample.synthetic and sample.focal_px > 0 and sample.provenance == f"synth train 0 {index:07d}"
        people = sample.people
        scored = np.isfinite(people.human_px).all(-1)
        assert not (scored & ~people.visible).any() and (people.weight_3d == 1).all()
        np.testing.assert_array_equal(people.weight_2d == 1, people.visible)


def test_3d_labels_project_onto_the_2d_labels(studio):
    """Joints in the camera, put together again from the stored ray axes, root and size, land on their pixels."""
    truth = studio.picture(0, 3).truth
    view = truth.joints_cam_mm / truth.joints_cam_mm[..., 2:]
    px = view[..., :2] * truth.focal_px + (np.array(SIZE) - 1) / 2
    near = truth.joints_cam_mm[..., 2] > 100
    assert near.any()
    np.testing.assert_allclose(px[near], truth.joints_px[near], atol=1e-6)


def test_the_same_number_is_the_same_picture_in_any_order(assets, studio):
    first = [studio.picture(5, i) for i in (2, 1)]
    again = Studio(assets, SceneConfig(size=SIZE))
    second = [again.picture(5, i) for i in (1, 2)]
    again.renderer.close()
    assert [p.jpeg for p in first] == [p.jpeg for p in second[::-1]]
    np.testing.assert_array_equal(first[0].truth.ident, second[1].truth.ident)
    assert len({p.jpeg for p in (*first, studio.picture(6, 1))}) == 3, "another seed or number is another picture"


def test_held_out_pictures_show_other_bodies(assets):
    other = Studio(Assets(bodies=assets.bodies, held_out=True), SceneConfig(size=SIZE))
    picture = other.picture(0, 0)
    other.renderer.close()
    assert picture.name == "synth val 0 0000000"
    np.testing.assert_allclose(other.cast.bodies.bone_head_m, BODIES.bone_head_m[-1:], atol=1e-3)


def test_one_body_cannot_be_divided(tmp_path):
    save_bodies(tmp_path / "one.npz", tiny_bodies((1.0,)))
    with pytest.raises(XnectError, match="one body cannot be divided"):
        Studio(Assets(bodies=str(tmp_path / "one.npz"), held_out=True), SceneConfig(size=SIZE))


def test_truths_survive_the_file(studio, tmp_path):
    pictures = [studio.picture(1, i) for i in range(3)]
    save_truths(tmp_path / "truth.npz", [p.name for p in pictures], [p.truth for p in pictures])
    for (name, truth), expected in zip(load_truths(tmp_path / "truth.npz"), pictures, strict=True):
        assert name == expected.name and truth.focal_px == expected.truth.focal_px
        for field in ("joints_px", "joints_cam_mm", "visible", "mask_px", "ident", "ground", "labelled"):
            found, there = getattr(truth, field), getattr(expected.truth, field)
            np.testing.assert_allclose(np.asarray(found, float), np.asarray(there, float), rtol=1e-4, err_msg=field)


@pytest.mark.parametrize("content", [None, b"", b"no npz"])
def test_a_file_without_truth_is_named(tmp_path, content):
    path = tmp_path / "broken.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(XnectError, match=r"broken\.npz: holds no truth of rendered pictures"):
        load_truths(path)


def test_joints_far_outside_the_picture_are_not_taught():
    """One person at 1 m, one joint thrown 10 m to the side: 800 px of focal length make that 8000 px."""
    cam = np.tile([0.0, 0.0, 2000.0], (1, NUM_JOINTS, 1)) + np.random.default_rng(0).normal(0, 200, (1, NUM_JOINTS, 3))
    px = cam[..., :2] / cam[..., 2:] * 40 + 40
    px[0, INDEX["r_hand"]] = [500.0, 40.0]
    px[0, INDEX["l_hand"]] = np.nan
    visible = np.ones((1, NUM_JOINTS), bool)
    visible[0, [INDEX["r_hand"], INDEX["l_hand"]]] = False
    truth = Truth(px, cam, visible, np.array([100]), np.ones((80, 80), np.int16), 40.0, np.zeros(4))
    people = truth.people()
    assert isinstance(people, LabelledPeople)
    np.testing.assert_array_equal(np.flatnonzero(people.weight_2d[0] == 0), sorted(INDEX[j] for j in ("r_hand", "l_hand")))
    assert (people.weight_3d == 1).all(), "their place in space is known all the same"


def test_a_scene_without_room_for_everybody_has_fewer():
    cast = Cast(BODIES, Wardrobe(BODIES), [], Contact(BODIES))
    config = SceneConfig(size=SIZE, people_share=(0.0,) * 7 + (1.0,))
    counts = [len(sample_scene(config, cast, np.random.default_rng(i)).people) for i in range(4)]
    assert max(counts) <= 8 and max(counts) > 3
