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
from xnect_lite.skeleton import INDEX, NUM_JOINTS, ROOT
from xnect_lite.stages.fitting.rotation import shortest_turn

DECIMALS = 5  # in files: 1e-5 degrees over a body are 0.3 micrometres
_FLOOR_PERCENTILE = 5  # of the lower foot's height: below it lie bad frames, above it steps and jumps
_FARTHEST_MM = 1e8  # from the camera; what is farther was never seen
_NOT_A_TURN = 0.2
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
class Track:
    """What was seen of one person.

    t_s:         (F,) seconds, in any order; of equal times the last counts.
    joints_mm:   (F, 24, 3) root-relative, camera axes; NaN = missing, joints or whole frames.
    root_cam_mm: (F, 3) pelvis in camera space; NaN = missing.
    rotations, bone_lengths_mm: (F, 21, 3, 3), (F, 24) the fitted skeleton, as in `types.People`; NaN = not fitted. Where
                 anything was fitted, only that counts; the rotations of other tracks are worked out from the joints.
    """

    t_s: np.ndarray
    joints_mm: np.ndarray
    root_cam_mm: np.ndarray
    rotations: np.ndarray | None = None
    bone_lengths_mm: np.ndarray | None = None


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
    cleaned = [_clean(track) for track in tracks]
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


def _clean(track: Track) -> Track:
    """In order of time, without repeated times or frames that hold nothing, or that were not fitted if any was; float64."""
    t_s, joints, root = (np.asarray(a, float) for a in (track.t_s, track.joints_mm, track.root_cam_mm))
    if joints.shape != (len(t_s), NUM_JOINTS, 3) or root.shape != (len(t_s), 3):
        raise ValueError(f"a track of {len(t_s)} times has joints {joints.shape} and roots {root.shape}")
    # A joint needs all three coordinates; the root of a root-relative pose is known wherever anything is.
    joints = np.where((np.abs(joints) < _FARTHEST_MM).all(axis=2, keepdims=True), joints, np.nan)
    root = np.where((np.abs(root) < _FARTHEST_MM).all(axis=1, keepdims=True), root, np.nan)
    posed = np.isfinite(joints).any(axis=(1, 2))
    joints[:, ROOT] = np.where(posed[:, None], np.nan_to_num(joints[:, ROOT]), np.nan)
    fitted = np.zeros(len(t_s), bool)
    if track.rotations is not None and track.bone_lengths_mm is not None:
        fitted = _are_turns(track.rotations) & (np.abs(track.bone_lengths_mm) < _FARTHEST_MM).all(axis=1)
    order = np.argsort(t_s, kind="stable")
    order = order[np.isfinite(t_s[order]) & (fitted if fitted.any() else posed | np.isfinite(root).all(axis=1))[order]]
    if not posed[order].any():
        raise XnectError("BVH", "the person has no 3D pose in any frame", "Leave this person out")
    last_of_its_time = np.append(np.diff(t_s[order]) > 0, True)
    order = order[last_of_its_time]
    if track.rotations is None or track.bone_lengths_mm is None or not fitted.any():
        return Track(t_s[order], joints[order], root[order])
    rotations, lengths_mm = track.rotations[order].astype(float), track.bone_lengths_mm[order].astype(float)
    return Track(t_s[order], joints[order], root[order], rotations, lengths_mm)


def _are_turns(rotations: np.ndarray) -> np.ndarray:
    """(F,) whether all matrices (F, 21, 3, 3) of a frame are rotations, as far as float32 and a blend of two leave them."""
    r = np.where((np.abs(rotations) <= 2.0).all(axis=(2, 3), keepdims=True), rotations, 0.0).astype(float)
    off = np.abs(r @ np.swapaxes(r, 2, 3) - np.eye(3)).max(axis=(2, 3))
    return ((off < _NOT_A_TURN) & (np.linalg.det(r) > 0.0)).all(axis=1)


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
