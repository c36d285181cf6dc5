"""2D keypoints, read by pycocotools and put through its own evaluation against themselves."""

from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pytest
from recorded import record_walkers

from xnect_lite.record.export import ExportOptions, export_files
from xnect_lite.record.take_folder import load_take
from xnect_lite.skeleton import INDEX

coco = pytest.importorskip("pycocotools.coco")
evaluation = pytest.importorskip("pycocotools.cocoeval")


def test_coco(tmp_path):
    folder = record_walkers(tmp_path / "t", {1: range(20), 4: range(5, 30)}, 30)
    path = export_files(folder, tmp_path / "out", ExportOptions(formats=["coco"])).files[0]
    with contextlib.redirect_stdout(io.StringIO()):
        read = coco.COCO(str(path))
        assert len(read.imgs) == 30 and len(read.anns) == 20 + 25
        assert {read.imgs[1][k] for k in ("width", "height")} == {640, 480}
        names = read.cats[1]["keypoints"]
        assert names[:6] == ["nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder"] and len(names) == 17
        take = load_take(folder)
        for annotation in read.loadAnns(read.getAnnIds(imgIds=[11])):
            row = (take.id == annotation["track_id"]) & (take.frame_index == 10)
            keypoints = np.array(annotation["keypoints"]).reshape(17, 3)
            assert keypoints[names.index("left_wrist"), :2] == pytest.approx(take.joints_px[row][0, INDEX["l_wrist"]], abs=0.01)
            assert keypoints[1:3].tolist() == [[0, 0, 0]] * 2, "eyes are never known"
            assert annotation["num_keypoints"] == 15 == (keypoints[:, 2] == 2).sum()
        results = tmp_path / "results.json"
        kept = ("image_id", "category_id", "keypoints", "score")
        results.write_text(json.dumps([{name: a[name] for name in kept} for a in read.anns.values()]))
        judge = evaluation.COCOeval(read, read.loadRes(str(results)), "keypoints")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    assert judge.stats[0] == pytest.approx(1.0), "its own keypoints score full marks"
