"""Files of predictions: what is written is read back, runs go on, and every mistake names its file and line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from xnect_lite.errors import XnectError
from xnect_lite.evaluate.predictions import Found, PredictionFile, read_predictions

JOINTS = ("hip", "knee", "foot")
RECORDS = ("TS1/a.jpg", "TS1/b.jpg")
MADE_BY = {"system": "this one", "weights": {"w": "0123"}}


def found(people: int) -> Found:
    px = np.arange(people * 6, dtype=float).reshape(people, 3, 2) + 0.25
    px[:, 1] = np.nan
    mm = np.arange(people * 9, dtype=float).reshape(people, 3, 3)
    return Found.of(px, np.full(people, 0.5), mm, np.full((people, 3), 0.125))


def opened(path: Path, made_by=MADE_BY) -> PredictionFile:
    return PredictionFile(path, "set", JOINTS, made_by)


def written(path: Path, *names: str) -> Path:
    file = opened(path)
    for i, name in enumerate(names):
        file.add(name, found(2 - i))
    file.close()
    return path


def test_what_is_written_is_read_back(tmp_path):
    path = written(tmp_path / "p.jsonl", *RECORDS, "TS1/c.jpg")  # two people, one, nobody
    read = read_predictions(path, "set", JOINTS, [*RECORDS, "TS1/c.jpg"])
    for name, people in zip(read, (2, 1, 0), strict=True):
        expected = found(people)
        np.testing.assert_array_equal(read[name].joints_px, expected.joints_px)
        np.testing.assert_array_equal(read[name].joints_mm, expected.joints_mm)
        np.testing.assert_array_equal(read[name].joint_scores, expected.joint_scores)
        assert read[name].in_camera and read[name].score.tolist() == [0.5] * people


def test_millimetres_about_any_origin_are_not_taken_for_camera_space(tmp_path):
    person = {"joints_px": [[1, 2]] * 3, "joints_mm": [[1, 2, 3]] * 3}
    path = lines(tmp_path, {"record": "TS1/a.jpg", "people": [person]})
    one = read_predictions(path, "set", JOINTS, RECORDS[:1])["TS1/a.jpg"]
    assert not one.in_camera and one.joints_mm[0, 0].tolist() == [1, 2, 3] and one.score.tolist() == [1.0]


def test_a_run_goes_on_where_it_was_even_in_the_middle_of_a_line(tmp_path):
    path = written(tmp_path / "p.jsonl", *RECORDS)
    whole = path.read_text()
    path.write_text(whole[:-20])
    file = opened(path)
    assert list(file.done) == ["TS1/a.jpg"]
    file.add("TS1/b.jpg", found(1))
    file.close()
    assert path.read_text() == whole


def test_a_file_of_other_settings_is_not_mixed_with(tmp_path):
    path = written(tmp_path / "p.jsonl", *RECORDS)
    before = path.read_text()
    with pytest.raises(XnectError, match=r"begun by another system or with other settings \(weights differ\)"):
        opened(path, {**MADE_BY, "weights": {"w": "4567"}})
    assert path.read_text() == before


def test_nor_is_one_that_another_system_wrote(tmp_path):
    path = lines(tmp_path, one(), head={"data_set": "set", "joints": list(JOINTS), "made_by": "theirs"})
    with pytest.raises(XnectError, match=r"begun by another system or with other settings \(system, weights differ\)"):
        opened(path)


def lines(tmp_path: Path, *records, head=None) -> Path:
    path = tmp_path / "p.jsonl"
    head = {"data_set": "set", "joints": JOINTS} if head is None else head
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in (head, *records)))
    return path


def one(record: str = "TS1/a.jpg", **person) -> dict:
    return {"record": record, "people": [{"joints_px": [[1, 2]] * 3} | person]}


B = {"record": "TS1/b.jpg", "people": []}
MISTAKES = [  # what, lines after the first, message
    ("a picture is missing", [one()], r"holds 1 of 2 pictures; the first that is missing is TS1/b\.jpg"),
    ("a picture twice", [one(), B, one()], r"line 4: TS1/a\.jpg was on line 2 already"),
    ("a picture of another set", [one(), B, one("TS9/z.jpg")], r"line 4: TS9/z\.jpg is not in the data set"),
    ("too few joints", [one(joints_px=[[1, 2]] * 2), B], r"line 2 \(TS1/a\.jpg\), person 1: has 2 joints, not 3"),
    ("a pose of NaN", [one(joints_px=[None] * 3), B], r"line 2 \(TS1/a\.jpg\), person 1: has not a single joint"),
    ("another pose of NaN", [one(joints_px=[[float("nan")] * 2] * 3), B], r"has not a single joint"),
    ("half a joint", [one(joints_px=[[1, float("nan")], None, [1, 2]]), B], r"a coordinate is not a number"),
    ("an infinite one", [one(joints_cam_mm=[[1, 2, float("inf")]] * 3), B], r"a coordinate is not a number"),
    ("3D in 2D", [one(joints_px=[[1, 2, 3]] * 3), B], r"a joint that is not 2 numbers"),
    ("a score of NaN", [one(score=float("nan")), B], r"a score that is not a finite number"),
    ("words for scores", [one(joint_scores=["a", "b", "c"]), B], r"scores that are no numbers"),
    ("no people", [{"record": "TS1/a.jpg"}], r"line 2: has no 'record' with a list of 'people'"),
    ("no JSON", ["{"], r"line 2: is no JSON"),
    ("a list", [[1]], r"line 2: is no JSON object"),
]


@pytest.mark.parametrize(("case", "records", "message"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_mistakes_name_file_and_line(tmp_path, case, records, message):
    path = lines(tmp_path, *records)
    with pytest.raises(XnectError, match=message) as error:
        read_predictions(path, "set", JOINTS, RECORDS)
    assert str(error.value).startswith(str(path)), case


HEADS = [
    ("another data set", {"data_set": "coco", "joints": list(JOINTS)}, r"line 1: is of data set 'coco', not 'set'"),
    ("another number of joints", {"data_set": "set", "joints": ["hip"]}, r"names 1 joints that are not the 3"),
    ("another order of joints", {"data_set": "set", "joints": list(JOINTS[::-1])}, r"Write them as hip, knee, foot"),
    ("no joints", {"data_set": "set"}, r"names no joints"),
]


@pytest.mark.parametrize(("case", "head", "message"), HEADS, ids=[h[0] for h in HEADS])
def test_the_first_line_says_whose_joints_these_are(tmp_path, case, head, message):
    with pytest.raises(XnectError, match=message):
        read_predictions(lines(tmp_path, one(), B, head=head), "set", JOINTS, RECORDS)


def test_a_file_that_is_empty_or_not_there(tmp_path):
    (tmp_path / "empty").write_text("")
    for name, message in (("empty", "is empty"), ("none", "cannot be read")):
        with pytest.raises(XnectError, match=message):
            read_predictions(tmp_path / name, "set", JOINTS, RECORDS)
