"""Motion capture onto baked bodies: the motion kit's clips, their rotations carried over bone by bone.

Both rest poses stand upright and face +z, but limbs point differently (T pose, arms down, legs apart). A limb bone's world
rotation is the source's times the shortest arc from the body's rest direction to the source's, so that posed limbs are
parallel; spine, shoulders, feet and toes take the source's rotation as it is, because a body stands upright and flat-footed
in every rest pose.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from xnect_lite.errors import XnectError
from xnect_lite.files.npz import read_npz
from xnect_lite.skeleton import INDEX
from xnect_lite.synth.body import BONE, BONE_PARENT, BONES, Body, BodySet, forward, skin, to_local
from xnect_lite.synth.held_out import is_held_out
from xnect_lite.synth.rotation import halfway, shortest_arc, twist_angle

LICENCES = {
    "cmu_expmap": "CMU Graphics Lab Motion Capture Database, free to use",
    "cmu_asfamc": "CMU Graphics Lab Motion Capture Database, free to use",
    "deepmimic": "DeepMimic, MIT",
    "bandai": "Bandai-Namco-Research-Motiondataset, CC BY-NC 4.0",
}
"""Motion file -> source and licence. The last is non-commercial."""
OPEN_FILES = ("cmu_expmap", "cmu_asfamc", "deepmimic")
ALL_FILES = (*OPEN_FILES, "bandai")


def _sides(pattern: dict[str, str], **names: tuple[str, str]) -> dict[str, str]:
    sided = {f"{s}_{bone}": pair[k] for bone, pair in names.items() for k, s in enumerate("rl")}
    return pattern | sided


_CMU = _sides(
    {"pelvis": "root", "spine_01": "lowerback", "spine_02": "upperback", "spine_03": "thorax"}
    | {"neck": "upperneck", "head": "head"},
    clavicle=("rclavicle", "lclavicle"), upper_arm=("rhumerus", "lhumerus"), forearm=("rradius", "lradius"),
    hand=("rhand", "lhand"), thigh=("rfemur", "lfemur"), shin=("rtibia", "ltibia"), foot=("rfoot", "lfoot"),
    toes=("rtoes", "ltoes"),
)  # fmt: skip
_DEEPMIMIC = _sides(
    {"pelvis": "root", "spine_02": "chest", "neck": "neck"},
    upper_arm=("right_shoulder", "left_shoulder"), forearm=("right_elbow", "left_elbow"), hand=("right_wrist", "left_wrist"),
    thigh=("right_hip", "left_hip"), shin=("right_knee", "left_knee"), foot=("right_ankle", "left_ankle"),
)  # fmt: skip
_BANDAI = _sides(
    {"pelvis": "Hips", "spine_01": "Spine", "spine_02": "Chest", "neck": "Neck", "head": "Head"},
    clavicle=("Shoulder_R", "Shoulder_L"), upper_arm=("UpperArm_R", "UpperArm_L"), forearm=("LowerArm_R", "LowerArm_L"),
    hand=("Hand_R", "Hand_L"), thigh=("UpperLeg_R", "UpperLeg_L"), shin=("LowerLeg_R", "LowerLeg_L"),
    foot=("Foot_R", "Foot_L"), toes=("Toes_R", "Toes_L"),
)  # fmt: skip
_TABLES = (_CMU, _DEEPMIMIC, _BANDAI)

_ALIGNED = {f"{s}_{b}": f"{s}_{c}" for s in "rl" for b, c in (
    ("upper_arm", "forearm"), ("forearm", "hand"), ("thigh", "shin"), ("shin", "foot"),
)}  # fmt: skip
_MOST_WRIST_TWIST = np.radians(100)
_ARRAYS = (
    "joint_names", "parents", "offsets_m", "local_quat_wxyz", "root_pos_m", "fps", "clip_start", "clip_names", "clip_subject",
)  # fmt: skip
_STANDING_FOOT_M = 0.06  # a source joint this low stands on the floor


@dataclass(frozen=True)
class Motion:
    """A clip on no particular body. F frames, J source joints.

    world (F, J, 3, 3) world rotations; position (F, J, 3) metres, y up, floor at 0; rest (J, 3) rest positions;
    joint: bone -> source joint; fps frames per second; name of file and clip.
    """

    world: np.ndarray
    position: np.ndarray
    rest: np.ndarray
    joint: dict[str, int]
    fps: float
    name: str

    def __len__(self) -> int:
        return len(self.world)


@dataclass(frozen=True)
class Poses:
    """A body's poses. local (F, 22, 3, 3) rotations relative to the parent bone; root_m (F, 3) pelvis bone's head."""

    local: np.ndarray
    root_m: np.ndarray

    def __len__(self) -> int:
        return len(self.local)


class MotionFile:
    """One npz of the motion kit, or those of its clips that are held out, or those that are not. Unpacked when asked for."""

    def __init__(self, path: Path, held_out: bool | None = None) -> None:
        try:
            self._data = read_npz(path, _ARRAYS)
        except ValueError as error:
            raise XnectError(str(path), f"is no motion file ({error})", "Point --motion at the motion kit's folder") from error
        self.name = path.stem
        names = self._data["joint_names"].tolist()
        table = next((t for t in _TABLES if set(t.values()) <= set(names)), None)
        if table is None:
            raise XnectError(str(path), "has a skeleton that is not known", "Use the motion kit's files")
        self._joint = {bone: names.index(joint) for bone, joint in table.items()}
        starts = self._data["clip_start"].astype(int)
        bounds = zip(starts, [*starts[1:], len(self._data["root_pos_m"])], strict=True)
        clips = zip(self._data["clip_names"].tolist(), self._data["clip_subject"].tolist(), bounds, strict=True)
        # Pieces of one recording, name#2 …, stay together.
        chosen = [c for c in clips if held_out is None or is_held_out(c[0].partition("#")[0]) == held_out]
        self.clip_names = [str(name) for name, _, _ in chosen]
        self._subject = [int(subject) for _, subject, _ in chosen]
        self._bounds = [bound for _, _, bound in chosen]

    @property
    def frames(self) -> int:
        """Frames of all clips together."""
        return int(sum(last - first for first, last in self._bounds))

    @property
    def fps(self) -> float:
        """Frames per second of all clips."""
        return float(self._data["fps"])

    def clip_length(self, clip: int) -> int:
        """Frames of one clip."""
        first, last = self._bounds[clip]
        return int(last - first)

    def clip(self, clip: int, start: int = 0, stop: int | None = None) -> Motion:
        """Frames ``start`` to ``stop`` of one clip."""
        first, last = self._bounds[clip]
        part = slice(first + start, last if stop is None else min(first + stop, last))
        d = self._data
        quaternion = d["local_quat_wxyz"][part].astype(np.float64)
        xyzw = quaternion[..., [1, 2, 3, 0]].reshape(-1, 4)
        local = Rotation.from_quat(xyzw).as_matrix().reshape(*quaternion.shape[:2], 3, 3)
        offsets = d["offsets_m"] if d["offsets_m"].ndim == 2 else d["offsets_m"][self._subject[clip]]
        world, position = np.empty_like(local), np.empty((*local.shape[:2], 3))
        rest = np.zeros((len(offsets), 3))
        for j, parent in enumerate(d["parents"]):
            if parent < 0:
                world[:, j], position[:, j] = local[:, j], d["root_pos_m"][part]
            else:
                world[:, j] = world[:, parent] @ local[:, j]
                position[:, j] = position[:, parent] + world[:, parent] @ offsets[j]
                rest[j] = rest[parent] + offsets[j]
        return Motion(world, position, rest, self._joint, self.fps, f"{self.name}/{self.clip_names[clip]}")


def open_motions(folder: str | Path, names: Iterable[str] = ALL_FILES, held_out: bool | None = None) -> list[MotionFile]:
    """The motion files of ``names`` that ``folder`` holds; all clips, or those held out, or the others.

    Raises XnectError if there are none.
    """
    files = [MotionFile(p, held_out) for n in names if (p := Path(folder) / f"{n}.npz").is_file()]
    files = [file for file in files if file.clip_names]
    if not files:
        raise XnectError(str(folder), "holds no motion file that may be used", "Point --motion at the motion kit's folder")
    return files


def retarget(motion: Motion, body: Body, sole: Contact) -> Poses:
    """The clip on ``body``: limbs parallel to the source's, path and height scaled by leg length, feet on the floor."""
    world = np.empty((len(motion), len(BONES), 3, 3))
    for bone, parent in BONE_PARENT.items():
        source = motion.joint.get(bone)
        if source is not None:
            world[:, BONE[bone]] = motion.world[:, source] @ _alignment(bone, motion, body)
        else:  # the source lacks this bone: it goes along with its parent
            world[:, BONE[bone]] = world[:, BONE[parent]]
    if "spine_01" not in motion.joint:
        world[:, BONE["spine_01"]] = halfway(world[:, BONE["pelvis"]], world[:, BONE["spine_02"]])
    for side in "rl":
        _share_wrist_twist(world, body, side)

    hips = [motion.joint[f"{s}_thigh"] for s in "rl"]
    scale = _leg(body.bone_head_m, BONE) / _leg(motion.rest, motion.joint)
    middle = 0.5 * (body.bone_head_m[BONE["r_thigh"]] + body.bone_head_m[BONE["l_thigh"]]) - body.bone_head_m[BONE["pelvis"]]
    root = scale * motion.position[:, hips].mean(1) - world[:, BONE["pelvis"]] @ middle
    poses = Poses(to_local(world), root)
    lowest = motion.position[..., 1].min(1)
    floor = min(float(np.quantile(lowest, 0.05)), _STANDING_FOOT_M)
    return sole.put_down(poses, body, scale * np.maximum(lowest - max(floor, 0) - 0.03, 0.0))


def _alignment(bone: str, motion: Motion, body: Body) -> np.ndarray:
    """(3, 3) from the body's rest direction of a limb bone to the source's; the identity for other bones."""
    if bone in _ALIGNED:
        ours = body.bone_head_m[BONE[_ALIGNED[bone]]] - body.bone_head_m[BONE[bone]]
        theirs = motion.rest[motion.joint[_ALIGNED[bone]]] - motion.rest[motion.joint[bone]]
        return shortest_arc(ours, theirs)
    if bone.endswith("_hand"):  # straight on from the forearm in every source's rest pose
        hand = body.joint_m[INDEX[bone]] - body.bone_head_m[BONE[bone]]
        forearm = motion.rest[motion.joint[bone]] - motion.rest[motion.joint[f"{bone[0]}_forearm"]]
        return shortest_arc(hand, forearm)
    return np.eye(3)


def _share_wrist_twist(world: np.ndarray, body: Body, side: str) -> None:
    """Let the forearm take half of the hand's twist, in place: skin over a wrist that does all of it would wring."""
    forearm, hand = BONE[f"{side}_forearm"], BONE[f"{side}_hand"]
    axis = body.bone_head_m[hand] - body.bone_head_m[forearm]
    axis = axis / np.linalg.norm(axis)
    twist = twist_angle(np.swapaxes(world[:, forearm], -1, -2) @ world[:, hand], axis)
    kept = np.clip(twist, -_MOST_WRIST_TWIST, _MOST_WRIST_TWIST)

    def turn(angle: np.ndarray) -> np.ndarray:
        return Rotation.from_rotvec(angle[:, None] * axis).as_matrix()

    relative = np.swapaxes(world[:, forearm], -1, -2) @ world[:, hand]
    world[:, hand] = world[:, forearm] @ turn(kept - twist) @ relative
    world[:, forearm] = world[:, forearm] @ turn(0.5 * kept)


def _leg(points: np.ndarray, index: dict[str, int]) -> float:
    """Thigh and shin together, sides averaged."""
    return sum(
        0.5 * float(np.linalg.norm(points[index[f"{s}_{a}"]] - points[index[f"{s}_{b}"]]))
        for s in "rl"
        for a, b in (("thigh", "shin"), ("shin", "foot"))
    )


class Contact:
    """Finds how low a posed body reaches, from a sparse set of its vertices."""

    def __init__(self, bodies: BodySet, stride: int = 12) -> None:
        self._vertices = np.unique(bodies.parts["body"].vertex)[::stride]
        self._weights = bodies.weights[self._vertices]

    def lowest_m(self, body: Body, local: np.ndarray, root_m: np.ndarray) -> float:
        """Height of the lowest vertex, metres."""
        rotation, position = forward(body, local, root_m)
        return float(skin(body.rest_m[self._vertices], self._weights, body.bone_head_m, rotation, position)[:, 1].min())

    def put_down(self, poses: Poses, body: Body, height_m: np.ndarray) -> Poses:
        """Raise or lower every frame so that its lowest vertex is ``height_m`` (F,) above the floor."""
        root = np.array(poses.root_m)
        for i in range(len(poses)):
            root[i, 1] += height_m[i] - self.lowest_m(body, poses.local[i], root[i])
        return Poses(poses.local, root)
