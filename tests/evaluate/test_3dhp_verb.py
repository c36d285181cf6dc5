"""``eval 3dhp`` on arrays in the true format: by hand, against a literal computation, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from benchmark_runs import RAW, evaluate, knowing, people, saved
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled_people import SIZE, scene, write_mat5, write_picture

from xnect_lite.evaluate.protocols.pck3d import auc, mpjpe, pck, relative_errors
from xnect_lite.skeleton import MUPOTS17

FRAMES = [scene(1, seed) for seed in range(4)]
PX = np.array([MUPOTS17.from_xnect(f.joints_px[0]) for f in FRAMES])
MM = np.array([MUPOTS17.from_xnect(f.joints_cam_mm[0]) for f in FRAMES])
UNIV = 0.9 * MM
WRIST = MUPOTS17.names.index("l_wrist")


def write_set(root: Path, names=("TS1", "TS2"), valid=(1, 0, 1, 1), **changes) -> Path:
    """Four frames a sequence, the second not valid; TS1 shows sports, TS2 sitting."""
    for name in names:
        arrays = {"annot2": PX, "annot3": MM, "univ_annot3": UNIV} | changes
        variables = {key: value.transpose(2, 1, 0)[:, :, None] for key, value in arrays.items()}
        activity = np.full((1, 4), 6.0 if name == "TS1" else 3.0)
        write_mat5(
            root / name / "annot_data.mat",
            variables | {"valid_frame": np.array([valid], float), "activity_annotation": activity},
        )
        for i in range(1, 5):
            write_picture(root / name / "imageSequence" / f"img_{i:06d}.jpg", FRAMES[i - 1])
    return root


def answers(change=lambda mm: mm) -> dict:
    """The truth, changed, in every valid frame of TS1."""
    return {f"TS1/imageSequence/img_{f + 1:06d}.jpg": people(PX[f], mm=[change(UNIV[f])]) for f in (0, 2, 3)}


def far_wrist(mm: np.ndarray) -> np.ndarray:
    out = mm.copy()
    out[WRIST, 2] += 170
    return out


CASES = [  # what, the answers, figures
    ("the truth itself", answers(), {"pck": 100.0, "auc": 100 * 30 / 31, "mpjpe_mm": 0.0, "found": 100.0, "frames": 3}),
    ("elsewhere in space", answers(lambda mm: mm + 500), {"pck": 100.0, "mpjpe_mm": 0.0}),
    ("a wrist 170 mm off", answers(far_wrist), {"pck": 100 * 13 / 14, "mpjpe_mm": 10.0}),
    ("nobody found in one frame of three", answers() | {"TS1/imageSequence/img_000003.jpg": people()}, {"pck": 200 / 3}),
    (
        "somebody else in the picture, named first",
        answers() | {"TS1/imageSequence/img_000001.jpg": people(PX[0] + 90, PX[0], mm=[0 * UNIV[0], UNIV[0]])},
        {"pck": 100.0, "mpjpe_mm": 0.0},
    ),
]


@pytest.mark.parametrize(("case", "found", "figures"), CASES, ids=[c[0] for c in CASES])
def test_by_hand(tmp_path, capsys, case, found, figures):
    root = write_set(tmp_path / "set", ("TS1",))
    options = saved(tmp_path / "p.jsonl", "3dhp", MUPOTS17.names, found)
    result = evaluate(capsys, "3dhp", "--root", str(root), "--sequences", "TS1", *options)
    assert {k: result["figures"][k] for k in figures} == pytest.approx(figures, abs=0.1), case  # files hold tenths of a mm
    assert result["part"] == "1 of 6 sequences"


def test_poses_are_not_scaled():
    """All bones a tenth too long: that is an error here, other than in MuPoTS-3D."""
    assert mpjpe(relative_errors(1.1 * UNIV, UNIV, 14)) > 30


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_same_as_a_literal_computation(seed):
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 400, (3, 17, 3))
    found = truth + rng.normal(0, 90, truth.shape) + rng.normal(0, 500, (3, 1, 3))
    found[rng.random(3) < 0.3] = np.nan
    errors = []
    for n in range(3):
        for j in range(17):
            a, b = found[n, j] - found[n, 14], truth[n, j] - truth[n, 14]
            errors.append((j, math.inf if math.isnan(a[0]) else math.dist(a, b)))
    counted = [error for j, error in errors if MUPOTS17.names[j] not in ("pelvis", "spine", "head")]
    fast = relative_errors(found, truth, 14)
    assert pck(fast) == pytest.approx(100 * sum(error < 150 for error in counted) / len(counted))
    curve = [100 * sum(error < 5 * i for error in counted) / len(counted) for i in range(31)]
    assert auc(fast) == pytest.approx(sum(curve) / 31)
    known = [error for _, error in errors if error < math.inf]
    assert mpjpe(fast) == pytest.approx(sum(known) / len(known) if known else math.nan, nan_ok=True)


def test_the_pipeline_looks_at_valid_frames(tmp_path, capsys, monkeypatch):
    """A network that knows the 2D joints and nothing of 3D: everybody is found, poses are a standing body's."""
    root = write_set(tmp_path, tuple(f"TS{n}" for n in range(1, 7)))
    network = knowing([FRAMES[f] for f in (0, 2, 3)] * 6, SIZE)
    monkeypatch.setattr("xnect_lite.runners.application.Predictor", lambda _: network)
    result = evaluate(capsys, "3dhp", "--root", str(root), *RAW)
    assert result["part"] == "" and result["data"] == "MPI-INF-3DHP test set: 6 sequences, 18 valid frames"
    assert result["figures"]["found"] == 100.0 and 0 < result["figures"]["pck"] < 100
    assert set(result["tables"]["Root-relative, by activity"]) == {"sports", "sitting"}
    assert list(result["tables"]["Root-relative, by sequence"]) == [f"TS{n}" for n in range(1, 7)] + ["all"]


NOT_A_NUMBER = np.where(np.arange(4)[:, None, None] == 2, np.nan, UNIV)
MISTAKES = [  # what, folder, options, message
    ("a sequence is missing", write_set, [], "TS3/annot_data.mat, TS4/annot_data.mat"),
    ("a picture is missing", lambda r: (r / "TS1/imageSequence/img_000003.jpg").unlink(), ["TS1"], "the picture TS1/image"),
    ("no valid frame", lambda r: write_set(r, valid=(0, 0, 0, 0)), ["TS1"], "annot_data.mat: has no valid frame"),
    ("NaN", lambda r: write_set(r, univ_annot3=NOT_A_NUMBER), ["TS1"], "holds joints that are not numbers: frame 3"),
]


@pytest.mark.parametrize(("case", "spoil", "chosen", "message"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_mistakes(tmp_path, capsys, case, spoil, chosen, message):
    spoil(write_set(tmp_path))
    options = ["--sequences", ",".join(chosen)] if chosen else []
    assert message in evaluate(capsys, "3dhp", "--root", str(tmp_path), *options)["error"], case
