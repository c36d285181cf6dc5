"""COCO keypoint files: who is taught, who is ignored, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from coco_files import SHOWN, annotation, write_set
from labelled_people import SIZE, assert_contract

from xnect_lite.data.readers.coco import read_annotations, read_coco
from xnect_lite.data.tally import Reason, Tally
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import COCO17, INDEX


def test_people_crowds_and_the_unlabelled(tmp_path):
    crowd = {"iscrowd": 1, "num_keypoints": 0, "keypoints": [0] * 51, "bbox": [1, 2, 30, 40], "segmentation": {"counts": []}}
    nobody = {"num_keypoints": 0, "keypoints": [0] * 51, "bbox": [200, 10, 20, 30]}
    write_set(tmp_path, [annotation(1, 1), annotation(2, 1, 1), annotation(3, 1, **crowd), annotation(4, 1, **nobody)])
    tally = Tally()
    (sample,) = read_coco(tmp_path, "train", tally)
    assert_contract(sample)
    assert len(sample.people) == 2 and sample.negative_weight == 1 and sample.focal_px is None
    np.testing.assert_allclose(sample.ignore_xyxy, [[1, 2, 31, 42], [200, 10, 220, 40]])
    for name in ("nose", "l_ear", "r_wrist", "l_ankle"):
        np.testing.assert_allclose(sample.people.joints_px[:, INDEX[name]], SHOWN.joints_px[:, INDEX[name]], atol=1e-3)
        np.testing.assert_allclose(sample.people.human_px[:, INDEX[name]], SHOWN.joints_px[:, INDEX[name]], atol=1e-3)
    assert (sample.people.weight_2d[:, [INDEX["pelvis"], INDEX["neck"], INDEX["head"]]] == np.float32(0.7)).all()
    assert (sample.people.weight_2d[:, [INDEX["head_top"], INDEX["r_toe"], INDEX["l_hand"]]] == 0).all()
    assert (sample.people.weight_3d == 0).all()
    assert dict(tally.counts) == {Reason.PERSON_EMPTY: 1}


def test_hidden_and_unlabelled_joints(tmp_path):
    one = annotation(1, 1)
    knee, wrist = (3 * COCO17.names.index(n) for n in ("r_knee", "l_wrist"))
    one["keypoints"][knee + 2] = 1
    one["keypoints"][wrist : wrist + 3] = [0, 0, 0]
    write_set(tmp_path, [one])
    people = next(read_coco(tmp_path, "train", Tally())).people
    assert people.weight_2d[0, INDEX["r_knee"]] == 1 and not people.visible[0, INDEX["r_knee"]]
    assert people.weight_2d[0, INDEX["l_wrist"]] == 0 and people.visible[0, INDEX["l_ankle"]]


def test_a_picture_without_anybody_is_a_background(tmp_path):
    write_set(tmp_path, [annotation(1, 1)], images=2, split="val")
    samples = list(read_coco(tmp_path, "val", Tally()))
    assert [len(s.people) for s in samples] == [1, 0]
    assert samples[1].provenance == "coco 000000000002.jpg"


RECORDS = {
    "too few keypoints": {"keypoints": [1, 2, 2]},
    "a box of three numbers": {"bbox": [1, 2, 3]},
    "keypoints missing": {"keypoints": None},
    "a visibility of 7": {"keypoints": [7] * 51},
    "words": {"keypoints": ["x"] * 51},
}


@pytest.mark.parametrize("change", RECORDS.values(), ids=RECORDS.keys())
def test_a_record_that_cannot_be_read_is_counted_and_its_picture_not_taken_as_empty(tmp_path, change):
    write_set(tmp_path, [annotation(1, 1), annotation(2, 1, 1, **change), annotation(3, 2, **change)], images=2)
    tally = Tally()
    (sample,) = read_coco(tmp_path, "train", tally)
    assert len(sample.people) == 1 and sample.negative_weight == pytest.approx(0.3)
    assert dict(tally.counts) == {Reason.RECORD: 2, Reason.PICTURE_EMPTY: 1}


def test_no_keypoint_is_a_number(tmp_path):
    """JSON has no NaN, but Python writes and reads it."""
    one = annotation(1, 1)
    one["keypoints"] = [np.nan if i % 3 < 2 else v for i, v in enumerate(one["keypoints"])]
    write_set(tmp_path, [one, annotation(2, 1, 1)])
    tally = Tally()
    (sample,) = read_coco(tmp_path, "train", tally)
    assert len(sample.people) == 1 and len(sample.ignore_xyxy) == 1
    assert dict(tally.counts) == {Reason.JOINT_NAN: 15, Reason.PERSON_EMPTY: 1}


def test_the_parser_keeps_what_evaluation_needs(tmp_path):
    write_set(tmp_path, [annotation(5, 1, iscrowd=1)])
    (picture,) = read_annotations(tmp_path / "annotations" / "person_keypoints_train2017.json", Tally())
    assert (picture.id, picture.size, picture.people[0].id, picture.people[0].crowd) == (1, SIZE, 5, True)
    assert picture.people[0].area == pytest.approx(1200.5) and (picture.people[0].visibility[:1] == 2).all()


@pytest.mark.parametrize("content", ["[]", "{}", '{"images": 3, "annotations": []}', "not json", ""])
def test_another_file_is_refused(tmp_path, content):
    write_set(tmp_path, [])
    path = tmp_path / "annotations" / "person_keypoints_train2017.json"
    path.write_text(content)
    with pytest.raises(XnectError, match=r"person_keypoints_train2017\.json"):
        list(read_coco(tmp_path, "train", Tally()))


def test_the_pictures_are_missing(tmp_path):
    write_set(tmp_path, [])
    (tmp_path / "train2017" / "000000000001.jpg").unlink()
    (tmp_path / "train2017").rmdir()
    with pytest.raises(XnectError, match=r"train2017.*cocodataset\.org"):
        list(read_coco(tmp_path, "train", Tally()))
