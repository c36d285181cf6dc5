"""What goes into BVH files: Y up, centimetres, Z X Y rotations from a T-pose that faces +Z, absolute root position.

`build_clips` turns tracks of joint positions into clips that share frame 0, frame rate and frame count; `clip_joints_world_cm`
says where the joints of a clip are once `bvh_file.write_bvh` has written it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from xnect_lite.errors import XnectError
from xnect_lite.record.bvh_skeleton import (
    BvhSkeleton,
    bone_lengths_mm,
    forward_kinematics,
    make_skeleton,
    to_xnect24,
)
from xnect_lite.record.euler import continuous_euler_zxy_deg, matrices_from_euler_zxy
from xnect_lite.record.resample import bracket, frame_times, resample_points, resample_rotations
from xnect_lite.record.rotations import solve_rotations
from xnect_lite.record.track import Track, clean_track
from xnect_lite.skeleton import INDEX, ROOT
from xnect_lite.stages.fitting.rotation import shortest_turn

DECIMALS = 5  # in files: 1e-5 degrees over a body are 0.3 micrometres
_FLOOR_PERCENTILE = 5  # of the lower foot's height: below it lie bad frames, above it steps and jumps
_FEET = [INDEX["l_toe"], INDEX["r_toe"], INDEX["l_ankle"], INDEX["r_ankle"]]


@dataclasses.dataclass(frozen=True)
class BvhOptions:
    """How clips are made."""

    fps: float = 30.0  # frames per second of the file
    max_gap_s: float = 0.5  # shorter holes are interpolated, in longer ones the last pose is held
    floor: bool = True  # put each person's lowest foot at Y = 0
    recentre: bool = False  # shift all people alike so that the first one starts at X = Z = 0
    t_pose_first: bool = False  # one more frame at the start, in the rest pose, for tools that calibrate on it
    up_cam: tuple[float, float, float] | None = None  # where up is in camera axes; None = as found when recording, else level


@dataclasses.dataclass(frozen=True, slots=True)
class BvhClip:
    """The content of one BVH file.

    skeleton:      the constant offsets.
    fps:           frames per second.
    root_world_cm: (N, 3) position of the hips, Y up.
    angles_deg:    (N, J, 3) rotations (z, x, y) of the joints of `TREE`.
    held:          (N,) True where the person was not seen and a pose is merely held.
    """

    skeleton: BvhSkeleton
    fps: float
    root_world_cm: np.ndarray
    angles_deg: np.ndarray
    held: np.ndarray

    def __len__(self) -> int:
        return len(self.root_world_cm)


def world_from_cam_cm(points_cam_mm: np.ndarray, up_cam: Sequence[float] | None = None) -> np.ndarray:
    """Camera millimetres (x right, y down, z away) -> BVH centimetres (x right, y up, z towards the camera), (..., 3).

    With a level camera somebody who faces it faces +Z and has the left hand at +X. Otherwise the scene is turned by the
    smallest rotation that takes ``up_cam`` to +Y. Raises XnectError if ``up_cam`` has no direction.
    """
    return np.asarray(points_cam_mm, float) * (0.1, -0.1, -0.1) @ _levelling(up_cam).T


def _levelling(up_cam: Sequence[float] | None) -> np.ndarray:
    """(3, 3) smallest turn that takes ``up_cam``, in axes x right, y up, z towards the camera, to +Y."""
    if up_cam is None:
        return np.eye(3)
    up = np.array([up_cam[0], -up_cam[1], -up_cam[2]], float)
    if not np.linalg.norm(up) > 1e-6:
        raise XnectError("up_cam", f"{tuple(up_cam)} has no direction", "Give the camera-axes vector that points up")
    return shortest_turn((up / np.linalg.norm(up))[None], np.array([[0.0, 1.0, 0.0]])).as_matrix()[0]


def build_clips(
    tracks: Sequence[Track],
    options: BvhOptions | None = None,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
) -> list[BvhClip]:
    """Clips of several people that share frame 0, frame rate and frame count.

    ``start_s`` / ``end_s`` bound the timeline; by default the first and last sample of anybody do. Whoever comes late holds
    the first pose, whoever leaves holds the last. Raises XnectError for a bad frame rate or a track without any pose.
    """
    options = options or BvhOptions()
    if not (np.isfinite(options.fps) and options.fps > 0):
        raise XnectError("frame rate", f"{options.fps} is not a positive number", "Choose for instance 24, 25, 30 or 60")
    cleaned = [clean_track(track) for track in tracks]
    if not cleaned:
        return []
    start_s = min(t.t_s[0] for t in cleaned) if start_s is None else start_s
    end_s = max(t.t_s[-1] for t in cleaned) if end_s is None else end_s
    times_s = frame_times(start_s, end_s, options.fps)
    clips = [_build(track, times_s, options) for track in cleaned]
    if options.recentre:
        clips = recentred(clips)
    return [_with_t_pose(clip, options.floor) if options.t_pose_first else clip for clip in clips]


def recentred(clips: Sequence[BvhClip]) -> list[BvhClip]:
    """Shift all clips alike so that the first one's hips start at X = Z = 0."""
    if not clips:
        return []
    shift = clips[0].root_world_cm[0] * (1.0, 0.0, 1.0)
    return [dataclasses.replace(clip, root_world_cm=clip.root_world_cm - shift) for clip in clips]


def clip_joints_world_cm(clip: BvhClip) -> np.ndarray:
    """(N, 24, 3) joints as the written file places them, world centimetres; nose and ears are NaN."""
    angles = np.round(clip.angles_deg, DECIMALS)
    skeleton = BvhSkeleton(*(np.round(o, DECIMALS) for o in (clip.skeleton.offsets_cm, clip.skeleton.end_offsets_cm)))
    return to_xnect24(*forward_kinematics(skeleton, np.round(clip.root_world_cm, DECIMALS), matrices_from_euler_zxy(angles)))


def _build(track: Track, times_s: np.ndarray, options: BvhOptions) -> BvhClip:
    joints_world = world_from_cam_cm(track.joints_mm, options.up_cam)
    hips_world = world_from_cam_cm(track.root_cam_mm, options.up_cam) + np.nan_to_num(joints_world[:, ROOT])
    if track.rotations is None or track.bone_lengths_mm is None:
        local, known = solve_rotations(track.t_s, joints_world, options.max_gap_s)
        lengths_mm = bone_lengths_mm(track.joints_mm)
    else:
        world = track.rotations.copy()
        world[:, 0] = _levelling(options.up_cam) @ world[:, 0]  # the hips'; the others turn with their parents
        local, known = [Rotation.from_matrix(r) for r in np.swapaxes(world, 0, 1)], np.ones(world.shape[:2], bool)
        lengths_mm = track.bone_lengths_mm[-1]  # the last are the best calibrated
    turns = []
    for i, rotation in enumerate(local):
        seen = np.flatnonzero(known[:, i])
        rows = seen if len(seen) else np.arange(len(track.t_s))
        turns.append(resample_rotations(rotation[rows], bracket(track.t_s[rows], times_s, options.max_gap_s)))
    placed = np.flatnonzero(np.isfinite(hips_world).all(axis=1))
    root = np.zeros((len(times_s), 3))
    if len(placed):
        root = resample_points(hips_world[placed], bracket(track.t_s[placed], times_s, options.max_gap_s))
    matrices = np.stack([turn.as_matrix() for turn in turns], axis=1)
    clip = BvhClip(
        skeleton=make_skeleton(lengths_mm),
        fps=options.fps,
        root_world_cm=root,
        angles_deg=continuous_euler_zxy_deg(matrices),
        held=bracket(track.t_s, times_s, options.max_gap_s).held,
    )
    return _on_floor(clip) if options.floor else clip


def _on_floor(clip: BvhClip) -> BvhClip:
    seen = ~clip.held if not clip.held.all() else np.ones(len(clip), bool)
    lower_foot = clip_joints_world_cm(clip)[seen][:, _FEET, 1].min(axis=1)
    drop = np.array([0.0, np.percentile(lower_foot, _FLOOR_PERCENTILE), 0.0])
    return dataclasses.replace(clip, root_world_cm=clip.root_world_cm - drop)


def _with_t_pose(clip: BvhClip, floor: bool) -> BvhClip:
    """``clip`` with one frame before it: the rest pose at the same place, standing if there is a floor."""
    rest = dataclasses.replace(
        clip,
        root_world_cm=clip.root_world_cm[:1],
        angles_deg=np.zeros_like(clip.angles_deg[:1]),
        held=np.ones(1, bool),
    )
    if floor:
        rest = _on_floor(rest)
    return dataclasses.replace(
        clip,
        root_world_cm=np.concatenate([rest.root_world_cm, clip.root_world_cm]),
        angles_deg=np.concatenate([rest.angles_deg, clip.angles_deg]),
        held=np.concatenate([rest.held, clip.held]),
    )
