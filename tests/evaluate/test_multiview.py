"""Several cameras around a room: the reference as each sees it, and ``eval multiview`` with a network that knows the truth."""

from __future__ import annotations

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from people import walking_person
from test_pipeline import TruthfulNetwork

from xnect_lite.camera.calibration import PlacedCamera
from xnect_lite.camera.intrinsics import Camera
from xnect_lite.cli import main as cli
from xnect_lite.cli.evaluate_multiview import mean_of_cameras
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.multiview import SCORED_3D, STAGES, load_reference, seen_by
from xnect_lite.skeleton import INDEX, JOINTS, ROOT
from xnect_lite.types import RunsOn

SIZE, FRAMES = (640, 400), 6
LENS = Camera(*SIZE, 640.0, 640.0, 319.5, 199.5)
# The room is the first camera's space; the second stands on its left, 4 m before the person, and looks to the right.
PLACED = {
    "a": PlacedCamera(LENS, np.eye(3), np.zeros(3)),
    "b": PlacedCamera(LENS, np.array([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]]), np.array([-4000.0, 0, 4000])),
}
NAMES = [name for name in JOINTS if name not in ("spine", "head")]


def in_room() -> tuple[np.ndarray, np.ndarray]:
    return walking_person(np.arange(FRAMES) / 25, start_cam_mm=(0.0, 4000.0))


def save_reference(path: Path, **changed) -> Path:
    joints_mm, root = in_room()
    xyz = (joints_mm + root[:, None])[:, None, [INDEX[name] for name in NAMES]]
    cameras = {
        "cameras": np.array(list(PLACED)),
        "cam_K": np.tile([[640.0, 0, 319.5], [0, 640.0, 199.5], [0, 0, 1]], (1, 2, 1, 1)),
        "cam_R": np.stack([c.rotation for c in PLACED.values()])[None],
        "cam_C": np.stack([c.centre_mm for c in PLACED.values()]),
        "cam_dist": np.zeros((2, 4)),
    }
    values = {"joints": np.array(NAMES), "xyz_mm": xyz, **cameras, **changed}
    np.savez(path, **{name: value for name, value in values.items() if value is not None})
    return path


def save_video(path: Path, frames: int = FRAMES) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25.0, SIZE)
    for _ in range(frames):
        writer.write(np.zeros((*SIZE[::-1], 3), np.uint8))
    writer.release()
    return path


def test_a_reference_as_each_camera_sees_it(tmp_path):
    joints_mm = load_reference(save_reference(tmp_path / "r.npz")).joints_mm
    for name, placed in PLACED.items():
        truth = seen_by(placed, joints_mm)[3]
        pelvis = truth.joints_cam_mm[0, ROOT]
        assert np.linalg.norm(pelvis - (0, pelvis[1], 4000)) < 1, f"{name}: 4 m before it"
        assert truth.visible[0, INDEX["l_knee"]] and truth.labelled.all()
        assert np.isfinite(truth.joints_cam_mm[0, SCORED_3D]).all() and np.isnan(truth.joints_cam_mm[0, INDEX["nose"]]).all()
        assert np.isfinite(truth.joints_px[0, INDEX["nose"]]).all(), "in the picture it counts"
    left, right = (seen_by(PLACED[n], joints_mm)[0].joints_px[0] for n in "ab")
    assert left[INDEX["l_shoulder"], 0] > left[INDEX["r_shoulder"], 0], "facing the first camera"
    assert abs(right[INDEX["l_shoulder"], 0] - right[INDEX["r_shoulder"], 0]) < 20, "from the side for the second"


def test_what_a_reference_does_not_know(tmp_path):
    """A NaN joint is none, a frame without a pelvis has nobody, a frame it skips has nobody either."""
    joints_mm, root = in_room()
    xyz = (joints_mm + root[:, None])[:, None, [INDEX[name] for name in NAMES]]
    xyz[1, 0, NAMES.index("l_wrist"), 1] = np.nan
    xyz[2, 0, [NAMES.index(name) for name in ("pelvis", "l_hip")]] = np.nan
    frames = np.array([0, 1, 2, 4, 5, 6])
    reference = load_reference(save_reference(tmp_path / "r.npz", xyz_mm=xyz, frames=frames))
    truths = seen_by(PLACED["a"], reference.joints_mm)
    assert [len(truth.joints_px) for truth in truths] == [1, 1, 0, 0, 1, 1, 1]
    assert np.isnan(truths[1].joints_cam_mm[0, INDEX["l_wrist"]]).all() and not truths[1].visible[0, INDEX["l_wrist"]]
    assert np.isfinite(reference.joints_mm[0, 0, INDEX["spine"]]).all(), "derived from what is there"


@pytest.fixture
def network(monkeypatch):
    """Knows where the person is in each camera's picture, in the order the cameras are run."""
    joints_mm, root = in_room()
    world = joints_mm + root[:, None]

    class Knows:
        runs_on = RunsOn("selecsls60", "CPU", "test", "fp32")

        def __init__(self) -> None:
            self.run: list[TruthfulNetwork] = []

        def __call__(self, frame, timer):
            if frame.index == 0:
                cam = list(PLACED.values())[len(self.run)].to_camera(world)
                self.run.append(TruthfulNetwork([(cam - cam[:, [ROOT]], cam[:, ROOT])]))
            return self.run[-1](frame, timer)

    monkeypatch.setattr("xnect_lite.runners.application.Predictor", lambda _: Knows())


def calibration(path: Path) -> Path:
    lens = {key: getattr(LENS, key) for key in ("width", "height", "fx", "fy", "cx", "cy")}
    cameras = {n: lens | {"rotation": c.rotation.tolist(), "centre_mm": c.centre_mm.tolist()} for n, c in PLACED.items()}
    path.write_text(yaml.safe_dump({"cameras": cameras}))
    return path


@pytest.mark.parametrize("given", [True, False], ids=["calibration given", "that of the reference"])
def test_each_camera_alone_is_scored_at_every_stage(given, tmp_path, network, capsys):
    videos = [str(save_video(tmp_path / "a.mp4")), str(save_video(tmp_path / "b.mp4", FRAMES - 2))]
    words = ["eval", "multiview", "--videos", *videos, "--reference", str(save_reference(tmp_path / "r.npz")), "--json"]
    words += ["--set", "lifting.network=false", "--set", "refining.network=false"]  # they would expect the maps to err
    words += ["--calibration", str(calibration(tmp_path / "c.yaml"))] if given else []
    assert cli.main(words) == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(printed["cameras"]) == ["a", "b"] and printed["ran_on"]["frames"] == FRAMES
    for name, stages in printed["cameras"].items():
        assert tuple(stages) == STAGES
        for stage, figures in stages.items():
            assert figures["found"] == 1.0 and figures["turned"] == 0.0, (name, stage)
            assert figures["mpjpe_mm"] < 60 and figures["pa_mpjpe_mm"] < figures["mpjpe_mm"] and figures["root_mm"] < 250
            assert figures["limbs"] == pytest.approx(1, abs=0.03) and figures["error_px"] < 10
    mean = [printed["cameras"][n]["+ lifting"]["root_mm"] for n in "ab"]
    assert printed["stages"]["+ lifting"]["root_mm"] == pytest.approx(sum(mean) / 2)


def test_means_are_over_the_cameras_that_have_a_figure():
    one = {"s": {"x": 1.0, "y": math.nan, "z": math.nan}}
    other = {"s": {"x": 3.0, "y": 4.0, "z": math.nan}}
    mean = mean_of_cameras({"a": one, "b": other})["s"]
    assert mean["x"] == 2.0 and mean["y"] == 4.0 and math.isnan(mean["z"])


BAD_REFERENCES = [
    ("no joints", {"joints": None}, "lacks 'joints'"),
    ("joints nobody knows", {"joints": np.array(["tail"] * len(NAMES))}, "0 of them known"),
    ("of another shape", {"xyz_mm": np.zeros((3, 1, 4, 3))}, "has xyz_mm (3, 1, 4, 3)"),
    ("frames that repeat", {"frames": np.zeros(FRAMES, int)}, "frame numbers that repeat"),
    ("a frame number missing", {"frames": np.arange(2)}, "frame numbers that repeat"),
    ("cameras without a lens", {"cam_K": None}, "lacks 'cam_K'"),
]


@pytest.mark.parametrize(("case", "changed", "message"), BAD_REFERENCES, ids=[b[0] for b in BAD_REFERENCES])
def test_references_that_are_none(case, changed, message, tmp_path):
    with pytest.raises(XnectError) as caught:
        load_reference(save_reference(tmp_path / "r.npz", **changed))
    assert message in str(caught.value), case


MISTAKES = [
    ("a video that is not there", ["--videos", "{0}/z.mp4"], "no such file"),
    ("a video of no camera", ["--videos", "{0}/c.mp4"], "the calibration has no camera"),
    ("two of one name", ["--videos", "{0}/a.mp4", "{0}/more/a.mp4"], "has two of one name"),
    ("a calibration of other cameras", ["--videos", "{0}/c.mp4", "--calibration", "{0}/c.yaml"], "the calibration has a, b"),
    ("no frames at all", ["--videos", "{0}/a.mp4", "--limit", "-1"], "is negative"),
    ("a lens of another shape", ["--videos", "{0}/a.mp4", "--calibration", "{0}/tall.yaml"], "another shape"),
]


@pytest.mark.parametrize(("case", "words", "message"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_mistakes(case, words, message, tmp_path, capsys, network):
    for name in ("a", "c"):
        save_video(tmp_path / f"{name}.mp4", 2)
    calibration(tmp_path / "c.yaml")
    text = (tmp_path / "c.yaml").read_text()
    (tmp_path / "tall.yaml").write_text(text.replace("width: 640", "width: 300"))
    reference = str(save_reference(tmp_path / "r.npz"))
    done = cli.main(["eval", "multiview", "--reference", reference, *(word.format(tmp_path) for word in words)])
    assert done == 2 and message in capsys.readouterr().err, case
