"""The pipeline as a whole, its offline runner and the command line, on small clips the tests make themselves."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from people import walking_person
from untrained import untrained_weights

from xnect_lite.camera.pinhole import image_centre_px, project, ray_rotation
from xnect_lite.config import FittingConfig, LiftingConfig, NetworkConfig, PipelineConfig, RefiningConfig
from xnect_lite.data.labels import Labels, bones_from_joints
from xnect_lite.data.targets import encode
from xnect_lite.inference.weights import save_weights
from xnect_lite.models.refiner import Refiner
from xnect_lite.models.xnect import XNect
from xnect_lite.pipeline import Pipeline
from xnect_lite.record.take_folder import load_take
from xnect_lite.runners.offline import process_source
from xnect_lite.skeleton import NUM_JOINTS, PARENTS, ROOT
from xnect_lite.stages.network import Predictor
from xnect_lite.types import Frame, Letterbox, Maps, RunsOn

SIZE = (640, 400)
FPS = 25.0


class TruthfulNetwork:
    """Stands where the network stands and draws the maps of people whose truth is known."""

    runs_on = RunsOn("selecsls60", "truth", "none", "fp32")

    def __init__(self, poses: list[tuple[np.ndarray, np.ndarray]]) -> None:
        self.poses = poses  # per person: joints_mm (F, 24, 3), root_cam_mm (F, 3)
        self.calls = 0

    def __call__(self, frame, timer) -> Maps:
        with timer.stage("network"):
            box = Letterbox.fit(*SIZE, 512, 320)
            focal, centre = float(max(SIZE)), image_centre_px(*SIZE)
            pixels, bones = [], []
            for joints_mm, root in self.poses:
                pose, at = joints_mm[frame.index], root[frame.index]
                xy = project(pose + at, focal, centre)
                turn = ray_rotation(xy[ROOT], focal, centre)
                pixels.append(box.to_net(xy))
                bones.append(bones_from_joints(pose @ turn) / 1000)
            people = len(self.poses)

            def send(values):
                return torch.from_numpy(np.asarray(values, np.float32))[None]

            ones = np.ones((people, NUM_JOINTS))
            labels = Labels(
                send(pixels), send(ones), send(bones), send(ones), send(np.full(people, np.nan)),
                torch.ones(1, people, dtype=torch.bool), torch.zeros(1, 40, 64, dtype=torch.bool), torch.ones(1, 40, 64),
            )  # fmt: skip
            targets = encode(labels, 8, 512, 320)
            self.calls += 1
            return Maps(
                targets.heat[0, :NUM_JOINTS], targets.heat[0, NUM_JOINTS], targets.pafs[0].flatten(0, 1),
                targets.locations[0].flatten(0, 1), targets.depth[0], 8, box,
            )  # fmt: skip


class ListSource:
    """A source that reads from a list."""

    name, size, live, fps, warning = "list", SIZE, False, FPS, None

    def __init__(self, frames: list[Frame]) -> None:
        self.frames = frames
        self.frame_count = len(frames)

    def __iter__(self):
        return iter(self.frames)


def two_walkers(frames: int) -> tuple[list[Frame], list[tuple[np.ndarray, np.ndarray]]]:
    times = np.arange(frames) / FPS
    poses = []
    for side_mm in (-900.0, 900.0):
        joints_mm, root = walking_person(times)
        poses.append((joints_mm, root - root[:1] + np.array([side_mm, 0.0, 4200.0])))
    picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    return [Frame(picture, float(t), i) for i, t in enumerate(times)], poses


def test_people_come_back_where_they_are_and_keep_their_names():
    """With the raw read-out, which is exact where Stage I is; the refiner and the lifting network expect it to err."""
    frames, poses = two_walkers(20)
    config = PipelineConfig(refining=RefiningConfig(network=False), lifting=LiftingConfig(network=False))
    pipeline = Pipeline(config, TruthfulNetwork(poses))
    for frame in frames:
        result = pipeline.process(frame)
        assert len(result.people) == 2
        order = np.argsort(result.people.root_cam_mm[:, 0])
        people = result.people.take(order)
        if frame.index == 0:
            names = people.ids
        assert (people.ids == names).all()
        for person, (joints_mm, root) in enumerate(poses):
            pose_error = np.linalg.norm(people.joints_mm[person] - joints_mm[frame.index], axis=-1).mean()
            assert pose_error < 60, f"frame {frame.index}: {pose_error:.0f} mm"
            assert np.linalg.norm(people.root_cam_mm[person] - root[frame.index]) < 250
    assert set(result.timings_ms) == {"network", "grouping", "refining", "lifting", "tracking", "filtering", "fitting"}


@pytest.mark.parametrize("gain", [4.0, 0.0], ids=["believes the heatmaps", "believes nothing"])
def test_the_pipeline_looks_twice_unless_told_not_to(gain, tmp_path):
    """Who believes nothing finds no joint at all: that does no harm to the stages after it."""
    net = Refiner((8, 8, 8))
    torch.nn.init.constant_(net.gain, gain)
    save_weights(tmp_path / "refiner.safetensors", net.state_dict(), net.arch)
    frames, poses = two_walkers(3)
    found = {}
    for wish in (True, False):
        config = PipelineConfig(refining=RefiningConfig(network=wish, weights=str(tmp_path / "refiner.safetensors")))
        pipeline = Pipeline(config, TruthfulNetwork(poses))
        found[wish] = [pipeline.process(frame).people for frame in frames][-1]
    twice, once = found[True], found[False]
    assert len(once) == 2 and all(np.isfinite(getattr(twice, name)).all() for name in ("joints_mm", "root_cam_mm", "rotations"))
    if gain:
        assert len(twice) == 2 and (twice.ids == once.ids).all()
        assert np.abs(twice.joint_score - once.joint_score).max() > 0.01 and np.abs(twice.joints_px - once.joints_px).max() > 0


def test_two_pipelines_share_nothing_and_reset_starts_the_ids_again():
    frames, poses = two_walkers(3)
    one, other = (Pipeline(PipelineConfig(), TruthfulNetwork(poses)) for _ in range(2))
    first, *_ = [one.process(f).people.ids for f in frames]
    assert (other.process(frames[0]).people.ids == first).all()
    one.reset()
    assert (one.process(frames[0]).people.ids == first).all()


def test_offline_run_writes_every_frame_once_into_a_take(tmp_path):
    frames, poses = two_walkers(30)
    report = process_source(ListSource(frames), Pipeline(PipelineConfig(), TruthfulNetwork(poses)), tmp_path / "take")
    assert report.frames == report.frames_with_people == 30
    assert {f.name for f in report.files} >= {"take.json", "poses.npz", "person01.bvh", "person02.bvh", "overlay.mp4"}
    with av.open(str(tmp_path / "take/overlay.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == 30
    take = load_take(tmp_path / "take")
    assert (np.bincount(take.id)[1:] == 30).all()
    assert np.isfinite(take.rotations).all() and take.info["second_pass"] is True
    lengths = np.linalg.norm(take.joints_mm - take.joints_mm[:, PARENTS], axis=-1)[take.id == take.ids[0]]
    assert np.ptp(lengths, axis=0).max() < 0.001, "one skeleton, from the first frame on"


def test_an_error_half_way_keeps_what_was_recorded(tmp_path):
    frames, poses = two_walkers(10)

    def failing(result):
        if result.frame.index == 5:
            raise RuntimeError("the display went away")

    with pytest.raises(RuntimeError, match="display"):
        process_source(
            ListSource(frames), Pipeline(PipelineConfig(), TruthfulNetwork(poses)), tmp_path / "take", on_frame=failing
        )
    assert load_take(tmp_path / "take").id.size == 12  # six frames of two people


class BrokenNetwork(TruthfulNetwork):
    """Draws nonsense over the maps of some frames."""

    def __init__(self, poses, damage) -> None:
        super().__init__(poses)
        self.damage = damage  # frame index -> what to do to the maps

    def __call__(self, frame, timer) -> Maps:
        maps = super().__call__(frame, timer)
        tensors = ("heatmaps", "centre", "pafs", "locations", "depth")
        return dataclasses.replace(maps, **{name: self.damage(frame.index, getattr(maps, name).clone()) for name in tensors})


def everything_finite_or_missing(result) -> bool:
    """Nothing is infinite, and of everybody who was fitted everything is known."""
    people = result.people
    fitted = np.isfinite(people.rotations).all((1, 2, 3))
    no_inf = not any(np.isinf(getattr(people, name)).any() for name in people.__slots__)
    return no_inf and all(
        np.isfinite(getattr(people, n)[fitted]).all() for n in ("joints_mm", "root_cam_mm", "bone_lengths_mm")
    )


DAMAGE = {
    "all NaN": lambda index, values: values.fill_(float("nan")) if index == 5 else values,
    "all infinite": lambda index, values: values.fill_(float("inf")) if index == 5 else values,
    "a corner NaN": lambda index, values: (
        values.index_fill_(-1, torch.arange(40), float("nan")) if index in (1, 3, 5) else values
    ),
    "all ones": lambda index, values: values.fill_(1.0) if index == 5 else values,
    "all zero": lambda index, values: values.zero_() if index == 5 else values,
}


@pytest.mark.parametrize("case", DAMAGE)
def test_broken_maps_break_nothing_else(case):
    frames, poses = two_walkers(10)
    pipeline = Pipeline(PipelineConfig(), BrokenNetwork(poses, DAMAGE[case]))
    names = set()
    for frame in frames:
        result = pipeline.process(frame)
        assert everything_finite_or_missing(result), f"frame {frame.index}"
        assert len(set(result.people.ids.tolist())) == len(result.people)
        if not frame.index:
            names = set(result.people.ids.tolist())
    assert names <= set(result.people.ids.tolist()), "who was there before is there again"


@pytest.mark.parametrize("times", [[0, 0.04, 0.04, 0.04, 0.08], [0, 0.04, 0.08, 0.04, 0.08], [9.0, 9.04, 0.0, 0.04, 0.08]])
def test_time_stamps_that_repeat_or_go_back_keep_people_finite_and_ids_apart(times):
    frames, poses = two_walkers(len(times))
    pipeline = Pipeline(PipelineConfig(), TruthfulNetwork(poses))
    for frame, t_s in zip(frames, times, strict=True):
        result = pipeline.process(dataclasses.replace(frame, t_s=t_s))
        assert everything_finite_or_missing(result)
        assert len(set(result.people.ids.tolist())) == len(result.people) == 2


def test_a_stream_that_changes_its_size_keeps_everybody():
    """The network sees the same letterbox, whatever the size; so do tracking and filtering."""
    frames, poses = two_walkers(12)

    class AnySize(TruthfulNetwork):
        def __call__(self, frame, timer):
            maps = super().__call__(frame, timer)
            return dataclasses.replace(maps, letterbox=Letterbox.fit(*frame.size, 512, 320))

    pipeline = Pipeline(PipelineConfig(refining=RefiningConfig(network=False)), AnySize(poses))
    for frame in frames:
        factor = 2 if 4 <= frame.index < 8 else 1
        size = (SIZE[1] * factor, SIZE[0] * factor, 3)
        result = pipeline.process(dataclasses.replace(frame, image=np.zeros(size, np.uint8)))
        people = result.people.take(np.argsort(result.people.root_cam_mm[:, 0]))
        if not frame.index:
            names = people.ids
        assert (people.ids == names).all() and len(people) == 2
        for person, (joints_mm, root) in enumerate(poses):
            truth = project(joints_mm[frame.index] + root[frame.index], SIZE[0] * factor, image_centre_px(*size[1::-1]))
            assert np.abs(people.joints_px[person] - truth).max() < 25 * factor
            assert np.linalg.norm(people.root_cam_mm[person] - root[frame.index]) < 500  # the lifter expects maps to err


def test_people_of_one_pixel_and_crowds_are_gone_through():
    frames, poses = two_walkers(4)
    far = [(poses[0][0] * 0.001, poses[0][1])]  # a millimetre tall, so all on one pixel
    crowd = [
        (p, r + np.array([dx, 0, dz]))
        for p, r in poses
        for dx in np.linspace(-2500, 2500, 5)
        for dz in (2000, 4000, 6000, 8000, 9500)
    ]
    assert len(crowd) == 50
    for people, most in ((far, 1), (crowd, 50)):
        config = PipelineConfig(grouping=dataclasses.replace(PipelineConfig().grouping, max_people=50, max_peaks=60))
        pipeline = Pipeline(config, TruthfulNetwork(people))
        for frame in frames:
            result = pipeline.process(frame)
            assert everything_finite_or_missing(result)
            assert len(result.people) <= most


def test_fitting_can_be_switched_off():
    frames, poses = two_walkers(3)
    config = PipelineConfig(fitting=FittingConfig(enabled=False))
    result = [Pipeline(config, TruthfulNetwork(poses)).process(f) for f in frames][-1]
    assert len(result.people) == 2 and np.isnan(result.people.rotations).all()


def test_a_stature_set_while_running_moves_the_person_and_nobody_else():
    frames, poses = two_walkers(6)
    pipeline = Pipeline(PipelineConfig(), TruthfulNetwork(poses))
    before = [pipeline.process(f) for f in frames[:3]][-1].people
    pipeline.set_stature(int(before.ids[0]), 2.55)
    after = [pipeline.process(f) for f in frames[3:]][-1].people
    same = after.take(np.array([after.ids.tolist().index(i) for i in before.ids.tolist()]))
    assert same.root_cam_mm[0, 2] == pytest.approx(1.5 * before.root_cam_mm[0, 2], rel=0.05)
    assert same.root_cam_mm[1, 2] == pytest.approx(before.root_cam_mm[1, 2], rel=0.05)


# -- the command line ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    return untrained_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for i in range(6):
            picture = np.full((96, 160, 3), 40 * i, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "xnect_lite.cli", *map(str, arguments)],
        capture_output=True, text=True, timeout=180, env=os.environ | environment,
    )  # fmt: skip


def small(weights: Path) -> list[object]:
    return ["--backbone", "selecsls42", "--weights", weights, "--set", "network.long_side_net_px=128",
            "--set", "network.short_side_net_px=64"]  # fmt: skip


def test_process_makes_a_take_and_a_json_summary(clip, weights, tmp_path):
    done = run("process", clip, "-o", tmp_path / "takes", "--json", *small(weights))
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["done"] == 1 and not summary["failed"]
    (summary,) = summary["sources"]
    assert summary["frames"] == 6 and summary["backbone"] == "selecsls42" and summary["device"]
    assert all(Path(f).is_file() for f in summary["files"])


def test_process_reads_only_the_part_asked_for(clip, weights, tmp_path):
    done = run("process", clip, "-o", tmp_path, "--start", 0.2, "--end", 0.4, "--no-overlay", "--json", *small(weights))
    assert json.loads(done.stdout)["sources"][0]["frames"] == 2
    assert not list(tmp_path.glob("*/overlay.mp4"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["process", "no/such/clip.mp4"], ["no/such/clip.mp4", "no such file"]),
        (["process", __file__], ["test_pipeline.py", "not"]),
        (["process", "{clip}", "--weights", "nowhere.safetensors"], ["nowhere.safetensors", "--weights"]),
        (["process", "{clip}", "--backbone", "resnet50", "--weights", "{weights}"], ["selecsls42", "resnet50"]),
        (["process", "{clip}", "--backbone", "resnet51", "--weights", "{weights}"], ["resnet51"]),
        (["process", "{clip}", "--set", "grouping.max_poeple=2"], ["max_poeple", "max_people"]),
        (["process", "{clip}", "--set", "network.device=warp"], ["warp", "auto, cpu, cuda"]),
        (["process", "{clip}", "--start", "99", "--backbone", "selecsls42", "--weights", "{weights}"], ["clip.mp4"]),
        (["process", "{clip}", "-o", "/dev/null/t", "--backbone", "selecsls42", "--weights", "{weights}"], ["/dev/null/t"]),
        (["process", "99"], ["99"]),
        (["eval", "photos", "--data", "no/such/folder"], ["no/such/folder"]),
        (["process", "{clip}", "--intrinsics", "{square}", "--backbone", "selecsls42", "--weights", "{weights}"],
         ["400x400", "160x96", "another shape"]),
        (["process", "{clip}", "--stature", "tall"], ["--stature tall"]),
    ],
    ids=["missing file", "no video", "missing weights", "weights of another backbone", "unknown backbone", "unknown key",
         "unknown device", "start after the end", "unwritable folder", "no camera", "missing data set",
         "calibration of another shape", "no height"],
)  # fmt: skip
def test_what_the_user_can_mend_is_one_line_and_exit_code_2(arguments, words, clip, weights, tmp_path):
    square = tmp_path / "square.json"
    square.write_text(json.dumps({"width": 400, "height": 400, "fx": 400, "fy": 400, "cx": 199.5, "cy": 199.5}))
    arguments = [a.format(clip=clip, weights=weights, square=square) for a in arguments]
    if "-o" not in arguments and arguments[0] == "process":
        arguments += ["-o", str(tmp_path)]
    done = run(*arguments)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in last


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_asking_for_cuda_without_cuda_fails_loudly(clip, weights, tmp_path):
    done = run("process", clip, "-o", tmp_path, "--device", "cuda", *small(weights))
    assert done.returncode == 2 and "CUDA" in done.stderr and "Traceback" not in done.stderr


def test_help_does_not_import_torch():
    code = (
        "import sys\nfrom xnect_lite.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        "assert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_portrait_and_landscape_frames_run_through_one_predictor():
    predictor = Predictor(NetworkConfig(long_side_net_px=128, short_side_net_px=64, device="cpu"), XNect("selecsls42"))
    from xnect_lite.timer import StageTimer

    for width, height in ((300, 200), (200, 300)):
        maps = predictor(Frame(np.zeros((height, width, 3), np.uint8), 0.0, 0), StageTimer())
        assert maps.heatmaps.shape[1:] == ((8, 16) if width > height else (16, 8))
