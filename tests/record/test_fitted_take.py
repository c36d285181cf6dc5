"""Takes of fitted people: the files hold the fitted rotations and one skeleton, and the second pass takes the lag away."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pybvh
import pytest
from fitting_scenes import CAMERA, jitter_mm_s2, observe, planted, root_relative_error_mm, seconds, together
from people import about, posed_body_mm, to_camera_mm, walking_person

from xnect_lite.camera.floor import up_from_angles
from xnect_lite.config import FilterConfig, FittingConfig
from xnect_lite.record.bvh import BvhClip, BvhOptions, build_clips, clip_joints_world_cm
from xnect_lite.record.euler import matrices_from_euler
from xnect_lite.record.scene import world_from_cam_cm
from xnect_lite.record.second_pass import filter_backwards
from xnect_lite.record.take import TakeRecorder, load_take
from xnect_lite.record.track import Track
from xnect_lite.skeleton import INDEX, PARENTS
from xnect_lite.stages.filtering import PoseFilter
from xnect_lite.stages.fitting.calibrate import bone_lengths
from xnect_lite.stages.fitting.fitter import Fitter
from xnect_lite.stages.fitting.tree import TREE_INDEX, place_joints
from xnect_lite.stages.lifting.lift import chain
from xnect_lite.types import Floor, Frame, People, PoseResult

FACE = [INDEX["nose"], INDEX["r_ear"], INDEX["l_ear"]]
BODY = [j for j in range(24) if j not in FACE]


def build_clip(track: Track, options: BvhOptions | None = None) -> BvhClip:
    return build_clips([track], options)[0]


def fitted_walk(count: int = 90, **noise) -> tuple[np.ndarray, list[People], np.ndarray, np.ndarray]:
    t_s = seconds(count)
    joints_mm, root_cam_mm = planted(t_s, facing_deg=60, start_cam_mm=(-800, 4500))
    smooth, fitter = PoseFilter(), Fitter(FittingConfig(calibration_s=1.0))
    seen = observe(joints_mm, root_cam_mm, **noise)
    return t_s, [fitter.update(smooth.update(p, t), CAMERA, t) for p, t in zip(seen, t_s, strict=True)], joints_mm, root_cam_mm


def record(folder: Path, t_s: np.ndarray, frames: list[People], floor: Floor | None = None, **close) -> Path:
    recorder = TakeRecorder(folder, fps=30.0)
    for number, (people, t) in enumerate(zip(frames, t_s, strict=True)):
        recorder.add(PoseResult(Frame(np.zeros((72, 128, 3), np.uint8), float(t), number), people, 128.0, {}, floor))
    recorder.close(**close)
    return folder


def of_people(frames: list[People], name: str) -> np.ndarray:
    return np.stack([getattr(p, name)[0] for p in frames]).astype(float)


def test_the_file_holds_the_fitted_rotations_and_skeleton(tmp_path):
    t_s, frames, *_ = fitted_walk()
    folder = record(tmp_path / "t", t_s, frames)
    take = load_take(folder)
    np.testing.assert_allclose(take.rotations, of_people(frames, "rotations"), atol=1e-6)
    np.testing.assert_allclose(take.bone_lengths_mm[-1], frames[-1].bone_lengths_mm[0], rtol=1e-6)
    assert take.foot_stands.dtype == bool

    bvh = pybvh.read_bvh_file(folder / "person01.bvh")
    assert bvh.frame_count == len(t_s)
    clip = build_clip(take.track(1), BvhOptions(floor=False))
    matrices = matrices_from_euler(clip.angles_deg)
    np.testing.assert_allclose(matrices, of_people(frames, "rotations"), atol=1e-5)
    settled = slice(40, None)  # from there on the live skeleton is the final one
    expected_cm = world_from_cam_cm(of_people(frames, "joints_mm") + of_people(frames, "root_cam_mm")[:, None])
    error_mm = 10 * np.linalg.norm(clip_joints_world_cm(clip) - expected_cm, axis=-1)[settled][:, BODY]
    assert error_mm.max() < 0.05


@pytest.mark.parametrize("stature_m", [1.70, 1.82])
def test_the_t_pose_of_the_file_is_as_tall_as_was_said(tmp_path, stature_m):
    """Of somebody whose limbs are read a tenth too short."""
    t_s = seconds(30)
    joints_mm, root_cam_mm = walking_person(t_s, start_cam_mm=(0, 4000))
    bones = joints_mm - joints_mm[:, PARENTS]
    bones[:, [INDEX[f"{side}_{end}"] for side in "lr" for end in ("knee", "ankle", "elbow", "wrist")]] *= 0.9
    fitter = Fitter(stature_m=lambda _: stature_m)
    seen = observe(chain(bones), root_cam_mm)
    frames = [fitter.update(people, CAMERA, t) for people, t in zip(seen, t_s, strict=True)]
    clip = build_clip(load_take(record(tmp_path / "t", t_s, frames)).track(1), BvhOptions(t_pose_first=True))
    rest = clip_joints_world_cm(clip)[0]
    assert rest[INDEX["head_top"], 1] - np.nanmin(rest[:, 1]) == pytest.approx(100 * stature_m, rel=0.01)


def test_frames_that_were_not_fitted_are_bridged(tmp_path):
    t_s, frames, *_ = fitted_walk(60)
    lost = [dataclasses.replace(p, rotations=np.full_like(p.rotations, np.nan), joints_mm=p.joints_mm + 500.0) for p in frames]
    mixed = [lost[f] if 40 <= f < 45 else frames[f] for f in range(60)]
    clips = [build_clip(load_take(record(tmp_path / n, t_s, f)).track(1)) for n, f in (("all", frames), ("holes", mixed))]
    joints = [clip_joints_world_cm(clip) for clip in clips]
    assert len(clips[1]) == 60 and np.nanmax(np.abs(joints[0] - joints[1])) < 15
    np.testing.assert_allclose(
        np.delete(clips[0].angles_deg, range(40, 45), 0), np.delete(clips[1].angles_deg, range(40, 45), 0)
    )


def test_the_floor_found_while_recording_levels_the_files(tmp_path):
    """A camera that looks down by 20 degrees sees somebody lean; the file shows them upright."""
    t_s, frames, *_ = fitted_walk(30)
    up = up_from_angles(20, 0)
    folder = record(tmp_path / "t", t_s, frames, Floor(up, 1500.0))
    info = json.loads((folder / "take.json").read_text())
    assert info["floor"]["height_mm"] == 1500 and info["bvh"]["up_cam"] == pytest.approx(up.tolist())
    bvh = pybvh.read_bvh_file(folder / "person01.bvh", world_up="+y")
    placed = bvh.node_positions()
    spine = placed[:, bvh.node_index["Neck"]] - placed[:, bvh.node_index["Hips"]]
    seen = world_from_cam_cm((of_people(frames, "joints_mm")[:, INDEX["neck"]]), up)
    cosine = (spine * seen).sum(1) / np.linalg.norm(spine, axis=1) / np.linalg.norm(seen, axis=1)
    assert cosine.min() > 0.9999


def test_takes_from_before_fitting_still_open(tmp_path):
    t_s, frames, *_ = fitted_walk(20)
    folder = record(tmp_path / "t", t_s, frames)
    with np.load(folder / "poses.npz") as stored:
        old = {k: stored[k] for k in stored.files if k not in ("rotations", "bone_lengths_mm", "foot_stands")}
    np.savez(folder / "poses.npz", **old | {"schema_version": 1})
    take = load_take(folder)
    assert np.isnan(take.rotations).all() and not take.foot_stands.any()
    assert len(build_clip(take.track(1))) == 20


def test_the_second_pass_is_nearer_the_truth_steadier_and_keeps_the_bones(tmp_path):
    t_s, frames, joints_mm, _ = fitted_walk(120)
    first = load_take(record(tmp_path / "first", t_s, frames))
    folder = record(tmp_path / "second", t_s, frames, second_pass=lambda take: filter_backwards(take, FilterConfig()))
    second = load_take(folder)
    assert json.loads((folder / "take.json").read_text())["second_pass"] is True
    error = [root_relative_error_mm(take.joints_mm, joints_mm) for take in (first, second)]
    jitter = [jitter_mm_s2(take.root_cam_mm, t_s) for take in (first, second)]
    assert error[1] < error[0] and jitter[1] < jitter[0]
    lengths = bone_lengths(second.joints_mm.astype(float))
    assert (lengths.std(0) <= 1e-6 * np.maximum(lengths.mean(0), 1.0)).all(), "from the first frame on"
    placed = place_joints(second.rotations.astype(float), second.bone_lengths_mm.astype(float)) * (1, -1, -1)
    assert np.abs(placed - second.joints_mm).max() < 0.01


def test_the_second_pass_without_a_fit_filters_joints_and_leaves_the_missing(tmp_path):
    t_s = seconds(60)
    frames = observe(*walking_person(t_s))
    for people in frames[20:30]:
        people.joints_mm[0, 4] = np.nan
    take = load_take(record(tmp_path / "t", t_s, frames))
    out = filter_backwards(take, FilterConfig())
    assert np.isnan(out.rotations).all() and np.isnan(out.joints_mm[20:30, 4]).all()
    assert jitter_mm_s2(out.joints_mm[:, 5], t_s) < 0.7 * jitter_mm_s2(take.joints_mm[:, 5], t_s)
    assert filter_backwards(take, FilterConfig(enabled=False)) is take


def test_the_second_pass_keeps_people_apart(tmp_path):
    t_s = seconds(30)
    one, other = (observe(*walking_person(t_s, start_cam_mm=(x, 4000.0))) for x in (-900.0, 900.0))
    both = load_take(record(tmp_path / "both", t_s, [together(a, b) for a, b in zip(one, other, strict=True)]))
    alone = load_take(record(tmp_path / "alone", t_s, one))
    out, expected = (filter_backwards(take, FilterConfig()) for take in (both, alone))
    np.testing.assert_array_equal(out.joints_mm[out.id == 1], expected.joints_mm)


def seated(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Somebody who sits still, thighs forward, shins down."""
    local = {f"{s}_{part}": about("x", deg, count) for s in "lr" for part, deg in (("thigh", -85), ("shin", 80))}
    local |= {f"{s}_arm": about("z", -sign * 75, count) for s, sign in (("l", 1), ("r", -1))}
    return to_camera_mm(posed_body_mm(local, count)), np.tile([0.0, 0.0, 3500.0], (count, 1))


def test_a_seated_persons_knees_point_forward_through_noise():
    """Thighs that point at the camera are short in the picture and badly seen: what is measured of the bend flips over."""
    t_s = seconds(60)
    joints_mm, root_cam_mm = seated(60)
    seen = observe(joints_mm, root_cam_mm, noise_mm=70.0)
    fitter = Fitter()
    fitted = [fitter.update(p, CAMERA, t) for p, t in zip(seen, t_s, strict=True)]
    clip = build_clip(
        Track(t_s, *(of_people(fitted, n) for n in ("joints_mm", "root_cam_mm", "rotations", "bone_lengths_mm"))), BvhOptions()
    )
    for name in ("LeftUpLeg", "RightUpLeg"):
        hinge = matrices_from_euler(clip.angles_deg[:, TREE_INDEX[name]])[..., 0]  # the knee's axis, in the hips' axes
        sideways_deg = np.degrees(np.arccos(np.clip(hinge[10:, 0], -1, 1)))
        assert sideways_deg.max() < 35, name
