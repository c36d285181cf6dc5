"""``eval lsp`` on matrices in the true formats: by hand, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from benchmark_runs import RAW, evaluate, knowing, people, saved
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labelled_people import SIZE, scene, write_mat5, write_picture

from xnect_lite.data.readers.photokit import is_validation
from xnect_lite.evaluate.joint_lists import LSP
from xnect_lite.evaluate.lsp import LspSet
from xnect_lite.skeleton import LSP14

SHOWN = scene(1)
XY = LSP.of(SHOWN.joints_px)[0]
KNEE, ANKLE = LSP14.names.index("r_knee"), LSP14.names.index("r_ankle")
TORSO = float(np.linalg.norm(XY[LSP14.names.index("l_shoulder")] - XY[LSP14.names.index("r_hip")]))


def write_lsp(root: Path, count: int = 1002, xy: np.ndarray = XY) -> Path:
    """The knee is hidden, and counts all the same."""
    joints = np.concatenate([xy, np.zeros((14, 1))], 1).T[..., None].repeat(count, 2)
    joints[2, KNEE] = 1
    write_mat5(root / "joints.mat", {"joints": joints})
    for i in range(1001, count + 1):
        write_picture(root / "images" / f"im{i:04d}.jpg", SHOWN)
    return root


def moved(joint: int, px: float) -> np.ndarray:
    out = XY.copy()
    out[joint, 0] += px
    return out


CASES = [  # what, of two people the first's joints, figures
    ("the truth itself", XY, {"mean": 100.0, "mean_of_limbs": 100.0, "head": 100.0, "people": 2}),
    ("a hidden knee less than a fifth of the torso off", moved(KNEE, 0.199 * TORSO), {"mean": 100.0}),
    ("and more", moved(KNEE, 0.201 * TORSO), {"knee": 75.0, "mean": 100 * 27 / 28, "mean_of_limbs": 100 * 23 / 24}),
    ("not found", moved(ANKLE, np.nan), {"ankle": 75.0}),
]


@pytest.mark.parametrize(("case", "first", "figures"), CASES, ids=[c[0] for c in CASES])
def test_by_hand(tmp_path, capsys, case, first, figures):
    if np.isnan(first).any():
        first[ANKLE] = np.nan
    found = {"im1001.jpg": people(XY + 200, first), "im1002.jpg": people(XY)}
    options = saved(tmp_path / "p.jsonl", "lsp", LSP14.names, found)
    result = evaluate(capsys, "lsp", "--root", str(write_lsp(tmp_path / "set")), *options)
    assert {k: result["figures"][k] for k in figures} == pytest.approx(figures), case


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
def test_the_same_as_a_literal_computation(tmp_path, seed):
    """Everybody in 60 pictures as they are found: joint by joint, within a fifth of left shoulder to right hip."""
    rng = np.random.default_rng(seed)
    joints = np.concatenate([rng.uniform(0, 90, (14, 2, 60)), rng.integers(0, 2, (14, 1, 60)).astype(float)], 1)
    write_mat5(tmp_path / "joints.mat", {"joints": joints})
    data = LspSet(tmp_path, extended=True)
    found, hits = {}, []
    for name in data.records():
        truth = joints[:, :, int(name[2:7]) - 1]
        px = truth[:, :2] + rng.normal(0, 9, (14, 2))
        found[name] = people(px)
        place = dict(zip(LSP14.names, truth.tolist(), strict=True))
        if place["l_shoulder"][2] and place["r_hip"][2]:
            torso = math.dist(place["l_shoulder"][:2], place["r_hip"][:2])
            hits += [math.dist(px[k], truth[k, :2]) <= 0.2 * torso for k in range(14) if truth[k, 2]]
    expected = 100 * sum(hits) / len(hits) if hits else math.nan
    assert data.score(found)["mean"] == pytest.approx(expected, nan_ok=True)


def test_whoever_knows_the_answers_scores_full_marks(tmp_path, capsys, monkeypatch):
    network = knowing([SHOWN] * 2, SIZE)
    monkeypatch.setattr("xnect_lite.runners.application.Predictor", lambda _: network)
    result = evaluate(capsys, "lsp", "--root", str(write_lsp(tmp_path)), *RAW)
    assert result["figures"]["mean"] == 100.0 and result["data"] == "Leeds Sports Poses: 2 test pictures"


def test_the_extended_set_is_scored_where_it_is_held_back_and_labelled(tmp_path, capsys):
    """A joint without a label counts nowhere, wherever it lies."""
    joints = np.concatenate([XY, np.ones((14, 1))], 1)[..., None].repeat(60, 2)
    joints[KNEE] = np.array([-712.5, 33.0, 0.0])[:, None]
    write_mat5(tmp_path / "joints.mat", {"joints": joints})
    names = [f"im{i:05d}.jpg" for i in range(1, 61) if is_validation(f"im{i:05d}.webp")]
    options = saved(tmp_path / "p.jsonl", "lspet", LSP14.names, {name: people(XY) for name in names})
    result = evaluate(capsys, "lsp", "--extended", "--root", str(tmp_path), *options)
    assert result["figures"]["mean"] == 100.0 and result["figures"]["people"] == len(names) > 0
    part = evaluate(capsys, "lsp", "--extended", "--root", str(tmp_path), "--limit", "1", *options)
    assert part["part"] == f"1 of {len(names)}"


MISTAKES = [
    ("no matrix", lambda r: (r / "joints.mat").unlink(), "joints.mat: was not found in"),
    ("a picture is missing", lambda r: (r / "images" / "im1002.jpg").unlink(), "1 pictures, the first images/im1002.jpg"),
    ("only people to train on", lambda r: write_lsp(r, 900), "is of 900 people: none is left to test on"),
    ("NaN", lambda r: write_lsp(r, xy=np.full((14, 2), np.nan)), "holds joints that are not numbers: im1001.jpg"),
]


@pytest.mark.parametrize(("case", "spoil", "message"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_mistakes(tmp_path, capsys, case, spoil, message):
    spoil(write_lsp(tmp_path))
    assert message in evaluate(capsys, "lsp", "--root", str(tmp_path))["error"], case
