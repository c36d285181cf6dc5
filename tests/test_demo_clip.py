"""The demo clip in docs/, from file to people in space: what the README offers to those without a camera works."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from xnect_lite import track
from xnect_lite.cli.main import main
from xnect_lite.evaluate.keypoints import match, oks_matrix
from xnect_lite.files.npz import read_npz
from xnect_lite.record.take import TakeRecorder
from xnect_lite.skeleton import INDEX

pytest.importorskip("av", reason="video files need PyAV")
DOCS = Path(__file__).parent.parent / "docs"
LEAST_SHOWN = 12  # joints of whoever must be found


@pytest.fixture(scope="module")
def first_second():
    """(the pipeline's results of the clip's first second, (F, 3, 24, 2) true joints, (F, 3, 24) visible)."""
    truth = read_npz(DOCS / "demo-joints.npz", ["joints_px", "visible"])
    results = list(track(DOCS / "demo.mp4", end_s=1.0))
    return results, truth["joints_px"].astype(float)[: len(results)], truth["visible"][: len(results)]


def test_the_clip_is_small_and_as_long_as_its_truth_says(first_second):
    assert (DOCS / "demo.mp4").stat().st_size < 1.5e6
    results, joints, _ = first_second
    assert len(results) == len(joints) == 25
    assert results[0].frame.size == (640, 400) and results[-1].frame.t_s == pytest.approx(24 / 25)


def test_the_three_people_are_found_where_they_are(first_second):
    """Once tracks had three frames to start: most people in most frames, nobody under two names."""
    found, shown, names = 0, 0, {0: set(), 1: set(), 2: set()}
    for result, joints, visible in list(zip(*first_second, strict=True))[3:]:
        oks, partner = oks_matrix(joints, result.people.joints_px), match(joints, result.people.joints_px, 0.5)
        for who in np.flatnonzero(visible.sum(-1) >= LEAST_SHOWN):
            shown += 1
            if partner[who] >= 0 and oks[who, partner[who]] >= 0.5:
                found += 1
                names[who].add(int(result.people.ids[partner[who]]))
    assert shown > 40 and found >= 0.75 * shown, (found, shown)
    assert all(len(seen) == 1 for seen in names.values()) and len(set.union(*names.values())) == 3, names


def test_a_take_of_it_is_scored_against_its_truth(first_second, tmp_path, capsys):
    with TakeRecorder(tmp_path / "take", source="demo.mp4", fps=25.0) as recorder:
        for result in first_second[0]:
            recorder.add(result)
    assert main(["take", "score", str(tmp_path / "take"), "--truth", str(DOCS / "demo-joints.npz"), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["frames"] == 25 and figures["people"] > 40
    assert figures["idf1"] > 0.75 and figures["swaps"] == 0 and figures["ids"] == 3


def test_they_stand_before_the_camera_in_the_right_order(first_second):
    """The clip shows the man on the left farther away than the woman in the middle, who is nearest of all."""
    results, joints, _ = first_second
    last, truth = results[-1].people, joints[-1]
    partner = match(truth, last.joints_px, 0.3)
    assert (partner >= 0).all()
    metres = last.joints_cam_mm[partner][:, INDEX["pelvis"], 2] / 1000
    tall = np.ptp(truth[..., 1], axis=1)
    assert (metres > 1).all() and (metres < 20).all()
    assert np.argmin(metres) == np.argmax(tall), "whoever is largest in the picture is nearest"
