"""One person to be cropped, and the people of the photo kit (or of anything else that yields Samples) as such."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from xnect_lite.data.sample import Sample
from xnect_lite.skeleton import INDEX, JOINT_MAPS, JointMap

MIN_LABELLED = 8
"""People of whom fewer joints are known teach nothing about a whole body."""
_ROOM = 1.3  # sides of the crop in sizes of the box of joints: 1.25 times the height, which joints do not quite reach
_LEAST_BOX_PX = 8.0


@dataclass(frozen=True, slots=True)
class CropPerson:
    """A person in a picture, with the box given. J joints of a foreign list.

    record:      names the person.
    read_image:  returns (H, W, 3) uint8 RGB.
    centre_px    (2,), box_px (2,) width and height of the box to be cropped.
    joints_px    (J, 2) to be taught, NaN = unknown.
    weight       (J,) trust in them, 0..1; 0 = unknown.
    truth_px     (J, 2) what is scored against, NaN = unknown.
    unit_px      what distances are measured in: the head's size, or the torso; NaN = cannot be scored.
    """

    record: str
    read_image: Callable[[], np.ndarray]
    centre_px: np.ndarray
    box_px: np.ndarray
    joints_px: np.ndarray
    weight: np.ndarray
    truth_px: np.ndarray
    unit_px: float


def mirror_order(joints: JointMap) -> np.ndarray:
    """(J,) joint that each joint of a foreign list becomes in a mirrored picture."""
    swap = {"r_": "l_", "l_": "r_"}
    return np.array([joints.names.index(swap.get(name[:2], name[:2]) + name[2:]) for name in joints.names])


def people_of_samples(samples: Iterable[Sample], joints: str = "mpii16", scored: bool = False) -> list[CropPerson]:
    """Everybody of whom enough joints are known; with ``scored``, only whom a human labelled.

    Scored against the human's joints, in shares of the torso (left shoulder to right hip).
    """
    return [one for sample in samples for one in _people(sample, JOINT_MAPS[joints], scored)]


def _people(sample: Sample, joints: JointMap, scored: bool) -> Sequence[CropPerson]:
    people, out = sample.people, []
    for i in range(len(people)):
        known = np.isfinite(people.joints_px[i]).all(-1) & (people.weight_2d[i] > 0)
        if known.sum() < MIN_LABELLED:
            continue
        human = people.human_px[i].astype(np.float64)
        torso = float(np.linalg.norm(human[INDEX["l_shoulder"]] - human[INDEX["r_hip"]]))
        if scored and not torso > 0:
            continue
        low, high = people.joints_px[i][known].min(0), people.joints_px[i][known].max(0)
        weight = np.where(known, people.weight_2d[i], 0.0).astype(np.float32)
        out.append(
            CropPerson(
                f"{sample.provenance} person {i}", sample.read_image, (low + high) / 2,
                np.full(2, _ROOM * max(*(high - low).tolist(), _LEAST_BOX_PX)),
                joints.from_xnect(people.joints_px[i]), joints.from_xnect(weight[:, None], 0.0)[:, 0],
                joints.from_xnect(human), torso,
            )
        )  # fmt: skip
    return out
