"""Clips, the demo video and the benchmark in MuPoTS-3D's format, of box people who walk."""

from __future__ import annotations

import json

import av
import cv2
import numpy as np
import pytest
from box_assets import box_assets
from scipy.io import loadmat
from tiny_bodies import tiny_bodies

from xnect_lite.data.bodies import leg_arm_length
from xnect_lite.data.readers.mupots import read_mupots, read_sequence
from xnect_lite.data.tally import Tally
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import INDEX, MUPOTS17
from xnect_lite.synth.clip import ClipConfig, sample_clip
from xnect_lite.synth.demo import write_demo
from xnect_lite.synth.motion import Contact
from xnect_lite.synth.mupots_like import BenchmarkConfig, save_annotations, write_mupots_like
from xnect_lite.synth.scene import Cast
from xnect_lite.synth.studio import Assets
from xnect_lite.synth.truth import Truth, load_truths
from xnect_lite.synth.wardrobe import Wardrobe

SIZE = (160, 96)
BODIES = tiny_bodies((1.0, 0.9, 0.95, 0.8))
CAST = Cast(BODIES, Wardrobe(BODIES), [], Contact(BODIES))


@pytest.fixture(scope="module")
def assets(tmp_path_factory) -> Assets:
    return box_assets(tmp_path_factory.mktemp("bodies"), SIZE, BODIES)


@pytest.mark.parametrize("seed", range(3))
def test_people_cross_and_keep_clear_of_each_other(seed):
    clip = sample_clip(ClipConfig(people=3, seconds=5, kind="crossing"), CAST, np.random.default_rng(seed))
    assert len(clip) == 150 and len(clip.at(0).people) == 3
    roots = np.stack([path.root_m for path in clip.poses])  # (3, F, 3)
    order = [np.argsort(roots[:, frame, 0]).tolist() for frame in (0, len(clip) - 1)]
    assert order[0] != order[1], "somebody passed somebody"
    apart = np.linalg.norm((roots[:, None] - roots[None])[..., [0, 2]], axis=-1)
    assert apart[~np.eye(3, dtype=bool)].min() > 0.5
    steps = np.linalg.norm(np.diff(roots, axis=1), axis=-1)
    assert steps.max() < 0.1, "nobody jumps between two frames"


def test_everybody_stands_on_the_floor():
    clip = sample_clip(ClipConfig(people=2, seconds=1, kind="crossing"), CAST, np.random.default_rng(0))
    for frame in (0, 10, 29):
        for person in clip.at(frame).people:
            feet = person.joints_m()[[INDEX["r_ankle"], INDEX["l_ankle"]], 1]
            assert feet.min() == pytest.approx(0.1, abs=0.08)


def test_the_demo_is_a_video_with_the_truth_of_every_frame(assets, tmp_path):
    config = ClipConfig(people=2, seconds=0.5, fps=20, kind="crossing", size=SIZE)
    video, truth = write_demo(tmp_path / "demo", 7, config, assets)
    with av.open(str(video)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert float(container.streams.video[0].average_rate) == 20
    truths = load_truths(truth)
    assert len(pictures) == len(truths) == 10 and pictures[0].shape == (96, 160, 3)
    joints = np.stack([t.joints_cam_mm for _, t in truths])
    assert joints.shape == (10, 2, 24, 3)
    lengths = leg_arm_length(joints)
    np.testing.assert_allclose(lengths, np.tile(lengths[0], (10, 1)), rtol=1e-5, err_msg="person i is always the same")
    mask = truths[0][1].ident > 0
    assert mask.any(), "somebody is in the picture"
    assert load_truths(write_demo(tmp_path / "again", 7, config, assets)[1])[3][1].joints_px == pytest.approx(
        truths[3][1].joints_px, nan_ok=True
    )


@pytest.fixture(scope="module")
def benchmark(assets, tmp_path_factory):
    out = tmp_path_factory.mktemp("benchmark") / "one"
    write_mupots_like(out, 1, BenchmarkConfig(sequences=3, frames=2, size=SIZE), assets)
    return out


def test_the_official_protocol_can_read_it(benchmark):
    """MATLAB's view of the files, as the published scripts index them."""
    annotations = loadmat(benchmark / "TS1" / "annot.mat")["annotations"]
    hidden = loadmat(benchmark / "TS1" / "occlusion.mat")["occlusion_labels"]
    assert annotations.shape == hidden.shape and annotations.shape[0] == 2 and annotations.shape[1] in (2, 3)
    entry = annotations[1, 0]
    assert entry["annot2"][0, 0].shape == (2, 17) and entry["annot3"][0, 0].shape == (3, 17)
    assert entry["univ_annot3"][0, 0].shape == (3, 17) and entry["isValidFrame"][0, 0][0, 0] in (0, 1)
    assert hidden[1, 0].shape == (1, 17) and set(np.unique(hidden[1, 0])) <= {0, 1}
    assert sorted(p.name for p in (benchmark / "TS1").glob("*.jpg")) == ["img_000000.jpg", "img_000001.jpg"]
    assert cv2.imread(str(benchmark / "TS1" / "img_000001.jpg")).shape == (96, 160, 3)


def test_our_reader_finds_everybody(benchmark):
    tally = Tally()
    samples = list(read_mupots(benchmark, "val", tally))
    manifest = json.loads((benchmark / "manifest.json").read_text())
    assert sum(len(s.people) for s in samples) == sum(s["valid"] for s in manifest["sequences"]) > 0
    assert [s["name"] for s in manifest["sequences"]] == ["TS1", "TS2", "TS3"] and manifest["sources"] == ["boxes"]
    assert {s.provenance.split()[1] for s in samples} <= {"TS1", "TS2", "TS3"}


def test_annotations_by_hand(tmp_path):
    """Two frames of one person half the canonical size: the universal skeleton is twice as large about the same hip."""
    rng = np.random.default_rng(0)
    joints = rng.normal((0, 0, 4000), 300, (1, 24, 3))
    joints[0, INDEX["pelvis"]] = joints[0, [INDEX["r_hip"], INDEX["l_hip"]]].mean(0)
    pelvis = joints[0, INDEX["pelvis"]].copy()
    joints = pelvis + (joints - pelvis) * 700 / leg_arm_length(joints[0])
    px = joints[..., :2] / joints[..., 2:] * 500 + 79.5
    visible = np.ones((1, 24), bool)
    visible[0, INDEX["r_knee"]] = False
    ident = np.ones((96, 160), np.int16)
    frames = [Truth(px, joints, v, np.array([n]), ident, 500.0, np.zeros(4)) for v, n in ((visible, 99), (~visible, 0))]
    save_annotations(tmp_path, frames)
    sequence = read_sequence(tmp_path)
    np.testing.assert_array_equal(sequence.valid, [[True], [False]])
    np.testing.assert_allclose(sequence.annot3[0, 0], MUPOTS17.from_xnect(joints[0]), rtol=1e-5)
    np.testing.assert_allclose(sequence.annot2[0, 0], MUPOTS17.from_xnect(px[0]), rtol=1e-5)
    hip = MUPOTS17.names.index("pelvis")
    away, universal = (a[0, 0] - a[0, 0, hip] for a in (sequence.annot3, sequence.univ_annot3))
    np.testing.assert_allclose(universal, 2 * away, atol=0.1)
    np.testing.assert_allclose(sequence.univ_annot3[0, 0, hip], pelvis, rtol=1e-5)
    knee = MUPOTS17.names.index("r_knee")
    assert sequence.occluded[0, 0].sum() == 1 and sequence.occluded[0, 0, knee] and not sequence.occluded[1, 0, knee]


@pytest.mark.slow
def test_two_workers_make_the_same_benchmark(benchmark, assets, tmp_path):
    write_mupots_like(tmp_path / "two", 1, BenchmarkConfig(sequences=3, frames=2, size=SIZE), assets, workers=2)
    for path in sorted(benchmark.rglob("*.jpg")):
        assert (tmp_path / "two" / path.relative_to(benchmark)).read_bytes() == path.read_bytes()
    for name in ("TS1", "TS3"):
        one, two = read_sequence(benchmark / name), read_sequence(tmp_path / "two" / name)
        np.testing.assert_array_equal(one.annot3, two.annot3)


def test_a_benchmark_is_not_written_over(benchmark, assets):
    with pytest.raises(XnectError, match="already holds a benchmark"):
        write_mupots_like(benchmark, 1, BenchmarkConfig(), assets)
