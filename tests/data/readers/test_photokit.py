"""The photo kit's reader on a tiny kit in the true format: who is believed, who is ignored, and what is refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from kit import file_name, lsp, movenet, person_record, write_kit, write_picture

from xnect_lite.data.bodies import leg_arm_length
from xnect_lite.data.pictures import read_rgb
from xnect_lite.data.readers.label_fusion import fuse
from xnect_lite.data.readers.photokit import is_validation, read_backgrounds, read_photokit, to_sample
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import BLAZEPOSE33, COCO17, INDEX, LIMB_JOINTS_12, LSP14, ROOT

# A person in a picture of 400 x 600: left shoulder to right hip is 100 px, so teachers agree within 20 and differ from 40.
BODY = np.zeros((24, 2))
for _name, _xy in {
    "head_top": (0, -60), "nose": (0, -40), "ear": (10, -42), "head": (0, -42), "neck": (0, 0), "spine": (0, 44),
    "shoulder": (30, 0), "elbow": (60, 40), "wrist": (80, 80), "hand": (85, 95),
    "hip": (30, 80), "knee": (35, 160), "ankle": (38, 240), "toe": (50, 255),
}.items():  # fmt: skip
    for _side, _sign in (("", 1), ("r_", -1), ("l_", 1)):
        if _side + _name in INDEX:
            BODY[INDEX[_side + _name]] = (200 + _sign * _xy[0], 200 + _xy[1])
BODY[INDEX["pelvis"]] = (200, 280)
BODY[INDEX["spine"]] = (200, 236)
WORLD = np.concatenate([BODY / 200, np.linspace(-0.2, 0.2, 24)[:, None]], 1)
WORLD -= (WORLD[INDEX["r_hip"]] + WORLD[INDEX["l_hip"]]) / 2


def record(human: bool = True) -> dict[str, Any]:
    return person_record(BODY, WORLD, human)


def move(person: dict[str, Any], source: str, joint: str, by: tuple[float, float]) -> None:
    key, names = {
        "blaze": ("blaze_xy", BLAZEPOSE33.names),
        "movenet": ("movenet_xyc", COCO17.names),
        "human": ("lsp14", LSP14.names),
    }[source]
    row = person[key][names.index(joint)]
    row[0], row[1] = row[0] + by[0], row[1] + by[1]


# -- one joint, three sources ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rule:
    """What each source says of the right knee, in px beside the truth (None = says nothing), and what is made of it."""

    human: float | None
    blaze: float
    sees: float
    movenet: float | None
    weight: float
    at: float = 0.0


RULES = {
    "human and both teachers": Rule(0, 3, 0.9, 5, 1.0, 0),
    "human and BlazePose": Rule(0, 30, 0.9, 90, 1.0, 0),
    "human and MoveNet": Rule(0, 90, 0.9, 30, 1.0, 0),
    "human alone": Rule(0, 60, 0.9, 60, 0.5, 0),
    "human against a teacher who sees it": Rule(0, 60, 0.9, None, 0.5, 0),
    "both teachers agree": Rule(None, 0, 0.9, 10, 0.7, 4.0),
    "both teachers agree though one does not see it": Rule(None, 0, 0.1, 10, 0.7, 4.0),
    "teachers a little apart": Rule(None, 0, 0.9, 30, 0.3, 0),
    "teachers a little apart and unsure": Rule(None, 0, 0.3, 30, 0.0),
    "one teacher alone": Rule(None, 0, 0.9, None, 0.3, 0),
    "one teacher alone and unsure": Rule(None, 0, 0.3, None, 0.0),
    "teachers contradict": Rule(None, 0, 0.9, 60, 0.0),
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_who_is_believed(rule):
    person = record(human=rule.human is not None)
    if rule.human is not None:
        move(person, "human", "r_knee", (rule.human, 0))
    move(person, "blaze", "r_knee", (rule.blaze, 0))
    person["blaze_vis"][BLAZEPOSE33.names.index("r_knee")] = rule.sees
    move(person, "movenet", "r_knee", (-90 if rule.movenet is None else rule.movenet, 0))
    if rule.movenet is None:
        person["movenet_xyc"][COCO17.names.index("r_knee")][2] = 0.1
    labels = fuse(person)
    knee = INDEX["r_knee"]
    assert labels.weight_2d[0, knee] == pytest.approx(rule.weight)
    expected = BODY[knee] + (rule.at, 0) if rule.weight else (np.nan, np.nan)
    np.testing.assert_allclose(labels.joints_px[0, knee], expected, atol=1e-3)
    others = [j for j in LIMB_JOINTS_12 if j != knee]
    np.testing.assert_allclose(labels.joints_px[0, others], BODY[others], atol=1e-3)
    if rule.human is None:
        assert np.isnan(labels.human_px).all()
    else:
        np.testing.assert_allclose(labels.human_px[0, knee], BODY[knee], atol=1e-3)


def test_a_joint_the_human_marked_invisible_is_left_to_the_teachers():
    person = record()
    person["lsp14"][LSP14.names.index("r_knee")] = [-500.0, 7.0, 0]
    labels = fuse(person)
    assert labels.weight_2d[0, INDEX["r_knee"]] == pytest.approx(0.7)
    assert np.isnan(labels.human_px[0, INDEX["r_knee"]]).all()


def test_the_humans_neck_is_not_ours():
    """LSP's neck lies higher: it is neither taught nor scored; head top comes from humans only."""
    person = record()
    move(person, "human", "neck", (0, -25))
    labels = fuse(person)
    np.testing.assert_allclose(labels.joints_px[0, INDEX["neck"]], (200, 200), atol=1e-3)
    assert np.isnan(labels.human_px[0, INDEX["neck"]]).all()
    assert labels.weight_2d[0, INDEX["head_top"]] == pytest.approx(0.5)
    assert fuse(record(human=False)).weight_2d[0, INDEX["head_top"]] == 0


def test_derived_joints_are_trusted_less_than_their_sources():
    labels = fuse(record())
    weight = {name: labels.weight_2d[0, j] for name, j in INDEX.items()}
    assert weight["r_hip"] == weight["l_shoulder"] == weight["r_wrist"] == 1 and weight["l_ear"] == pytest.approx(0.7)
    expected = {"pelvis": 0.7, "neck": 0.7, "spine": 0.7, "head": 0.49, "r_hand": 0.5, "l_hand": 0.5, "l_toe": 0.3}
    assert {name: weight[name] for name in expected} == pytest.approx(expected)
    np.testing.assert_allclose(labels.joints_px[0, INDEX["pelvis"]], (200, 280), atol=1e-3)
    np.testing.assert_allclose(labels.joints_px[0, INDEX["spine"]], (200, 280 - 0.45 * 80), atol=1e-3)
    np.testing.assert_allclose(labels.joints_px[0, INDEX["r_hand"]], BODY[INDEX["r_hand"]], atol=1e-3)


def test_a_teachers_hand_is_not_hung_on_a_wrist_it_did_not_find():
    person = record()
    for source in ("blaze", "movenet"):
        move(person, source, "l_wrist", (0, 90))
    labels = fuse(person)
    assert labels.weight_2d[0, INDEX["l_wrist"]] == 0.5
    assert labels.weight_2d[0, INDEX["l_hand"]] == 0 and labels.weight_2d[0, INDEX["r_hand"]] == 0.5


# -- one person ------------------------------------------------------------------------------------------------------


def _visible_only(person: dict[str, Any], count: int) -> None:
    """Leave the human ``count`` visible limb joints."""
    for i, row in enumerate(person["lsp14"]):
        row[2] = int(i < count)


@pytest.mark.parametrize(
    ("change", "taught", "with_3d"),
    [
        ({}, True, True),
        ({"left_right_conflict": False}, True, True),
        ({"left_right_conflict": True}, False, False),
        ({"quality": "ignore"}, True, False),
        ({"quality": "ignore", "lsp14": None}, False, False),
        ({"quality": "ignore", "visible": 6}, True, False),
        ({"quality": "ignore", "visible": 5}, False, False),
        ({"blaze_flag": 0.3}, True, False),
        ({"movenet_xyc": None}, True, True),
    ],
    ids=[
        "good",
        "no conflict",
        "left and right contradict",
        "doubtful, but a human labelled them",
        "doubtful, no human",
        "doubtful, six human joints",
        "doubtful, five human joints",
        "BlazePose unsure",
        "no MoveNet",
    ],
)
def test_who_is_taught(change, taught, with_3d):
    person = record() | {k: v for k, v in change.items() if k != "visible"}
    if "visible" in change:
        _visible_only(person, change["visible"])
    sample = to_sample({"file": "a.webp", "width": 400, "height": 600, "people": [person]}, Path("nowhere"), "lspet")
    assert len(sample.people) == taught and len(sample.ignore_xyxy) == (not taught)
    assert bool((sample.people.weight_3d > 0).any()) == with_3d
    if not taught:
        np.testing.assert_array_equal(sample.ignore_xyxy[0], person["mask_xyxy"])


def test_somebody_ignored_without_a_silhouette_gets_the_landmarks_box_and_a_margin():
    person = record(human=False) | {"quality": "ignore", "mask_xyxy": None}
    move(person, "movenet", "l_wrist", (100, 0))
    sample = to_sample({"file": "a.webp", "width": 400, "height": 600, "people": [person]}, Path("nowhere"), "ccp")
    x0, y0, x1, y1 = sample.ignore_xyxy[0]
    margin = 0.1 * (455 - 158)
    assert (x0, y0, x1, y1) == pytest.approx((115 - margin, 158 - margin, 380 + margin, 455 + margin))


# -- 3D --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 0.6, 1.3])
def test_3d_is_that_of_the_canonical_body_whatever_the_teachers_scale(scale):
    labels = fuse(person_record(BODY, WORLD * scale))
    joints_m = labels.joints_ray_mm[0] / 1000
    assert leg_arm_length(joints_m) == pytest.approx(1.40, rel=1e-5)
    assert (joints_m[ROOT] == 0).all()
    expected = WORLD * 1.40 / leg_arm_length(WORLD)
    np.testing.assert_allclose(joints_m[LIMB_JOINTS_12], expected[LIMB_JOINTS_12], atol=1e-5)  # axes as they were
    assert np.isnan(joints_m[INDEX["head_top"]]).all() and labels.weight_3d[0, INDEX["head_top"]] == 0
    assert (labels.weight_3d[0, LIMB_JOINTS_12] == 0.5).all() and labels.weight_3d[0, INDEX["l_toe"]] == 0.5


@pytest.mark.parametrize("scale", [0.1, 5.0])
def test_dwarfs_and_giants_are_no_bodies(scale):
    assert (fuse(person_record(BODY, WORLD * scale)).weight_3d == 0).all()


@pytest.mark.parametrize(("by", "believed"), [(15, True), (30, False)])
def test_where_the_teachers_2d_is_off_its_3d_is_not_believed(by, believed):
    person = record()
    move(person, "blaze", "r_wrist", (by, 0))
    weight = fuse(person).weight_3d[0]
    assert bool(weight[INDEX["r_wrist"]]) == believed and weight[INDEX["r_elbow"]] == 0.5


def test_without_a_believed_torso_there_is_no_3d_at_all():
    person = record()
    move(person, "blaze", "l_hip", (30, 0))
    assert (fuse(person).weight_3d == 0).all()


def test_stretched_pictures_give_no_3d():
    line = {"file": "a.webp", "width": 400, "height": 600, "people": [record()]}
    for name, with_3d in (("lspet", True), ("ccp", True), ("har15", True), ("capston", False)):
        assert bool(to_sample(line, Path("nowhere"), name).people.weight_3d.any()) == with_3d, name


# -- the whole kit ---------------------------------------------------------------------------------------------------


def test_reading_a_kit(tmp_path):
    root = write_kit(tmp_path, sets=("lspet", "har15"), train=3, val=2)
    train, val = (list(read_photokit(root, split, ("lspet", "har15"))) for split in ("train", "val"))
    assert (len(train), len(val)) == (6, 4)
    assert [s.provenance for s in train[:2]] == [f"lspet {file_name(i, 'train')}" for i in range(2)]
    assert [len(s.people) for s in train] == [1, 2, 1] * 2
    assert {s.negative_weight for s in train[:3]} == {1.0} and {s.negative_weight for s in train[3:]} == {0.3}
    for sample in train + val:
        image = sample.read_image()
        assert image.shape == (sample.size[1], sample.size[0], 3) and image.dtype == np.uint8
        assert np.isfinite(sample.people.joints_px[:, LIMB_JOINTS_12]).all()
        at = sample.people.joints_px[0, INDEX["spine"]].round().astype(int)
        patch = image[at[1] - 2 : at[1] + 3, at[0] - 2 : at[0] + 3].reshape(-1, 3).astype(int)
        assert np.ptp(patch, axis=0).max() > 40, "a bone is drawn where the label is"


def test_the_split_follows_the_md5_of_the_file_name():
    names = [f"im{i:05d}.webp" for i in range(2000)]
    assert [is_validation(n) for n in names] == [hashlib.md5(n.encode()).hexdigest()[0] == "0" for n in names]
    assert np.mean([is_validation(n) for n in names]) == pytest.approx(1 / 16, abs=0.02)


def test_colours_are_rgb(tmp_path):
    cv2.imwrite(str(tmp_path / "red.png"), np.full((4, 5, 3), (0, 0, 255), np.uint8))
    assert read_rgb(tmp_path / "red.png")[0, 0].tolist() == [255, 0, 0]


def test_a_missing_set_is_named(tmp_path):
    write_kit(tmp_path, train=1, val=0)
    with pytest.raises(XnectError, match=r"ccp.labels\.jsonl: does not exist. Point .*"):
        list(read_photokit(tmp_path, "train", ("lspet", "ccp")))


@pytest.mark.parametrize(
    "broken",
    [
        "{",
        "[]",
        "7",
        '{"width": 3}',
        '{"file": "a.webp", "width": 3, "height": 3, "people": [{}]}',
        '{"file": "a.webp", "width": 3, "height": 3, "people": [[]]}',
        json.dumps({"file": "a.webp", "width": 3, "height": 3, "people": [record() | {"blaze_xy": [[1, 2]]}]}),
        json.dumps({"file": "a.webp", "width": 3, "height": 3, "people": [record() | {"lsp14": [[1, 2]] * 14}]}),
    ],
    ids=[
        "cut off",
        "a list",
        "a number",
        "no file",
        "an empty person",
        "a person that is a list",
        "too few landmarks",
        "no visibility",
    ],
)
def test_a_broken_line_is_named_by_file_and_number(tmp_path, broken):
    write_kit(tmp_path, train=2, val=0)
    path = tmp_path / "lspet" / "labels.jsonl"
    path.write_text(path.read_text() + broken + "\n")
    with pytest.raises(XnectError, match=r"lspet.labels\.jsonl, line 3: cannot be read .* Mend or remove the line"):
        list(read_photokit(tmp_path, "train", ("lspet",)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a picture", "is not a picture that can be decoded"),
        (b"", "is not a picture"),
        (None, r"cannot be read \(No such file"),
    ],
    ids=["text", "empty", "missing"],
)
def test_a_picture_that_cannot_be_decoded_is_named(tmp_path, content, message):
    line = write_picture(tmp_path, "im1.webp", seed=0)
    path = tmp_path / "images" / "im1.webp"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(XnectError, match=rf"im1\.webp: {message}"):
        to_sample(line, tmp_path, "lspet").read_image()


def test_backgrounds(tmp_path):
    for name in (file_name(0, "train"), file_name(0, "val")):
        for prefix in ("coco_", "hdri_"):
            cv2.imwrite(str(tmp_path / f"{prefix}{name}"), np.zeros((20, 30, 3), np.uint8))
    found = [s for split in ("train", "val") for s in read_backgrounds(tmp_path, split)]
    assert len(found) == 2 and all("coco_" in s.provenance and s.size == (30, 20) and len(s.people) == 0 for s in found)
    for split in ("train", "val"):
        for sample in read_backgrounds(tmp_path, split):
            assert is_validation(sample.provenance.split()[1]) == (split == "val")


def test_a_missing_folder_of_backgrounds_is_named(tmp_path):
    with pytest.raises(XnectError, match=r"nowhere: is no folder"):
        list(read_backgrounds(tmp_path / "nowhere", "train"))


def test_stand_ins_put_every_landmark_somewhere():
    """The fixture itself: no NaN may reach a JSON file."""
    assert np.isfinite(record()["blaze_xy"]).all() and np.isfinite(movenet(BODY)).all() and np.isfinite(lsp(BODY)).all()
