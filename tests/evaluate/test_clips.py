"""A take against the truth of its clip, by hand; and ``eval clips``: the same frames with more and more of the pipeline."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from test_pipeline import SIZE, TruthfulNetwork, two_walkers

from xnect_lite.camera.pinhole import image_centre_px, project
from xnect_lite.cli import main as cli
from xnect_lite.config import PipelineConfig
from xnect_lite.evaluate.clip_score import ClipScore
from xnect_lite.evaluate.clips import find_clips
from xnect_lite.evaluate.stages import score_stages
from xnect_lite.inference.weights import save_weights
from xnect_lite.models.xnect import XNect
from xnect_lite.record.journal import records_of
from xnect_lite.record.take_folder import Take, take_of_records
from xnect_lite.skeleton import INDEX, MUPOTS17, ROOT
from xnect_lite.synth.demo import TRUTH, VIDEO, write_video
from xnect_lite.synth.mupots_like import save_annotations
from xnect_lite.synth.truth import Truth, save_truths
from xnect_lite.types import People, PoseResult

FRAMES, FOCAL = 8, 640.0
WRIST = INDEX["l_wrist"]


def walkers() -> tuple[list, list[Truth], TruthfulNetwork]:
    """Frames, their truths, and a network that knows the two people in them."""
    frames, poses = two_walkers(FRAMES)
    truths = []
    for frame in frames:
        cam = np.stack([joints[frame.index] + root[frame.index] for joints, root in poses])
        visible, ident = np.ones((2, 24), bool), np.zeros(SIZE[::-1], np.int16)
        px = project(cam, FOCAL, image_centre_px(*SIZE))
        truths.append(Truth(px, cam, visible, np.full(2, 5000), ident, FOCAL, np.array([0.0, -1, 0, 1])))
    return frames, truths, TruthfulNetwork(poses)


def take_of(truths: list[Truth], mend) -> Take:
    """The truth as a take, under the ids 1 and 2, each frame's people changed by ``mend(people, frame)``."""
    frames, records = two_walkers(FRAMES)[0], []
    for frame, truth in zip(frames, truths, strict=True):
        people = People.empty(2)
        people.joints_px[:], people.joint_score[:], people.person_score[:] = truth.joints_px, 1.0, 1.0
        people.root_cam_mm[:] = truth.joints_cam_mm[:, ROOT]
        people.joints_mm[:] = truth.joints_cam_mm - truth.joints_cam_mm[:, [ROOT]]
        people.ids[:] = 1, 2
        records.append(records_of(PoseResult(frame, mend(people, frame.index), FOCAL)))
    return take_of_records(np.concatenate(records), info={"focal_px": FOCAL})


def moved(people: People, name: str, row: int | slice, add: tuple[float, ...], joint: int | slice = slice(None)) -> People:
    getattr(people, name)[(row, joint) if name != "root_cam_mm" else row] += add
    return people


PERFECT = {"ap": 1.0, "found": 1.0, "pck3d_150": 1.0, "mpjpe_mm": 0.0, "root_mm": 0.0, "idf1": 1.0, "swaps": 0}
CASES = [
    ("the truth itself", lambda p, _: p, PERFECT),
    ("one person 100 mm too far", lambda p, _: moved(p, "root_cam_mm", 0, (0, 0, 100)), PERFECT | {"root_mm": 50}),
    (
        "a wrist 230 mm off: one of 23 joints of each of two people",
        lambda p, _: moved(p, "joints_mm", 0, (0, 230, 0), WRIST),
        PERFECT | {"mpjpe_mm": 5, "pck3d_150": 45 / 46},
    ),
    ("a wrist 140 mm off is near enough", lambda p, _: moved(p, "joints_mm", 0, (0, 0, 140), WRIST), {"pck3d_150": 1.0}),
    (
        "one is missed, whose joints are all wrong",
        lambda p, _: p.take(np.array([0])),
        {"found": 0.5, "pck3d_150": 0.5, "mpjpe_mm": 0.0, "idf1": 2 / 3, "ap": 51 / 101},
    ),
    ("found elsewhere is not found", lambda p, _: moved(p, "joints_px", 1, (400.0, 0.0)), {"found": 0.5, "pck3d_150": 0.5}),
    (
        "nobody has a name",
        lambda p, _: dataclasses.replace(p, ids=np.zeros(2, int)),
        PERFECT | {"idf1": np.nan, "swaps": np.nan},
    ),
    (
        "they change names half way",
        lambda p, f: dataclasses.replace(p, ids=p.ids if f < FRAMES / 2 else p.ids[::-1]),
        PERFECT | {"idf1": 0.5, "swaps": 2},
    ),
    (
        "nobody is found",
        lambda p, _: p.take(np.zeros(0, int)),
        {"ap": 0.0, "found": 0.0, "pck3d_150": 0.0, "mpjpe_mm": np.nan, "root_mm": np.nan, "root_jitter_mm_s2": np.nan},
    ),
]


@pytest.mark.parametrize(("case", "mend", "figures"), CASES, ids=[c[0] for c in CASES])
def test_by_hand(case, mend, figures):
    truths = walkers()[1]
    score = ClipScore()
    score.add(take_of(truths, mend), truths)
    found = score.figures()
    assert {name: found[name] for name in figures} == pytest.approx(figures, abs=1e-3, nan_ok=True), case


def test_trembling_is_measured_whatever_the_names_are():
    """A root that jumps 2 mm up and down trembles by 4 mm x 25 x 25 frames a second more, whoever it is called."""
    truths = walkers()[1]
    still = [dataclasses.replace(truths[0]) for _ in truths]
    score = ClipScore()
    shake = lambda p, f: moved(dataclasses.replace(p, ids=p.ids + 2 * f), "root_cam_mm", slice(None), (0, 2 * (f % 2), 0))  # noqa: E731
    score.add(take_of(still, shake), still)
    figures = score.figures()
    assert figures["root_jitter_mm_s2"] == pytest.approx(4 * 25**2, rel=1e-3)
    assert figures["joint_jitter_mm_s2"] == pytest.approx(0, abs=1) and figures["foot_slide_mm_s"] == pytest.approx(
        50, rel=1e-2
    )


def test_people_of_whom_nothing_shows_count_neither_way():
    truths = [dataclasses.replace(t, mask_px=np.array([5000, 0])) for t in walkers()[1]]
    for mend in (lambda p, _: p, lambda p, _: p.take(np.array([0]))):
        score = ClipScore()
        score.add(take_of(truths, mend), truths)
        assert {name: score.figures()[name] for name in PERFECT} == pytest.approx(PERFECT, abs=1e-3)


def test_takes_of_several_clips_are_scored_together_and_their_people_kept_apart():
    truths = walkers()[1]
    score = ClipScore()
    score.add(take_of(truths, lambda p, _: p), truths)
    score.add(take_of(truths, lambda p, _: dataclasses.replace(p, ids=p.ids[::-1])), truths)
    assert score.figures()["idf1"] == 1.0 and score.figures()["swaps"] == 0


def demo(folder: Path) -> Path:
    """The walkers as ``synth demo`` would write them, but nobody is drawn."""
    frames, truths, _ = walkers()
    folder.mkdir(exist_ok=True)
    write_video(folder / VIDEO, (frame.image for frame in frames), SIZE, 25.0)
    save_truths(folder / TRUTH, [str(frame.index) for frame in frames], truths)
    return folder


def test_every_stage_is_scored_and_the_network_runs_once_a_frame(tmp_path):
    network = walkers()[2]
    scores = score_stages(find_clips(demo(tmp_path)), PipelineConfig(), network)
    figures = {name: score.figures() for name, score in scores.items()}
    assert network.calls == FRAMES
    assert list(figures)[:9] == [
        "the truth itself", "network + grouping", "+ refining", "+ lifting", "+ tracking", "+ filtering", "+ fitting (live)",
        "+ second pass (recordings)", "the same without refining",
    ]  # fmt: skip
    assert figures["the truth itself"]["mpjpe_mm"] < 1e-3 and figures["the truth itself"]["ap"] == 1.0
    raw = figures["network + grouping"]  # of maps that are right
    assert raw["mpjpe_mm"] < 60 and raw["root_mm"] < 250 and raw["found"] == 1.0 and np.isnan(raw["idf1"])
    assert figures["+ tracking"]["idf1"] == 1.0
    for steady, shaky in (("+ filtering", "+ tracking"), ("+ second pass (recordings)", "+ fitting (live)")):
        assert figures[steady]["root_jitter_mm_s2"] < figures[shaky]["root_jitter_mm_s2"]
    without = "the same without the lifting network"  # it would expect the maps to err
    assert figures[without]["mpjpe_mm"] < figures["+ second pass (recordings)"]["mpjpe_mm"]


def test_sequences_in_mupots_form_are_clips(tmp_path):
    frames, truths, _ = walkers()
    for number in (1, 2):
        folder = tmp_path / f"TS{number}"
        folder.mkdir()
        save_annotations(folder, truths)
        for frame in frames:
            cv2.imwrite(str(folder / f"img_{frame.index:06d}.jpg"), frame.image)
    one, other = find_clips(tmp_path)
    assert one.focal_px == pytest.approx(FOCAL, rel=1e-3) and len(other.truths) == FRAMES
    known = np.array(MUPOTS17.xnect)
    np.testing.assert_allclose(one.truths[3].joints_px[:, known], truths[3].joints_px[:, known], atol=1e-2)
    assert one.truths[0].labelled.all() and [frame.index for frame in one.open()] == list(range(FRAMES))
    network = walkers()[2]
    figures = score_stages([one], PipelineConfig(), network)["the truth itself"].figures()
    assert figures["mpjpe_mm"] < 1e-3 and figures["found"] == 1.0


def test_the_command_prints_a_row_for_each_stage(tmp_path):
    """With an untrained network, which finds nobody: everything but the truth itself scores nothing."""
    net = XNect("selecsls42")
    torch.nn.init.constant_(net.heads.out_2d.bias, -9.0)
    save_weights(tmp_path / "w.safetensors", net.state_dict(), net.arch)
    clip = demo(tmp_path / "demo")
    command = [
        sys.executable,
        "-m",
        "xnect_lite.cli",
        "eval",
        "clips",
        "--data",
        str(clip),
        str(clip),
        "--backbone",
        "selecsls42",
    ]
    command += ["--weights", str(tmp_path / "w.safetensors"), "--backend", "torch", "--device", "cpu", "--json"]
    command += ["--set", "network.long_side_net_px=128", "--set", "network.short_side_net_px=64"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed["clips"] == 2 and printed["frames"] == 2 * FRAMES and printed["backend"] == "torch"
    truth, *rest = printed["stages"].values()
    assert truth["ap"] == 1.0 and truth["idf1"] == 1.0 and truth["mpjpe_mm"] < 1e-3
    assert len(rest) >= 6 and all(
        row["ap"] == row["found"] == row["pck3d_150"] == 0 and row["mpjpe_mm"] is None for row in rest
    )


MISTAKES = [
    ("a folder with neither", lambda folder: None, "holds neither demo-truth.npz nor sequences TS1"),
    ("a truth that is none", lambda folder: (folder / TRUTH).write_bytes(b"?"), "holds no truth of rendered pictures"),
    ("no video beside it", lambda folder: (demo(folder) / VIDEO).unlink(), "no such file, folder or camera"),
]


@pytest.mark.parametrize(("case", "spoil", "message"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_mistakes(case, spoil, message, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("xnect_lite.runners.application.Predictor", lambda _: walkers()[2])
    spoil(tmp_path)
    assert cli.main(["eval", "clips", "--data", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err, case
