"""Scores on a few records of the real data sets, where somebody has them: in ``$XNECT_FIXTURES``, or in ``shared/fixtures``
beside the checkout. Every rule is also tested on files that the tests build."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from benchmark_runs import evaluate, people, saved
from labelled_people import write_mat5

from xnect_lite.evaluate.mpii import windows_of_people
from xnect_lite.evaluate.mpii_people import people_of
from xnect_lite.skeleton import COCO17, MPII16

FIXTURES = Path(os.environ.get("XNECT_FIXTURES") or Path(__file__).parents[3] / "shared" / "fixtures")


def needs(name: str) -> Path:
    if not (FIXTURES / name).exists():
        pytest.skip(f"{FIXTURES / name} is not there")
    return FIXTURES / name


def test_coco(tmp_path, capsys):
    """Four pictures, 14 people, two of them without a labelled joint: the labels themselves score full marks."""
    pytest.importorskip("pycocotools")
    source = needs("coco/test_coco.json")
    (tmp_path / "annotations").mkdir()
    shutil.copy(source, tmp_path / "annotations" / "person_keypoints_val2017.json")
    data = json.loads(source.read_text())
    found = {}
    for picture in data["images"]:
        own = [a for a in data["annotations"] if a["image_id"] == picture["id"] and a["num_keypoints"]]
        joints = [np.array(a["keypoints"], float).reshape(17, 3)[:, :2] for a in own]
        found[picture["file_name"]] = people(*joints)
    options = saved(tmp_path / "p.jsonl", "coco", COCO17.names, found)
    figures = evaluate(capsys, "coco", "--root", str(tmp_path), *options)["figures"]
    assert figures["ap"] == pytest.approx(100.0) and figures["pictures"] == 4 and figures["people_found"] == 12


def test_mpii(tmp_path, capsys):
    """Five people of HRNet's list; the truth file is made from it, heads as large as from upper neck to head top."""
    source = needs("mpii/test_mpii.json")
    (tmp_path / "annot").mkdir()
    shutil.copy(source, tmp_path / "annot" / "valid.json")
    (tmp_path / "images").symlink_to(source.parent)
    records = json.loads(source.read_text())
    joints = np.stack([np.array(r["joints"]) for r in records], -1)
    missing = 1.0 - np.array([r["joints_vis"] for r in records]).T
    heads = np.stack([joints[9] - 20, joints[9] + 20])
    write_mat5(tmp_path / "annot" / "gt_valid.mat", {"jnt_missing": missing, "pos_gt_src": joints, "headboxes_src": heads})
    everybody, _ = people_of(tmp_path, "val")
    windows = windows_of_people(everybody, tmp_path)
    for one, window in zip(everybody, windows, strict=True):
        x0, y0, x1, y1 = window.window_xyxy
        seen = one.person.joints_px[one.person.labelled]
        assert (seen >= (x0, y0)).all() and (seen <= (x1, y1)).all(), "all joints lie in the usual window"
        assert window.read().ndim == 3
    found = {one.record: people(one.person.joints_px) for one in everybody}
    options = saved(tmp_path / "p.jsonl", "mpii", MPII16.names, found)
    assert evaluate(capsys, "mpii", "--root", str(tmp_path), *options)["figures"]["mean"] == 100.0
