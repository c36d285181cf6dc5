"""One position and one weight per joint of a person of the photo kit, of what two teachers and perhaps a human say.

Per person the kit gives BlazePose's 33 landmarks in 2D and 3D, MoveNet's 17, and where there is one the human annotation
in LSP order.

  human and a teacher agree    the human position, weight 1
  human alone                  weight .5; the teachers found something else or nothing
  both teachers agree          their weighted mean, weight .7
  BlazePose alone              weight .3 if it says it sees the joint, otherwise unknown
  MoveNet somewhat off it      the same
  teachers contradict          unknown: neither taught nor punished
  none of these                weight .3 if our own network finds the joint where BlazePose does

People whom two more models looked at (the second labelling) have their joints, but for the human's, from all four teachers: the
position and the weight are those of `label_trust`, and a joint more probably wrong than right is unknown. Feet, hands and 3D
are BlazePose's in any case.

Our own network, where its votes are given, also moves positions that teachers gave by a fifth towards its own, if it agrees.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xnect_lite.data.bodies import leg_arm_length
from xnect_lite.data.readers.label_trust import AGREE as _AGREE
from xnect_lite.data.readers.label_trust import Opinions, trusted
from xnect_lite.data.sample import LabelledPeople
from xnect_lite.skeleton import (
    BLAZEPOSE33,
    CANONICAL_LEG_ARM_M,
    COCO17,
    INDEX,
    LIMB_JOINTS_12,
    LSP14,
    NUM_JOINTS,
    TORSO,
    derive_joints,
)  # fmt: skip

_DIFFER = 0.4  # in torso lengths
_OWN_SHARE = 0.2
_LEAST_CHANCE = 0.5
_SURE_OKS, _SURE_SCORE = 0.6, 0.4  # from which on the second labelling is as good as two teachers who agree
_LEAST_JOINTS = 6


def fuse(
    person: dict[str, Any], with_3d: bool = True, own: np.ndarray | None = None, second: dict[str, Any] | None = None
) -> LabelledPeople | None:
    """Labels of one person (P = 1), or None if nobody is sure enough of them.

    own: (24, 2) pixels where our own network finds the joints, NaN = it does not. second: the person's second labelling.
    """
    human, human_seen = human_joints(person)
    sure_again = bool(second and is_sure(second))
    if person.get("left_right_conflict"):  # then four teachers are better than the human, and two are not
        if not sure_again:
            return None
        human_seen[:] = False
    doubtful = person["quality"] != "good" and not sure_again
    if doubtful and not human_seen.any():
        return None
    blaze, blaze_trust, hands = _blaze_joints(person)
    movenet, movenet_trust = coco_joints(person.get("movenet_xyc"))
    torso = _torso_length(human, blaze)
    if not np.isfinite(torso) or torso < 2:
        return None

    def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.nan_to_num(np.linalg.norm(a - b, axis=-1) / torso, nan=np.inf)

    xy = np.full((NUM_JOINTS, 2), np.nan, np.float32)
    weight = np.zeros(NUM_JOINTS, np.float32)

    def put(where: np.ndarray, value: np.ndarray, trust: float | np.ndarray) -> None:
        xy[where], weight[where] = value[where], np.broadcast_to(trust, weight.shape)[where]

    teachers = [blaze, movenet]
    if not doubtful:
        best = blaze
        if second:
            teachers += [coco_joints(second[key])[0] for key in ("yolo_xyc", "tiny_xyc")]
            best, chance = (values[0] for values in trusted(stack_opinions([opinions(person, second)])))
            put(chance >= _LEAST_CHANCE, best, chance)
            put((chance == 0) & (blaze_trust > 0.5), blaze, 0.3)
            best = np.where(np.isfinite(best), best, blaze)
        else:
            between = apart(blaze, movenet)
            has_movenet = movenet_trust > 0.2
            share = np.where(between < _AGREE, 0.6, 1.0)[:, None]
            mean = np.where(np.isfinite(movenet), share * blaze + (1 - share) * np.nan_to_num(movenet), blaze)
            put(has_movenet & (between < _AGREE), mean, 0.7)
            put(has_movenet & (between >= _AGREE) & (between < _DIFFER) & (blaze_trust > 0.5), blaze, 0.3)
            put(~has_movenet & (blaze_trust > 0.5), blaze, 0.3)
        if own is not None:
            put((weight == 0) & (apart(own, best) < _AGREE), best, 0.3)
            xy = np.where((apart(own, xy) < _AGREE)[:, None], (1 - _OWN_SHARE) * xy + _OWN_SHARE * own, xy)
    seen_by = np.min([apart(human, teacher) for teacher in teachers], 0)
    put(human_seen & (seen_by >= _DIFFER), human, 0.5)
    put(human_seen & (seen_by < _DIFFER), human, 1.0)
    if (doubtful or second) and (weight[LIMB_JOINTS_12] > 0).sum() < (_LEAST_JOINTS if doubtful else 2):
        return None
    _derive_2d(xy, weight, hands, np.where(apart(xy, blaze) < _AGREE, blaze_trust, 0.0))

    ray_mm, weight_3d = _joints_3d(person, xy, blaze, torso) if with_3d and not doubtful else (None, None)
    out = LabelledPeople.empty(1)
    out.joints_px[0], out.weight_2d[0] = xy, weight
    out.visible[0] = (blaze_trust > 0.5) | human_seen
    out.human_px[0][human_seen] = human[human_seen]
    if ray_mm is not None:
        out.joints_ray_mm[0], out.weight_3d[0] = ray_mm, weight_3d
    return out


def newly_found(second: dict[str, Any]) -> LabelledPeople | None:
    """Labels of somebody (P = 1) whom only the second labelling found, in 2D alone; None if it is not sure enough."""
    if not is_sure(second):
        return None
    ours = opinions(None, second)
    if not ours.torso_px[0] >= 2:
        return None
    xy, chance = (values[0] for values in trusted(ours))
    weight = np.where(chance >= _LEAST_CHANCE, chance, 0).astype(np.float32)
    if (weight[LIMB_JOINTS_12] > 0).sum() < 2:
        return None
    _derive_2d(xy, weight, np.full((2, 2), np.nan), np.zeros(NUM_JOINTS))
    out = LabelledPeople.empty(1)
    out.joints_px[0], out.weight_2d[0] = xy, weight
    out.visible[0] = coco_joints(second["tiny_xyc"])[1] > 0.5
    return out


def is_sure(second: dict[str, Any]) -> bool:
    """Whether both models of the second labelling agree on a person."""
    return second["agree"] > _SURE_OKS and second["yolo_score"] > _SURE_SCORE


def opinions(person: dict[str, Any] | None, second: dict[str, Any] | None) -> Opinions:
    """What the four teachers say of one person (N = 1); either labelling may lack them."""
    nobody = np.full((NUM_JOINTS, 2), np.nan, np.float32), np.zeros(NUM_JOINTS, np.float32)
    blaze, blaze_trust = _blaze_joints(person)[:2] if person else nobody
    movenet = coco_joints(person.get("movenet_xyc")) if person else nobody
    yolo, tiny = (coco_joints(second[key]) if second else nobody for key in ("yolo_xyc", "tiny_xyc"))
    joints, trust = zip((blaze, blaze_trust), movenet, yolo, tiny, strict=True)
    torso = next((t for t in (_torso_length(one, one) for one in (blaze, tiny[0], yolo[0])) if np.isfinite(t)), np.nan)
    about_second = (second["agree"], second["yolo_score"]) if second else (0.0, 0.0)
    about_first = (person.get("agree_oks") or 0.0, person["quality"] == "good") if person else (0.0, 0.0)
    return Opinions(
        np.stack(joints)[None], np.stack(trust)[None], np.array([torso]), np.array([[*about_second, *about_first]], float)
    )


def stack_opinions(people: list[Opinions]) -> Opinions:
    """Opinions of several people as one."""
    return Opinions(*(np.concatenate([getattr(one, name) for one in people]) for name in Opinions.__dataclass_fields__))


def blazepose(person: dict[str, Any]) -> tuple[np.ndarray, float]:
    """(24, 2) BlazePose's joints of a person, and the torso's length by them, pixels."""
    joints = _blaze_joints(person)[0]
    return joints, _torso_length(np.full_like(joints, np.nan), joints)


def human_joints(person: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """(24, 2) human positions and (24,) bool of those usable. LSP's neck is higher than ours: it is left out."""
    if not person.get("lsp14"):
        return np.full((NUM_JOINTS, 2), np.nan, np.float32), np.zeros(NUM_JOINTS, bool)
    lsp = LSP14.to_xnect(np.asarray(person["lsp14"], np.float32))
    seen = lsp[:, 2] > 0
    seen[INDEX["neck"]] = False
    xy = lsp[:, :2].copy()
    xy[~seen] = np.nan
    return xy, seen


def _blaze_joints(person: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(24, 2) BlazePose positions, (24,) its visibility, (2, 2) right and left hand."""
    xy = np.asarray(person["blaze_xy"], np.float32)
    trust = np.asarray(person["blaze_vis"], np.float32)[:, None] * float(person["blaze_flag"])
    return BLAZEPOSE33.to_xnect(xy), BLAZEPOSE33.to_xnect(trust, fill=0.0)[:, 0], _blaze_hands(xy)


def _blaze_hands(landmarks: np.ndarray) -> np.ndarray:
    """(2, C) right and left hand: the mean of index and little finger's first joints."""
    at = {name: i for i, name in enumerate(BLAZEPOSE33.names)}
    return np.stack([0.5 * (landmarks[at[f"{s}_pinky"]] + landmarks[at[f"{s}_index"]]) for s in "rl"])


def coco_joints(xyc: list[list[float]] | None) -> tuple[np.ndarray, np.ndarray]:
    """(24, 2) positions, NaN where there are none, and (24,) confidences of a model that speaks COCO's 17 keypoints."""
    if not xyc:
        return np.full((NUM_JOINTS, 2), np.nan, np.float32), np.zeros(NUM_JOINTS, np.float32)
    values = COCO17.to_xnect(np.asarray(xyc, np.float32))
    return values[:, :2], np.nan_to_num(values[:, 2])


def _torso_length(human: np.ndarray, blaze: np.ndarray) -> float:
    """Pixels from the left shoulder to the right hip, human where complete; never less than a fifth of the person."""
    a, b = INDEX["l_shoulder"], INDEX["r_hip"]
    for joints in (human, blaze):
        length = float(np.linalg.norm(joints[a] - joints[b]))
        if np.isfinite(length):
            return max(length, 0.2 * float(np.ptp(blaze[LIMB_JOINTS_12], axis=0).max()))
    return np.nan


def _derive_2d(xy: np.ndarray, weight: np.ndarray, hands: np.ndarray, blaze_trust: np.ndarray) -> None:
    """Fill pelvis, neck, spine, head and hands in place, trusted less than the joints they come from.

    ``blaze_trust`` (24,) is 0 where BlazePose found the joint elsewhere: its hand then belongs to another wrist.
    """
    complete = derive_joints(np.where(weight[:, None] > 0, xy, np.nan), hands)
    parents = {
        "pelvis": ("r_hip", "l_hip"), "neck": ("r_shoulder", "l_shoulder"), "head": ("r_ear", "l_ear"),
        "spine": ("r_hip", "l_hip", "r_shoulder", "l_shoulder"),
    }  # fmt: skip
    for name, sources in parents.items():
        weight[INDEX[name]] = 0.7 * min(weight[INDEX[s]] for s in sources)
    for side in "rl":
        wrist, hand = INDEX[f"{side}_wrist"], INDEX[f"{side}_hand"]
        weight[hand] = 0.5 * weight[wrist] if blaze_trust[wrist] > 0.5 else 0.0
    xy[:] = np.where(weight[:, None] > 0, complete, np.nan)


def _joints_3d(
    person: dict[str, Any], xy: np.ndarray, blaze: np.ndarray, torso: float
) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
    """(24, 3) root-relative millimetres of the canonical body and (24,) weights, from BlazePose's world landmarks.

    The teacher saw a crop, so its axes are taken as those of the viewing ray. Where its 2D position is far from the
    fused one, its 3D position is not believed.
    """
    world = np.asarray(person["world_m"], np.float32)
    joints = derive_joints(BLAZEPOSE33.to_xnect(world), _blaze_hands(world))
    joints -= joints[INDEX["pelvis"]]
    size = leg_arm_length(joints)
    if not np.isfinite(size) or not 0.5 < size < 2.5:
        return None, None
    joints *= CANONICAL_LEG_ARM_M * 1000 / size
    away = np.linalg.norm(xy - blaze, axis=-1)
    has_own = np.isfinite(blaze[:, 0])  # derived joints have no position of BlazePose's own to compare
    believed = np.nan_to_num(away, nan=np.inf) < _AGREE * torso
    believed |= ~has_own
    weight = np.where(np.isfinite(joints[:, 0]) & believed, 0.5, 0.0).astype(np.float32)
    if person.get("blaze_flag", 0) < 0.5 or (weight[TORSO] == 0).any():
        weight[:] = 0
    return joints, weight
