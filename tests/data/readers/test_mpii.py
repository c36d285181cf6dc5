"""MPII: the official .mat with all its missing fields, the json made from it, and the truth of PCKh."""

from __future__ import annotations

import json

import numpy as np
import pytest
from labelled_people import assert_contract, cell, struct, write_mat5, write_mat73, write_picture
from mpii_files import SHOWN, TRAIN_NAME, TRAIN_NAME_2, VAL_NAME, json_record, mpii_joints, rect, write_release

from xnect_lite.data.readers.mpii import RELEASE, read_json, read_mpii, read_release, read_truth
from xnect_lite.data.tally import Reason, Tally
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import INDEX


@pytest.mark.parametrize("write", [write_mat5, write_mat73], ids=["up to v7", "v7.3"])
def test_joints_land_where_they_are_drawn(tmp_path, write):
    write_release(tmp_path, [(TRAIN_NAME, 1, [rect(0), rect(1, ids=[9, 3, 2, 12, 13])])], write=write)
    tally = Tally()
    (sample,) = read_mpii(tmp_path, "train", tally)
    assert_contract(sample)
    first, second = sample.people.joints_px
    for name in ("r_ankle", "l_hip", "r_shoulder", "l_wrist", "head_top"):
        np.testing.assert_allclose(first[INDEX[name]], SHOWN.joints_px[0, INDEX[name]], atol=1e-3, err_msg="from 0")
    np.testing.assert_allclose(first[INDEX["neck"]], SHOWN.joints_px[0, INDEX["neck"]], atol=1e-3, err_msg="thorax")
    assert sample.people.weight_2d[0, INDEX["neck"]] == pytest.approx(0.7)
    assert np.isnan(sample.people.human_px[0, [INDEX["neck"], INDEX["pelvis"]]]).all(), "computed by MPII"
    assert np.isfinite(sample.people.human_px[0, [INDEX["head_top"], INDEX["l_knee"]]]).all()
    known = {name for name, j in INDEX.items() if np.isfinite(second[j, 0])}
    assert known == {"head_top", "l_hip", "r_hip", "r_shoulder", "l_shoulder", "pelvis", "neck", "spine"}
    assert sample.negative_weight == pytest.approx(0.3), "not everybody is annotated"
    assert not tally.counts


VISIBLE = {
    "a number": (lambda k: float(k != 1), False),
    "text": (lambda k: "01"[k != 1], False),
    "empty means seen": (lambda k: np.zeros((0, 0)), True),
}


@pytest.mark.parametrize(("seen", "knee_seen"), VISIBLE.values(), ids=VISIBLE.keys())
def test_visibility_comes_in_three_kinds(tmp_path, seen, knee_seen):
    write_release(tmp_path, [(TRAIN_NAME, 1, [rect(0, seen)])])
    (sample,) = read_mpii(tmp_path, "train", Tally())
    assert sample.people.visible[0, INDEX["r_knee"]] == knee_seen and sample.people.visible[0, INDEX["r_ankle"]]
    assert sample.people.weight_2d[0, INDEX["r_knee"]] == 1


def test_people_without_joints_become_ignore_boxes(tmp_path):
    """No annopoints: a box as high as the scale says around objpos; without those, one below the head box."""
    empty = np.zeros((0, 0))
    without = [
        rect(1, annopoints=empty),
        rect(1, annopoints=empty, scale=empty, objpos=empty),
        {k: v for k, v in rect(1).items() if k in ("x1", "y1", "x2", "y2")},
    ]
    write_release(tmp_path, [(TRAIN_NAME, 1, [rect(0), *without])])
    tally = Tally()
    (sample,) = read_mpii(tmp_path, "train", tally)
    assert_contract(sample)
    assert len(sample.people) == 1 and len(sample.ignore_xyxy) == 3
    pelvis, head = SHOWN.joints_px[1, INDEX["pelvis"]], SHOWN.joints_px[1, INDEX["head_top"]]
    assert sample.ignore_xyxy[0, 2] - pelvis[0] == pytest.approx(0.6 * 200 * 0.7, abs=0.1)
    for x0, y0, x1, y1 in sample.ignore_xyxy:
        assert x0 < head[0] < x1 and y0 <= head[1] + 2 and y1 > pelvis[1]
    assert dict(tally.counts) == {Reason.PERSON_EMPTY: 3}


def test_which_pictures_belong_to_which_split(tmp_path):
    """Without a list of validation pictures the file name decides; the test set is in neither."""
    pictures = [(TRAIN_NAME, 1, [rect(0)]), (VAL_NAME, 1, [rect(0)]), ("test.jpg", 0, [rect(0)])]
    write_release(tmp_path, pictures)

    def names(split: str) -> list[str]:
        return [s.provenance for s in read_mpii(tmp_path, split, Tally())]

    assert names("train") == [f"mpii {TRAIN_NAME}"] and names("val") == [f"mpii {VAL_NAME}"]
    (tmp_path / "annot").mkdir()
    (tmp_path / "annot" / "valid.json").write_text(json.dumps([json_record(TRAIN_NAME)]))
    assert names("train") == [f"mpii {VAL_NAME}"] and names("val") == [f"mpii {TRAIN_NAME}"]


def test_the_parser_keeps_what_evaluation_needs(tmp_path):
    write_release(
        tmp_path, [(TRAIN_NAME, 1, [rect(0), rect(1)]), ("empty.jpg", 0, [])], apart=[np.array([[2.0]]), np.zeros((0, 0))]
    )
    first, second = read_release(tmp_path / RELEASE, Tally())
    x1, y1 = mpii_joints(1)[9] - 8
    np.testing.assert_allclose(first.people[1].head_box_xyxy, [x1, y1, x1 + 16, y1 + 20], atol=1e-3)
    assert first.people[1].scale == pytest.approx(0.7) and first.apart == (1,) and first.train
    np.testing.assert_allclose(first.people[0].centre_px, SHOWN.joints_px[0, INDEX["pelvis"]], atol=1e-3)
    assert (second.people, second.apart, second.train) == ((), (), False)


def test_pictures_that_cannot_be_read_are_counted(tmp_path):
    write_release(
        tmp_path,
        [(TRAIN_NAME, 1, [rect(0)]), (TRAIN_NAME_2, 1, [rect(0, annopoints=struct([{"point": struct([{"id": 99.0}])}]))])],
    )
    tally = Tally()
    assert len(list(read_mpii(tmp_path, "train", tally))) == 1
    assert tally.first == {Reason.RECORD: f"{RELEASE}, annolist(2)"}


def test_the_json_reads_like_the_mat(tmp_path):
    """People of one picture are put together; joints without a label are -1 or 0 there."""
    second = json_record(TRAIN_NAME, 1)
    second["joints"][0], second["joints_vis"][0] = [-1.0, -1.0], 0
    (tmp_path / "annot").mkdir()
    records = [json_record(TRAIN_NAME), json_record(TRAIN_NAME_2), second, {"image": TRAIN_NAME}, 7]
    (tmp_path / "annot" / "train.json").write_text(json.dumps(records))
    for name in (TRAIN_NAME, TRAIN_NAME_2):
        write_picture(tmp_path / "images" / name, SHOWN)
    tally = Tally()
    samples = list(read_mpii(tmp_path, "train", tally))
    assert [len(s.people) for s in samples] == [2, 1]
    for sample in samples:
        assert_contract(sample)
    np.testing.assert_allclose(samples[0].people.joints_px[:, INDEX["l_knee"]], SHOWN.joints_px[:, INDEX["l_knee"]], atol=1e-3)
    assert samples[0].people.weight_2d[1, INDEX["r_ankle"]] == 0
    assert dict(tally.counts) == {Reason.RECORD: 2}


def test_the_truth_of_pckh(tmp_path):
    rng = np.random.default_rng(0)
    joints, missing = rng.uniform(1, 300, (16, 2, 5)), rng.integers(0, 2, (16, 5)).astype(float)
    boxes = rng.uniform(1, 300, (2, 2, 5))
    names = cell(["rank", "rkne"])
    write_mat5(
        tmp_path / "gt_valid.mat",
        {"dataset_joints": names, "jnt_missing": missing, "pos_gt_src": joints, "headboxes_src": boxes},
    )
    truth = read_truth(tmp_path / "gt_valid.mat")
    np.testing.assert_allclose(truth.joints_px[3, 9], joints[9, :, 3] - 1, atol=1e-4)
    np.testing.assert_allclose(truth.head_box_xyxy[4], [*(boxes[0, :, 4] - 1), *(boxes[1, :, 4] - 1)], atol=1e-4)
    np.testing.assert_array_equal(truth.missing, missing.T == 1)


def test_other_files_are_refused(tmp_path):
    write_mat5(tmp_path / "other.mat", {"x": np.ones((2, 2))})
    (tmp_path / "other.json").write_text("{}")
    for read in (
        lambda: read_release(tmp_path / "other.mat", Tally()),
        lambda: read_truth(tmp_path / "other.mat"),
        lambda: read_json(tmp_path / "other.json", Tally()),
    ):
        with pytest.raises(XnectError, match="other"):
            read()


def test_the_pictures_are_missing(tmp_path):
    write_release(tmp_path, [(TRAIN_NAME, 1, [rect(0)])])
    (tmp_path / "images").rename(tmp_path / "elsewhere")
    with pytest.raises(XnectError, match=r"images.*human-pose\.mpi-inf\.mpg\.de"):
        list(read_mpii(tmp_path, "train", Tally()))
