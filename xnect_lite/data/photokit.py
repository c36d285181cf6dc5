"""Reader of the photo kit: photographs labelled by two teachers and, for some people, by a human.

``<root>/<set>/{images/,labels.jsonl}``, one JSON line per picture. Per person the kit gives BlazePose's 33 landmarks in
2D and 3D, MoveNet's 17, and where there is one the human annotation in LSP order. The labels are raw; this file fuses
them into one position and one weight per joint:

  human and a teacher agree    the human position, weight 1
  human alone                  weight .5; the teachers found something else or nothing
  both teachers agree          their weighted mean, weight .7
  BlazePose alone              weight .3 if it says it sees the joint, otherwise unknown
  MoveNet somewhat off it      the same
  teachers contradict          unknown: neither taught nor punished

People nobody is sure of, and people whose human and teacher labels contradict each other in left and right, become
ignore boxes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from xnect_lite.data.bodies import leg_arm_length
from xnect_lite.data.pictures import read_rgb
from xnect_lite.data.sample import LabelledPeople, Sample
from xnect_lite.data.silhouettes import Silhouette
from xnect_lite.errors import XnectError
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

SETS = ("lspet", "ccp", "har15", "capston")
TERMS = {
    "lspet": "Leeds Sports Poses Extended: Flickr photographs, academic use",
    "ccp": "Clothing Co-Parsing: web photographs, repository Apache-2.0, photo rights unclear: research use",
    "har15": "Human Action Recognition (ODbL label): web photographs, some with watermarks: research use",
    "capston": "CC BY 4.0 as declared by its uploader (Roboflow siwookim/capston2)",
    "background": "photographs without people, COCO and others: research use",
}
"""Source, as in a sample's provenance -> terms, in short. The pictures are other people's."""
_UNLABELLED_PEOPLE = {"har15", "capston"}  # crowds in which the teachers miss people
_STRETCHED = {"capston"}  # pictures squeezed to squares: no 3D from them
_AGREE, _DIFFER = 0.2, 0.4  # in torso lengths
_NEGATIVE_WEIGHT = 0.3


def is_validation(file_name: str) -> bool:
    """True for pictures that are never trained on: the md5 of the file name starts with 0."""
    return hashlib.md5(file_name.encode(), usedforsecurity=False).hexdigest().startswith("0")


def read_photokit(root: str | Path, split: str, sets: tuple[str, ...] = SETS) -> Iterator[Sample]:
    """Yield the samples of ``split`` ('train' or 'val'), set by set, in file order.

    Raises XnectError naming the file when a set is missing or a line cannot be read.
    """
    for name in sets:
        path = Path(root) / name / "labels.jsonl"
        if not path.is_file():
            wanted = "the folder that holds the photo kit's sets"
            raise XnectError(str(path), "does not exist", f"Point --data, or --set data.photos= in training, at {wanted}")
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    record = json.loads(line)
                    if is_validation(record["file"]) == (split == "val"):
                        yield to_sample(record, path.parent, name)
                except (LookupError, ValueError, TypeError, AttributeError) as error:
                    raise XnectError(
                        f"{path}, line {number}", f"cannot be read ({error!r})", "Mend or remove the line"
                    ) from error


def read_backgrounds(root: str | Path, split: str, prefixes: tuple[str, ...] = ("coco", "obj")) -> Iterator[Sample]:
    """Yield pictures without people from a flat folder; the split follows the file name as in the kit.

    Raises XnectError if there is no such folder.
    """
    if not Path(root).is_dir():
        raise XnectError(str(root), "is no folder", "Point data.backgrounds at a folder of pictures, or leave it empty")
    for path in sorted(Path(root).glob("*.webp")):
        if path.name.startswith(prefixes) and is_validation(path.name) == (split == "val"):
            image = read_rgb(path)
            yield Sample(
                read_image=partial(read_rgb, path),
                size=(image.shape[1], image.shape[0]),
                people=LabelledPeople.empty(),
                provenance=f"background {path.name}",
                read_encoded=path.read_bytes,
            )


def to_sample(record: dict[str, Any], folder: Path, set_name: str) -> Sample:
    """Turn one line of labels.jsonl into a Sample: people who can be taught, ignore boxes for the others."""
    people, silhouettes, ignore = [], [], []
    for person in record["people"]:
        labels = fuse(person, with_3d=set_name not in _STRETCHED)
        if labels is None:
            ignore.append(_box(person))
        else:
            people.append(labels)
            silhouettes.append(_silhouette(person, folder))
    path = folder / "images" / record["file"]
    return Sample(
        read_image=partial(read_rgb, path),
        size=(record["width"], record["height"]),
        people=LabelledPeople.stack(people),
        ignore_xyxy=np.array(ignore, np.float32).reshape(-1, 4),
        negative_weight=_NEGATIVE_WEIGHT if set_name in _UNLABELLED_PEOPLE else 1.0,
        provenance=f"{set_name} {record['file']}",
        read_encoded=path.read_bytes,
        silhouettes=tuple(silhouettes),
    )


def _silhouette(person: dict[str, Any], folder: Path) -> Silhouette | None:
    """The person's mask, where the kit has one; copies of the kit without masks/ are complete for all else."""
    path = folder / "masks" / (person.get("mask") or ".")
    return Silhouette(path.read_bytes, np.asarray(person["mask_xyxy"], np.float32)) if path.is_file() else None


def _box(person: dict[str, Any]) -> np.ndarray:
    """(4,) box of a person who is not taught: the silhouette's, else that of the landmarks, a little wider."""
    if person.get("mask_xyxy"):
        return np.asarray(person["mask_xyxy"], np.float32)
    points = [np.asarray(person["blaze_xy"], np.float32)]
    if person.get("movenet_xyc"):
        points.append(np.asarray(person["movenet_xyc"], np.float32)[:, :2])
    xy = np.concatenate(points)
    low, high = xy.min(0), xy.max(0)
    margin = 0.1 * (high - low).max()
    return np.concatenate([low - margin, high + margin])


def fuse(person: dict[str, Any], with_3d: bool = True) -> LabelledPeople | None:
    """Labels of one person (P = 1), or None if nobody is sure enough of them."""
    human, human_seen = _human_joints(person)
    doubtful = person["quality"] != "good"
    if person.get("left_right_conflict") or (doubtful and not human_seen.any()):
        return None
    blaze, blaze_trust, hands = _blaze_joints(person)
    movenet, movenet_trust = _movenet_joints(person)
    torso = _torso_length(human, blaze)
    if not np.isfinite(torso) or torso < 2:
        return None

    def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.nan_to_num(np.linalg.norm(a - b, axis=-1) / torso, nan=np.inf)

    xy = np.full((NUM_JOINTS, 2), np.nan, np.float32)
    weight = np.zeros(NUM_JOINTS, np.float32)

    def put(where: np.ndarray, value: np.ndarray, trust: float) -> None:
        xy[where], weight[where] = value[where], trust

    if not doubtful:
        between = apart(blaze, movenet)
        has_movenet = movenet_trust > 0.2
        share = np.where(between < _AGREE, 0.6, 1.0)[:, None]
        mean = np.where(np.isfinite(movenet), share * blaze + (1 - share) * np.nan_to_num(movenet), blaze)
        put(has_movenet & (between < _AGREE), mean, 0.7)
        put(has_movenet & (between >= _AGREE) & (between < _DIFFER) & (blaze_trust > 0.5), blaze, 0.3)
        put(~has_movenet & (blaze_trust > 0.5), blaze, 0.3)
    seen_by = np.minimum(apart(human, blaze), apart(human, movenet))
    put(human_seen & (seen_by >= _DIFFER), human, 0.5)
    put(human_seen & (seen_by < _DIFFER), human, 1.0)
    if doubtful and (weight[LIMB_JOINTS_12] > 0).sum() < 6:
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


def _human_joints(person: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
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


def _movenet_joints(person: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """(24, 2) MoveNet positions, NaN where it has none, and (24,) confidences."""
    if not person.get("movenet_xyc"):
        return np.full((NUM_JOINTS, 2), np.nan, np.float32), np.zeros(NUM_JOINTS, np.float32)
    values = COCO17.to_xnect(np.asarray(person["movenet_xyc"], np.float32))
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
