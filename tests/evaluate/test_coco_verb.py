"""``eval coco``: what pycocotools is told, and that both formats of answers score the same."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from benchmark_runs import RAW, evaluate, knowing, people, saved
from labelled_people import SIZE, scene, write_picture

from xnect_lite.evaluate.joint_lists import COCO
from xnect_lite.skeleton import COCO17

pytest.importorskip("pycocotools")
SHOWN = scene(2)
XY = COCO.of(SHOWN.joints_px)
NAMES = [f"{i:012d}.jpg" for i in (7, 9)]


def annotation(number: int, image: int, person: int, **changes) -> dict:
    low, high = XY[person].min(0), XY[person].max(0)
    keypoints = np.concatenate([XY[person], np.full((17, 1), 2.0)], 1)
    return {
        "id": number, "image_id": image, "category_id": 1, "iscrowd": 0, "area": 4000.0, "num_keypoints": 17,
        "bbox": [*low.tolist(), *(high - low).tolist()], "keypoints": keypoints.ravel().tolist(), "segmentation": [],
    } | changes  # fmt: skip


def write_set(root: Path, **changes) -> Path:
    """Two people in the first picture, nobody in the second."""
    for name in NAMES:
        write_picture(root / "val2017" / name, SHOWN if name == NAMES[0] else None)
    data = {
        "images": [{"id": int(n[:12]), "file_name": n, "width": SIZE[0], "height": SIZE[1]} for n in NAMES],
        "annotations": [annotation(1, 7, 0), annotation(2, 7, 1)],
        "categories": [{"id": 1, "name": "person", "supercategory": "person"}],
    } | changes
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    (root / "annotations" / "person_keypoints_val2017.json").write_text(json.dumps(data))
    return root


def test_whoever_knows_the_answers_scores_full_marks_in_both_formats(tmp_path, capsys, monkeypatch):
    root, results = write_set(tmp_path / "set"), str(tmp_path / "r.json")
    network = knowing([SHOWN, scene(0)], SIZE)
    monkeypatch.setattr("xnect_lite.runners.application.Predictor", lambda _: network)
    first = evaluate(capsys, "coco", "--root", str(root), *RAW, "--results", results)["figures"]
    assert first["ap"] > 95 and first["ap_50"] == first["ar_50"] == 100.0
    assert first["pictures"] == 2 and first["people_found"] == 2 and first["ap_large"] is None, "all people are medium"
    again = evaluate(capsys, "coco", "--root", str(root), "--predictions", results)
    assert again["figures"] == {k: v for k, v in first.items() if k != "ms_per_picture"}
    assert again["made_by"]["predictions"] == "r.json"


AP_HALF = 100 * 51 / 101  # recalls 0 to 0.50 of 101
CASES = [  # what, people of the first picture, of the second, AP
    ("exact", people(*XY), people(), 100.0),
    ("one missed", people(XY[0]), people(), AP_HALF),
    ("nobody found", people(), people(), 0.0),
    ("a ghost less sure than both", people(*XY, XY[0] + 70, score=[0.9, 0.8, 0.1]), people(), 100.0),
    ("a ghost surest of all", people(*XY), people(XY[0], score=[2.0]), 100 * 2 / 3),
]


@pytest.mark.parametrize(("case", "first", "second", "ap"), CASES, ids=[c[0] for c in CASES])
def test_by_hand(tmp_path, capsys, case, first, second, ap):
    root = write_set(tmp_path / "set")
    options = saved(tmp_path / "p.jsonl", "coco", COCO17.names, dict(zip(NAMES, (first, second), strict=True)))
    assert evaluate(capsys, "coco", "--root", str(root), *options)["figures"]["ap"] == pytest.approx(ap, abs=1e-3), case


def test_a_part_says_that_it_is_one(tmp_path, capsys):
    root = write_set(tmp_path / "set")
    options = saved(tmp_path / "p.jsonl", "coco", COCO17.names, {NAMES[0]: people(*XY), NAMES[1]: people()})
    result = evaluate(capsys, "coco", "--root", str(root), "--limit", "1", *options)
    assert result["part"] == "1 of 2 pictures" and result["figures"]["pictures"] == 1


RECORD = {"image_id": 7, "category_id": 1, "keypoints": [1.0] * 51, "score": 0.5}
MISTAKES = [  # what, results in COCO's format, message
    ("another length", [RECORD, RECORD | {"keypoints": [1.0] * 48}], "record 1: has 48 keypoint values, not 51"),
    ("another picture", [RECORD | {"image_id": 8}], "record 0: is of picture 8, which is not in the data set"),
    ("NaN", [RECORD | {"keypoints": [float("nan")] * 51}], "record 0: holds numbers that are not finite"),
    ("words", [RECORD | {"score": "high"}], "record 0: holds what is no number"),
    ("no score", [{"image_id": 7, "keypoints": []}], "record 0: lacks image_id, keypoints or score"),
    ("no list", {"a": 1}, "is no list of results"),
]


@pytest.mark.parametrize(("case", "records", "message"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_mistakes_in_results(tmp_path, capsys, case, records, message):
    (tmp_path / "r.json").write_text(json.dumps(records))
    root = write_set(tmp_path / "set")
    error = evaluate(capsys, "coco", "--root", str(root), "--predictions", str(tmp_path / "r.json"))["error"]
    assert message in error and "r.json" in error, case


BAD_SETS = [
    ("no pictures", lambda r: (r / "val2017").rename(r / "x"), "the folder val2017 of pictures: was not found"),
    ("one is missing", lambda r: (r / "val2017" / NAMES[1]).unlink(), f"1 pictures, the first {NAMES[1]}"),
    ("nobody labelled", lambda r: write_set(r, annotations=[]), "has nobody to be found"),
    ("a damaged record", lambda r: write_set(r, annotations=[{"image_id": 7}]), "annotation 0: is damaged"),
    (
        "a picture twice",
        lambda r: write_set(r, images=[{"id": i, "file_name": NAMES[0], "width": 1, "height": 1} for i in (7, 8)]),
        f"lists {NAMES[0]} more than once",
    ),
]


@pytest.mark.parametrize(("case", "spoil", "message"), BAD_SETS, ids=[b[0] for b in BAD_SETS])
def test_a_set_that_is_not_whole(tmp_path, capsys, case, spoil, message):
    spoil(write_set(tmp_path))
    assert message in evaluate(capsys, "coco", "--root", str(tmp_path))["error"], case
