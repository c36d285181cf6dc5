"""Steadiness of takes, on motions whose trembling, sliding and stretching are known by construction."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from people import walking_person

from xnect_lite.cli.main import main
from xnect_lite.evaluate.steadiness import steadiness
from xnect_lite.record.take import TakeRecorder
from xnect_lite.record.take_folder import Take
from xnect_lite.skeleton import INDEX, NUM_JOINTS, PARENTS, ROOT
from xnect_lite.types import Frame, People, PoseResult

FOCAL, COUNT = 1000.0, 60


def take(body: np.ndarray, root: np.ndarray, t_s: np.ndarray, px: np.ndarray | None = None) -> Take:
    n = len(t_s)
    points = body + root[:, None]
    px = FOCAL * points[..., :2] / points[..., 2:] if px is None else px
    return Take(
        Path("t"), {"focal_px": FOCAL}, t_s, np.arange(n), t_s, np.arange(n), np.ones(n, int), np.ones(n), px,
        np.ones((n, NUM_JOINTS)), body, root, np.full((n, 21, 3, 3), np.nan), np.full((n, NUM_JOINTS), np.nan),
        np.zeros((n, 2), bool),
    )  # fmt: skip


def standing() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    t_s = np.arange(COUNT) / 30
    body, root = walking_person(t_s)
    return np.repeat(body[:1], COUNT, 0), np.repeat(root[:1], COUNT, 0), t_s


def test_somebody_who_stands_still_is_steady():
    s = steadiness(take(*standing()), 1)
    assert (s.root_jitter_mm_s2, s.joint_jitter_mm_s2, s.foot_slide_mm_s) == pytest.approx((0, 0, 0), abs=1e-6)
    assert s.bone_spread_mm == pytest.approx(0, abs=1e-9) and s.frames == COUNT


def test_jitter_by_hand():
    body, root, t_s = standing()
    root[::2, 0] += 1.0  # 1 mm to and fro: the second difference is 2 mm per (1/30 s)^2
    s = steadiness(take(body, root, t_s), 1)
    assert s.root_jitter_mm_s2 == pytest.approx(1800)
    assert s.joint_jitter_mm_s2 == pytest.approx(0, abs=1e-6)


def test_a_body_that_glides_away_from_the_camera_slides():
    body, root, t_s = standing()
    px = take(body, root, t_s).joints_px  # nothing moves in the picture
    root[:, 2] += 500 * t_s
    assert steadiness(take(body, root, t_s, px), 1).foot_slide_mm_s == pytest.approx(500)


def test_a_bone_that_breathes():
    body, root, t_s = standing()
    bone = body[:, INDEX["l_hand"]] - body[:, PARENTS[INDEX["l_hand"]]]
    body[::2, INDEX["l_hand"]] += 0.2 * bone[::2]
    expected = 0.1 * np.linalg.norm(bone[0]) / (NUM_JOINTS - 1)
    assert steadiness(take(body, root, t_s), 1).bone_spread_mm == pytest.approx(expected, rel=1e-6)


def test_a_hole_in_time_is_no_leap():
    body, root, t_s = standing()
    t_s[30:] += 5.0
    root[30:, 0] += 4000.0
    assert steadiness(take(body, root, t_s), 1).root_jitter_mm_s2 == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_frames_are_not_measured(count):
    body, root, t_s = (a[:count] for a in standing())
    assert steadiness(take(body, root, t_s), 1).frames == count


def test_from_the_command_line(tmp_path, capsys):
    (body, root, t_s), folder = standing(), tmp_path / "t"
    root[::2, 0] += 1.0
    with TakeRecorder(folder) as recorder:
        for n in range(COUNT):
            ids = np.array([1, 2][: 2 if n < 20 else 1])  # 2 is there for too short a time
            points = np.repeat((body + root[:, None])[n][None], len(ids), 0)
            people = replace(
                People.empty(len(ids)), ids=ids, joints_px=FOCAL * points[..., :2] / points[..., 2:],
                joints_mm=np.repeat(body[n][None], len(ids), 0), root_cam_mm=points[:, ROOT],
            )  # fmt: skip
            recorder.add(PoseResult(Frame(np.zeros((4, 4, 3), np.uint8), t_s[n], n), people, FOCAL))
    assert main(["take", "steadiness", str(folder), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["take"], row["id"], row["frames"]) == ("t", 1, COUNT)
    assert row["root_jitter_mm_s2"] == pytest.approx(1800, rel=0.01)
    assert main(["take", "steadiness", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[:4] == ["t", "1", str(COUNT), "1800"]


def test_no_take_is_one_line(capsys, tmp_path):
    assert main(["take", "steadiness", str(tmp_path)]) == 2
    assert "is not a take" in capsys.readouterr().err
