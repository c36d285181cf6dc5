"""Composites: pixels and labels move together, the nearer hides the farther, and who is hidden is not taught."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from kit import write_kit
from labelled_people import assert_contract

from xnect_lite import cli
from xnect_lite.data.archive import write_archive
from xnect_lite.data.composite import Layer, composites, place, stack
from xnect_lite.data.cut_outs import box_of, layered_photos, layered_renders, moved
from xnect_lite.data.parts import read_packed, write_manifest
from xnect_lite.data.photokit import SETS, TERMS
from xnect_lite.data.sample import LabelledPeople, Sample
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import NUM_JOINTS
from xnect_lite.synth.truth import Truth, save_truths

SHAPE = (120, 160)


def person(box: tuple[int, int, int, int], grey: int, pasted: bool = True) -> Layer:
    """A grey rectangle whose joints lie on a grid inside it."""
    x0, y0, x1, y1 = box
    alpha = np.zeros(SHAPE, np.float32)
    alpha[y0:y1, x0:x1] = 1
    people = LabelledPeople.empty(1)
    u, v = np.meshgrid(np.linspace(0.1, 0.9, 4), np.linspace(0.1, 0.9, 6))
    people.joints_px[0] = np.stack([x0 + u.ravel() * (x1 - x0), y0 + v.ravel() * (y1 - y0)], -1)
    people.human_px[0] = people.joints_px[0]
    people.weight_2d[0], people.visible[0] = 1, True
    return Layer(np.full((*SHAPE, 3), grey, np.float32), alpha, people, pasted)


def test_labels_move_as_pixels_do_by_hand():
    """Twice as large: pixel 0 covers places 0 and 1, so its middle is at .5; then 10 to the right."""
    people = LabelledPeople.empty(1)
    people.joints_px[0, 0], people.root_cam_mm[0] = (0, 3), (1, 2, 3)
    out = moved(people, 2.0, np.array([10.0, 0.0]))
    np.testing.assert_allclose(out.joints_px[0, 0], [10.5, 6.5])
    assert np.isnan(out.joints_px[0, 1:]).all() and np.isnan(out.root_cam_mm).all()


@pytest.mark.parametrize("seed", range(8))
def test_whoever_is_placed_keeps_the_joints_on_the_body(seed):
    rng = np.random.default_rng(seed)
    one = person((60, 20, 90, 100), 200)
    dot = (one.people.joints_px[0, 9] + 0.5).astype(int)
    cv2.circle(one.colour, tuple(dot.tolist()), 5, (0, 255, 0), -1)
    put = place(one, SHAPE, [person((20, 30, 50, 110), 90, pasted=False)] if seed % 2 else [], rng)
    x, y = np.rint(put.people.joints_px[0, 9]).astype(int)
    if 0 <= x < SHAPE[1] and 0 <= y < SHAPE[0]:
        assert put.alpha[y, x] > 0.9
        np.testing.assert_allclose(put.colour[y, x], [0, 255, 0], atol=30)
    box = box_of(put.alpha)
    within = put.people.joints_px[0][((put.people.joints_px[0] >= 0) & (put.people.joints_px[0] < SHAPE[::-1])).all(1)]
    assert len(within) == 0 or ((within >= box[:2] - 1) & (within <= box[2:] + 1)).all()
    assert np.ptp(put.people.joints_px[0, :, 1]) <= 1.3 * 0.8 * 80 + 1, "never enlarged by more than 1.3"


def test_who_stands_lower_is_in_front():
    """Half of the far one's joints, the right half, lie behind the near one."""
    far, near = person((20, 10, 60, 90), 200), person((40, 20, 80, 110), 50)
    for layers in ([far, near], [near, far]):
        picture, people, boxes = stack(np.zeros((*SHAPE, 3), np.float32), layers)
        assert picture[50, 30, 0] == 200 and picture[50, 50, 0] == 50 and picture[0, 0, 0] == 0
        assert len(people) == 2 and len(boxes) == 0
        hidden = ~people.visible
        assert hidden[0].sum() == 10 and not hidden[1].any(), "two of four columns, five of six rows"
        np.testing.assert_array_equal(np.isnan(people.human_px[..., 0]), hidden)
        assert (people.weight_2d == 1).all(), "hidden joints are still known"


def test_people_of_the_base_picture_come_before_somebody_pasted_behind_them():
    base, behind = person((40, 20, 80, 110), 50, pasted=False), person((20, 10, 60, 90), 200)
    picture, people, _ = stack(base.colour * base.alpha[..., None], [base, behind])
    assert picture[50, 50, 0] == 50 and picture[50, 30, 0] == 200
    assert people.visible.sum(1).tolist() == [14, 24]


def test_the_base_pictures_own_overlaps_are_left_to_their_labels():
    layers = [person((20, 10, 60, 90), 200, pasted=False), person((40, 20, 80, 110), 50, pasted=False)]
    _, people, _ = stack(np.zeros((*SHAPE, 3), np.float32), layers)
    assert people.visible.all()


def test_whoever_is_hidden_or_cut_off_becomes_an_ignore_box():
    small, wall = person((50, 40, 70, 80), 200), person((40, 10, 80, 115), 50)
    _, people, boxes = stack(np.zeros((*SHAPE, 3), np.float32), [small, wall])
    assert len(people) == 1
    np.testing.assert_array_equal(boxes, [[50, 40, 70, 80]])
    own = replace(small, pasted=False)
    _, people, boxes = stack(np.zeros((*SHAPE, 3), np.float32), [own, wall])
    assert len(people) == 1 and len(boxes) == 1, "people of the base picture likewise"
    outside = replace(small, people=moved(small.people, 1.0, np.array([500.0, 0.0])), alpha=np.zeros(SHAPE, np.float32))
    _, people, boxes = stack(np.zeros((*SHAPE, 3), np.float32), [outside])
    assert len(people) == 0 and boxes.shape == (0, 4)


@pytest.fixture(scope="module")
def kit(tmp_path_factory) -> Path:
    return write_kit(tmp_path_factory.mktemp("kit"), sets=SETS, train=3, val=1)


@pytest.fixture(scope="module")
def pictures(kit):
    found = layered_photos(kit, "train", ("lspet",))
    assert len(found) == 3 and sum(p.whole.sum() for p in found) > 0
    return found


def test_silhouettes_cover_the_labelled_people(pictures):
    for picture in pictures:
        for row, silhouette in enumerate(picture.silhouettes):
            box, joints = box_of(silhouette()), picture.sample.people.joints_px[row]
            known = joints[np.isfinite(joints[:, 0])]
            assert ((known >= box[:2] - 1) & (known <= box[2:] + 1)).mean() > 0.9


def test_composites_keep_the_contract_of_all_readers(pictures):
    made = list(composites(pictures, 16, seed=3))
    assert max(len(s.people) for s in made) > 2, "more people than any of the pictures shows"
    for number, sample in enumerate(made):
        assert_contract(sample)
        assert sample.provenance == f"composite 3 {number:07d}" and not sample.synthetic


def test_the_same_seed_makes_the_same_composites(pictures):
    one, two, other = (list(composites(pictures, 3, seed)) for seed in (1, 1, 2))
    assert [s.read_encoded() for s in one] == [s.read_encoded() for s in two] != [s.read_encoded() for s in other]


def test_nobody_to_cut_out_is_an_error(pictures):
    with pytest.raises(XnectError, match="nobody in these pictures can be cut out"):
        next(composites([replace(p, whole=np.zeros_like(p.whole)) for p in pictures], 1, 0))


@pytest.fixture
def renders(tmp_path) -> Path:
    """A folder like one of ``synth render``: one picture of one person of 90 px, who is a rectangle of ident 1."""
    rng = np.random.default_rng(0)
    cam = rng.normal((0, 0, 3000), 250, (1, NUM_JOINTS, 3))
    px = cam[..., :2] / cam[..., 2:] * 150 + (80, 60)
    ident = np.zeros(SHAPE, np.int16)
    ident[15:105, 50:110] = 1
    truth = Truth(px, cam, np.ones((1, NUM_JOINTS), bool), np.array([5400]), ident, 150.0, np.zeros(4))
    data = cv2.imencode(".png", np.where(ident[..., None] > 0, 180, 20).astype(np.uint8).repeat(3, 2))[1].tobytes()
    sample = Sample(lambda: None, SHAPE[::-1], truth.people(), provenance="synth train 0 0", read_encoded=lambda: data)
    folder = tmp_path / "renders"
    folder.mkdir()
    write_archive(folder / "shard.npz", {"train": [sample]})
    save_truths(folder / "truth.npz", ["synth train 0 0"], [truth])
    write_manifest(folder, {"sources": ["Boxes, CC0"], "parts": [{"file": "shard.npz", "truth": "truth.npz"}]})
    return folder


def test_people_of_renders_can_be_cut_out(renders):
    (picture,) = layered_renders(renders, "train")
    assert picture.whole.tolist() == [True]
    np.testing.assert_array_equal(box_of(picture.silhouettes[0]()), [50, 15, 110, 105])


def test_renders_without_their_truth_are_refused(renders):
    write_manifest(renders, {"parts": [{"file": "shard.npz"}]})
    with pytest.raises(XnectError, match="holds no truth, and so no silhouettes"):
        layered_renders(renders, "train")


def test_a_truth_of_other_pictures_is_refused(renders):
    (picture,) = layered_renders(renders, "train")
    write_archive(renders / "shard.npz", {"train": [replace(picture.sample, provenance="synth train 9 9")]})
    with pytest.raises(XnectError, match="synth train 9 9: has a truth of somebody else"):
        layered_renders(renders, "train")


def run(*arguments) -> int:
    return cli.main(["data", "composite", *map(str, arguments)])


def test_the_command_writes_a_folder_to_train_on(kit, renders, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("--photos", kit, "--renders", renders, "--count", 5, "-o", out) == 0
    assert capsys.readouterr().out == f"{out}: 5 composites of 13 pictures\n"
    assert len(read_packed(out, "train")) == 5 and read_packed(out, "val") == []
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["sources"] == sorted([*(TERMS[name] for name in SETS), "Boxes, CC0"])
    assert cli.main(["data", "pack", "--renders", str(out), "-o", str(tmp_path / "pack.npz")]) == 0
    packed = json.loads((tmp_path / "pack.json").read_text())["sources"]["composite"]
    assert packed["train"] == 5 and packed["terms"] == manifest["sources"]
    assert run("--photos", kit, "--count", 1, "-o", out) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--count", 0, "--photos", "x"], "--count: is 0. Give 1 or more"),
        (["--count", 1, "--seed", -1, "--photos", "x"], "--seed: is -1. Give 0 or more"),
        (["--count", 1, "--part-mib", 0, "--photos", "x"], "--part-mib: is 0. Give a size above 0"),
        (["--count", 1], "data composite: has nothing to cut people out of. Give --photos or --renders"),
        (["--count", 1, "--photos", "nowhere"], "labels.jsonl: does not exist"),
    ],
)
def test_mistakes(arguments, message, tmp_path, capsys):
    assert run(*arguments, "-o", tmp_path / "out") == 2
    assert message in capsys.readouterr().err
