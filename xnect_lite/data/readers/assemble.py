"""From one picture's raw annotation to a `Sample`: the checks and the derived joints that all data sets share.

A joint, person or picture that cannot be right is left out and counted (`Tally`); the rest stays in use. A person left out
becomes an ignore box where it is known where they are; where it is not, empty places of that picture count little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from xnect_lite.data.bodies import Intrinsics, canonical_body
from xnect_lite.data.pictures import BadPicture, picture_size, read_rgb
from xnect_lite.data.sample import LabelledPeople, Sample
from xnect_lite.data.tally import Reason, Tally
from xnect_lite.skeleton import INDEX, NUM_JOINTS, JointMap, derive_joints

SOME_LABELLED = 0.3
"""negative_weight of pictures in which somebody may stand whom nobody labelled."""
_DERIVED_SHARE = 0.7  # trust in a derived joint, of the trust in what it comes from
_FAR_SHARE = 1.0  # of the longer side, beyond the picture's edge


@dataclass(frozen=True, slots=True)
class Person:
    """One person as a data set labels them, unchecked, in XNECT24 order.

    joints_px      (24, 2) 0-based pixels.
    labelled       (24,) bool, the data set claims a position.
    visible        (24,) bool, and says that it can be seen.
    human          (24,) bool, and a human annotator pointed at it.
    joints_cam_mm  (24, 3) metric, camera axes; None without 3D.
    box_xyxy       (4,) where the person is; None if the data set does not say.
    """

    joints_px: np.ndarray
    labelled: np.ndarray
    visible: np.ndarray
    human: np.ndarray
    joints_cam_mm: np.ndarray | None = None
    box_xyxy: np.ndarray | None = None


def person(
    joint_map: JointMap,
    joints_px: np.ndarray,
    labelled: np.ndarray,
    visible: np.ndarray,
    *,
    joints_cam_mm: np.ndarray | None = None,
    box_xyxy: np.ndarray | None = None,
    not_human: Sequence[str] = (),
    without: Sequence[str] = (),
) -> Person:
    """A person from a foreign order: joints_px (K, 2), labelled and visible (K,), joints_cam_mm (K, 3).

    not_human: XNECT24 joints that the data set computed from others. A person without joints_cam_mm is otherwise taken as
               labelled by a human, one with them as measured.
    without:   XNECT24 joints that the data set defines otherwise; they are dropped.
    """

    def flags(values: np.ndarray) -> np.ndarray:
        return joint_map.to_xnect(np.asarray(values, np.float32)[:, None], fill=0.0)[:, 0] > 0

    has = flags(labelled)
    has[[INDEX[name] for name in without]] = False
    human = has.copy() if joints_cam_mm is None else np.zeros(NUM_JOINTS, bool)
    human[[INDEX[name] for name in not_human]] = False
    return Person(
        joint_map.to_xnect(np.asarray(joints_px, np.float32)),
        has,
        has & flags(visible),
        human,
        None if joints_cam_mm is None else joint_map.to_xnect(np.asarray(joints_cam_mm, np.float64)),
        None if box_xyxy is None else np.asarray(box_xyxy, np.float32),
    )


def make_sample(
    path: Path,
    people: Sequence[Person],
    tally: Tally,
    *,
    provenance: str,
    size: tuple[int, int] | None = None,
    ignore: Sequence[np.ndarray] = (),
    camera: Intrinsics | None = None,
    negative_weight: float = 1.0,
    complete: bool = True,
    keep_empty: bool = False,
) -> Sample | None:
    """The Sample of one picture, or None, counted, if it cannot be used.

    size:        (width, height) that the labels claim; None = taken from the file.
    ignore:      further (4,) boxes where nothing is taught.
    complete:    False if records of this picture were left out before: somebody stands there unlabelled.
    keep_empty:  a picture without people is a sample too, because the data set would have labelled them.
    """
    try:
        actual = picture_size(path)
    except BadPicture as error:
        tally.add(error.reason, str(path))
        return None
    if size is not None and tuple(size) != actual:
        tally.add(Reason.PICTURE_SIZE, str(path))
        return None
    taught, boxes, lost = [], [_clip(box, actual) for box in ignore], not complete
    for number, one in enumerate(people, 1):
        labels = label(one, actual, camera, tally, f"{provenance}, person {number}")
        if labels is not None:
            taught.append(labels)
        else:
            boxes.append(_clip(_box_of(one), actual))
    for box in boxes:
        if box is None:
            tally.add(Reason.BOX, provenance)
            lost = True
    if not taught and (lost or not keep_empty):
        tally.add(Reason.PICTURE_EMPTY, provenance)
        return None
    return Sample(
        read_image=partial(read_rgb, path),
        size=actual,
        people=LabelledPeople.stack(taught),
        ignore_xyxy=np.array([b for b in boxes if b is not None], np.float32).reshape(-1, 4),
        negative_weight=min(negative_weight, SOME_LABELLED) if lost else negative_weight,
        focal_px=camera.focal_px if camera else None,
        provenance=provenance,
        read_encoded=path.read_bytes,
    )


def label(one: Person, size: tuple[int, int], camera: Intrinsics | None, tally: Tally, where: str) -> LabelledPeople | None:
    """Checked labels of one person (P = 1), or None, counted."""
    finite = np.isfinite(one.joints_px).all(-1)
    margin = _FAR_SHARE * max(size)
    with np.errstate(invalid="ignore"):
        near = ((one.joints_px >= -margin) & (one.joints_px <= np.array(size) + margin)).all(-1)
    tally.add(Reason.JOINT_NAN, where, int((one.labelled & ~finite).sum()))
    tally.add(Reason.JOINT_FAR, where, int((one.labelled & finite & ~near).sum()))
    usable = one.labelled & near
    if not usable.any():
        tally.add(Reason.PERSON_EMPTY, where)
        return None
    if usable.sum() > 1 and np.ptp(one.joints_px[usable], axis=0).max() < 1:
        tally.add(Reason.PERSON_POINT, where)
        return None

    out = LabelledPeople.empty(1)
    xy = np.where(usable[:, None], one.joints_px, np.nan)
    computed = usable & ~one.human if one.joints_cam_mm is None else np.zeros(NUM_JOINTS, bool)
    weight = np.where(usable, np.where(computed, _DERIVED_SHARE, 1.0), 0.0)
    inside = ((xy >= -0.5) & (xy <= np.array(size) - 0.5)).all(-1)
    visible = one.visible & usable & inside
    out.human_px[0] = np.where((usable & one.human)[:, None], xy, np.nan)
    _derive(xy, weight, visible)
    out.joints_px[0], out.weight_2d[0], out.visible[0] = xy, weight, visible
    if one.joints_cam_mm is not None:
        body = canonical_body(one.joints_cam_mm, one.joints_px, camera)
        if isinstance(body, Reason):
            tally.add(body, where)
        else:
            out.joints_ray_mm[0], out.root_cam_mm[0] = body
            out.weight_3d[0] = np.isfinite(body[0]).all(-1)
            tally.add(Reason.JOINT_NAN, where, int((one.labelled & ~np.isfinite(one.joints_cam_mm).all(-1)).sum()))
    return out


def _derive(xy: np.ndarray, weight: np.ndarray, visible: np.ndarray) -> None:
    """Fill pelvis, neck, head and spine in place where they are missing and what they come from is not."""
    complete = derive_joints(xy)
    sources = {"pelvis": ("r_hip", "l_hip"), "neck": ("r_shoulder", "l_shoulder"), "head": ("r_ear", "l_ear")}
    for name, pair in sources.items():
        j, k = INDEX[name], [INDEX[s] for s in pair]
        if np.isnan(xy[j]).any() and np.isfinite(complete[j]).all():
            weight[j], visible[j] = _DERIVED_SHARE * weight[k].min(), visible[k].all()
    spine, ends = INDEX["spine"], [INDEX["pelvis"], INDEX["neck"]]
    if np.isnan(xy[spine]).any() and np.isfinite(complete[spine]).all():
        weight[spine], visible[spine] = min(weight[ends].min(), _DERIVED_SHARE), visible[ends].all()
    xy[:] = complete


def _box_of(one: Person) -> np.ndarray:
    """(4,) the data set's box, else one around the joints with a margin; NaN if neither tells."""
    if one.box_xyxy is not None:
        return one.box_xyxy
    xy = one.joints_px[one.labelled & np.isfinite(one.joints_px).all(-1)]
    if len(xy) < 2 or np.ptp(xy, axis=0).max() < 1:
        return np.full(4, np.nan, np.float32)
    margin = 0.2 * np.ptp(xy, axis=0).max()
    return np.concatenate([xy.min(0) - margin, xy.max(0) + margin])


def _clip(box: np.ndarray, size: tuple[int, int]) -> np.ndarray | None:
    """(4,) the part of a box inside the picture; None if it is no box or lies outside."""
    box = np.asarray(box, np.float32)
    if box.shape != (4,) or not np.isfinite(box).all() or (box[2:] <= box[:2]).any():
        return None
    limit = np.array([*size, *size], np.float32)
    clipped = np.clip(box, 0, limit)
    return clipped if (clipped[2:] > clipped[:2]).all() else None
