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
from xnect_lite.record.euler import ORDERS, continuous_euler_deg, matrices_from_euler
from xnect_lite.record.presence import LONGEST_BRIDGE_S, GapRule, Presence, can_be_bridged, gap_rule, presence_at, spans
from xnect_lite.record.resample import Bracket, bracket, frame_times, resample_points, resample_rotations
from xnect_lite.record.rotations import solve_rotations
from xnect_lite.record.scene import FEET, Scene, levelling, lowest_foot_cm, scene_of
from xnect_lite.record.track import Track, clean_track
from xnect_lite.skeleton import ROOT
from xnect_lite.stages.fitting.tree import TREE

DECIMALS = 5  # in files: 1e-5 degrees over a body are 0.3 micrometres
HIDDEN_CM = 1000.0  # below the floor stands who is hidden
MOST_FPS = 1000.0


@dataclasses.dataclass(frozen=True)
class BvhOptions:
    """How clips are made."""

    fps: float = 30.0  # frames per second of the file
    max_gap_s: float = LONGEST_BRIDGE_S  # shorter absences are bridged, if a person can have come that far meanwhile
    gaps: str = GapRule.EASE.value  # what stands in the others: ease, hold, cut or hide; see `presence.GapRule`
    floor: bool = True  # Y = 0 is where the people stand, one floor for all of them
    own_floor: bool = False  # each person's own lowest foot at Y = 0 instead
    recentre: bool = False  # shift all people alike so that the first one starts at X = Z = 0
    t_pose_first: bool = False  # one more frame at the start, in the rest pose, for tools that calibrate on it
    up_cam: tuple[float, float, float] | None = None  # where up is in camera axes; None = as found when recording, else level
    euler: str = "ZXY"  # order of the rotation channels: ZXY, ZYX, XYZ, XZY, YXZ or YZX
    bounded: bool = False  # the middle angle stays within 90 degrees; else channels never jump
    spine: str = "plain"  # joints of the trunk: plain (LowerBack, Spine) or mixamo (Spine, Spine1, Spine2)

    def check(self) -> BvhOptions:
        """These options. Raises XnectError for one that cannot be."""
        if not (np.isfinite(self.fps) and 0 < self.fps <= MOST_FPS):
            raise XnectError("frame rate", f"{self.fps} is not a positive number up to {MOST_FPS:g}", "Choose for instance 30")
        if not 0 <= self.max_gap_s < np.inf:
            raise XnectError("longest gap", f"{self.max_gap_s} is no time", "Choose for instance 0.5 s")
        gap_rule(self.gaps)
        if self.euler not in ORDERS:
            raise XnectError("Euler order", f"{self.euler} is not known", f"Choose {', '.join(ORDERS)}")
        if self.spine not in ("plain", "mixamo"):
            raise XnectError("spine", f"{self.spine} is not known", "Choose plain or mixamo")
        return self


@dataclasses.dataclass(frozen=True, slots=True)
class BvhClip:
    """The content of one BVH file.

    skeleton:      the constant offsets.
    fps:           frames per second.
    root_world_cm: (N, 3) position of the hips, Y up.
    angles_deg:    (N, J, 3) rotations, in ``euler`` order, of the joints of `TREE`.
    presence:      (N,) uint8 of `Presence`.
    first_frame:   of the take's timeline, at ``fps``, that the clip begins with.
    rest_frames:   how many frames in the rest pose come before it.
    """

    skeleton: BvhSkeleton
    fps: float
    root_world_cm: np.ndarray
    angles_deg: np.ndarray
    presence: np.ndarray
    euler: str = "ZXY"
    spine: str = "plain"
    first_frame: int = 0
    rest_frames: int = 0

    def __len__(self) -> int:
        return len(self.root_world_cm)

    @property
    def held(self) -> np.ndarray:
        """(N,) True where the person was not seen, and what stands there was neither measured nor bridged."""
        return (self.presence != Presence.MEASURED) & (self.presence != Presence.BRIDGED)

    @property
    def rotations(self) -> np.ndarray:
        """(N, J, 3, 3) of each joint in its parent's axes."""
        return matrices_from_euler(self.angles_deg, self.euler)


def build_clips(
    tracks: Sequence[Track],
    options: BvhOptions | None = None,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
) -> list[BvhClip]:
    """Clips of several people that share frame 0, frame rate, floor and, unless absences are cut out, frame count.

    ``start_s`` / ``end_s`` bound the timeline; by default the first and last sample of anybody do. Whoever comes late holds
    the first pose, whoever leaves holds the last. Raises XnectError for options that cannot be or a track without any pose.
    """
    options = (options or BvhOptions()).check()
    cleaned = [clean_track(track) for track in tracks]
    if not cleaned:
        return []
    start_s = min(t.t_s[0] for t in cleaned) if start_s is None else start_s
    end_s = max(t.t_s[-1] for t in cleaned) if end_s is None else end_s
    times_s = frame_times(start_s, end_s, options.fps)
    scene = scene_of(cleaned, options.up_cam, floor=options.floor, recentre=options.recentre)
    return [clip for track in cleaned for clip in person_clips(track, times_s, options, scene)]


def person_clips(track: Track, times_s: np.ndarray, options: BvhOptions, scene: Scene, min_s: float = 0.0) -> list[BvhClip]:
    """The clips of one person: one, or where absences are cut out, one for each stay of at least ``min_s`` seconds.

    track:   cleaned.
    times_s: (N,) of the frames.
    """
    whole = _build(track, times_s, options, scene)
    rule = gap_rule(options.gaps)
    if rule is GapRule.HIDE:
        hidden_cm = np.where(whole.presence == Presence.ABSENT, HIDDEN_CM, 0.0)[:, None] * (0.0, 1.0, 0.0)
        whole = dataclasses.replace(whole, root_world_cm=whole.root_world_cm - hidden_cm)
    clips = [whole]
    if rule is GapRule.CUT:
        clips = [_part(whole, first, last) for first, last in stays(whole.presence, options.fps, min_s)]
    return [_with_t_pose(clip, options.floor) if options.t_pose_first else clip for clip in clips]


def clip_joints_world_cm(clip: BvhClip) -> np.ndarray:
    """(N, 24, 3) joints as the written file places them, world centimetres; nose and ears are NaN."""
    angles = np.round(clip.angles_deg, DECIMALS)
    skeleton = BvhSkeleton(*(np.round(o, DECIMALS) for o in (clip.skeleton.offsets_cm, clip.skeleton.end_offsets_cm)))
    matrices = matrices_from_euler(angles, clip.euler)
    return to_xnect24(*forward_kinematics(skeleton, np.round(clip.root_world_cm, DECIMALS), matrices))


def _build(track: Track, times_s: np.ndarray, options: BvhOptions, scene: Scene) -> BvhClip:
    ease = gap_rule(options.gaps) is GapRule.EASE
    placed = np.isfinite(track.root_cam_mm).all(axis=1)
    root_mm = track.root_cam_mm + np.nan_to_num(track.joints_mm[:, ROOT])
    local: Sequence[Rotation | np.ndarray]
    if track.rotations is None or track.bone_lengths_mm is None:
        local, known = solve_rotations(track.t_s, levelled_joints(track, scene), options.max_gap_s)
        lengths_mm = bone_lengths_mm(track.joints_mm)
    else:
        local, known = [track.rotations[:, i] for i in range(len(TREE))], np.ones(track.rotations.shape[:2], bool)
        lengths_mm = track.bone_lengths_mm[-1].astype(float)  # the last are the best calibrated
    angles_deg = np.empty((len(times_s), len(TREE), 3))
    brackets: dict[bytes, tuple[np.ndarray, Bracket]] = {}
    for i, turns in enumerate(local):
        rows = np.flatnonzero(known[:, i]) if known[:, i].any() else np.arange(len(track.t_s))
        key = rows.tobytes() if len(rows) < len(track.t_s) else b""
        if key not in brackets:
            bridged = can_be_bridged(track.t_s[rows], root_mm[rows], options.max_gap_s)
            brackets[key] = rows, bracket(track.t_s[rows], times_s, options.max_gap_s, bridged, ease=ease)
        rows, at = brackets[key]
        rotation = turns[rows] if isinstance(turns, Rotation) else _turns(turns[rows], i, scene)
        resampled = resample_rotations(rotation, at, track.t_s[rows])
        angles_deg[:, i] = continuous_euler_deg(resampled.as_matrix()[:, None], options.euler, bounded=options.bounded)[:, 0]
    root_cm = np.zeros((len(times_s), 3)) - scene.shift_cm
    if placed.any():
        seen_s = track.t_s[placed]
        bridged = can_be_bridged(seen_s, root_mm[placed], options.max_gap_s)
        at = bracket(seen_s, times_s, options.max_gap_s, bridged, ease=ease)
        root_cm = resample_points(scene.place_cm(root_mm[placed]), at, seen_s)
    if options.floor and options.own_floor and np.isfinite(own_cm := lowest_foot_cm(track, scene.up_cam)):
        root_cm[:, 1] += scene.shift_cm[1] - own_cm
    return BvhClip(
        skeleton=make_skeleton(lengths_mm),
        fps=options.fps,
        root_world_cm=root_cm,
        angles_deg=angles_deg,
        presence=file_presence(track, times_s, options),
        euler=options.euler,
        spine=options.spine,
    )


def levelled_joints(track: Track, scene: Scene) -> np.ndarray:
    """(F, 24, 3) root-relative joints in the axes of the files, centimetres."""
    return dataclasses.replace(scene, shift_cm=np.zeros(3)).place_cm(track.joints_mm)


def _turns(matrices: np.ndarray, joint: int, scene: Scene) -> Rotation:
    """Fitted rotations of a joint as files have them: the hips' are levelled, the others turn with their parents."""
    return Rotation.from_matrix(levelling(scene.up_cam) @ matrices if joint == 0 else matrices)


def file_presence(track: Track, times_s: np.ndarray, options: BvhOptions) -> np.ndarray:
    """(N,) uint8 of `Presence` of a cleaned track in the frames of a file."""
    usual_s = float(np.median(np.diff(track.t_s))) if len(track.t_s) > 1 else 0.0
    snap_s = 0.51 * max(1 / options.fps, usual_s)
    return presence_at(times_s, track, options.max_gap_s, gap_rule(options.gaps), snap_s=snap_s)


def stays(presence: np.ndarray, fps: float, min_s: float) -> list[tuple[int, int]]:
    """First and last frame of each stay without a gap that lasts ``min_s`` seconds at least."""
    there = np.isin(presence, (Presence.MEASURED, Presence.BRIDGED)).astype(np.uint8)
    return [(s.first, s.last) for s in spans(there) if s.presence and (s.last - s.first + 1) / fps >= 0.99 * min_s]


def _part(clip: BvhClip, first: int, last: int) -> BvhClip:
    """These frames of a clip, the last one included."""
    frames = slice(first, last + 1)
    return dataclasses.replace(
        clip,
        root_world_cm=clip.root_world_cm[frames],
        angles_deg=clip.angles_deg[frames],
        presence=clip.presence[frames],
        first_frame=first,
    )


def _with_t_pose(clip: BvhClip, floor: bool) -> BvhClip:
    """``clip`` with one frame before it: the rest pose at the same place, standing if there is a floor."""
    rest = dataclasses.replace(
        clip,
        root_world_cm=clip.root_world_cm[:1],
        angles_deg=np.zeros_like(clip.angles_deg[:1]),
        presence=np.full(1, Presence.ABSENT, np.uint8),
    )
    if floor:
        foot_cm = clip_joints_world_cm(rest)[0, FEET, 1].min()
        rest = dataclasses.replace(rest, root_world_cm=rest.root_world_cm - (0.0, foot_cm, 0.0))
    return dataclasses.replace(
        clip,
        root_world_cm=np.concatenate([rest.root_world_cm, clip.root_world_cm]),
        angles_deg=np.concatenate([rest.angles_deg, clip.angles_deg]),
        presence=np.concatenate([rest.presence, clip.presence]),
        rest_frames=1,
    )
