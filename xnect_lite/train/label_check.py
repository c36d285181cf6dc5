"""Do labels of the photo kit get better? They are made as if no human had labelled, and compared with the human's joints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xnect_lite.data.readers.label_fusion import blazepose, fuse, human_joints, opinions, stack_opinions
from xnect_lite.data.readers.label_trust import fit
from xnect_lite.data.readers.photokit import SETS, map_records, picture_name, second_labelling
from xnect_lite.data.sample import LabelledPeople
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.keypoints import PCK_SHARE
from xnect_lite.skeleton import INDEX, LIMB_JOINTS_12

_DRAWS = 2000

Record = dict[str, Any]
Labelling = Callable[[Record, Record | None, np.ndarray | None], LabelledPeople | None]
"""(person without the human's joints, second labelling, our network's joints) -> labels."""


@dataclass(frozen=True)
class Comparison:
    """Labels made without the human, against the human's joints: before and after; difference and its 95 %.

    people: how many. pck: share of human joints that are labelled rightly. precision: share of the labels that are right.
    """

    people: int
    pck: tuple[float, float, float, float, float]
    precision: tuple[float, float, float, float, float]

    @property
    def better(self) -> bool:
        """Surely more joints are labelled rightly, and not surely a smaller share of the labels is right."""
        return self.pck[3] > 0 and self.precision[4] >= 0

    def lines(self) -> list[str]:
        """For people to read."""
        text = "{:<10} {:.3f} -> {:.3f}  ({:+.3f}, 95 % {:+.3f} to {:+.3f})"
        return [f"{self.people} people", text.format("PCK", *self.pck), text.format("precision", *self.precision)]


def compare(
    root: Path,
    before: Labelling,
    after: Labelling,
    split: str = "val",
    sets: tuple[str, ...] = SETS,
    votes: Mapping[str, np.ndarray] | None = None,
) -> Comparison:
    """Label everybody whom a human labelled too, in two ways. Paired bootstrap over people.

    votes: picture -> (P, 24, 2) joints that our network finds; with them, only people of these pictures count.
    Raises XnectError if there is nobody.
    """
    counts = []
    for person, second, own in _labelled_by_humans(root, split, sets, votes):
        bare = {name: value for name, value in person.items() if name != "lsp14"}
        counts.append([_counts(person, make(bare, second, own)) for make in (before, after)])
    if not counts:
        raise XnectError(str(root), "has no people with human joints to compare labels with", "Give the whole photo kit")
    table = np.array(counts, float)  # people, before and after, (human joints, labels, right labels)
    rng = np.random.default_rng(0)
    drawn = table[rng.integers(0, len(table), (_DRAWS, len(table)))].sum(1)

    def figures(of: int) -> tuple[float, float, float, float, float]:
        shares, draws = (t[..., 2] / np.maximum(t[..., of], 1) for t in (table.sum(0), drawn))
        low, high = np.percentile(draws[:, 1] - draws[:, 0], (2.5, 97.5))
        return float(shares[0]), float(shares[1]), float(shares[1] - shares[0]), float(low), float(high)

    return Comparison(len(table), pck=figures(0), precision=figures(1))


def compare_second(root: Path, split: str = "val", sets: tuple[str, ...] = SETS) -> Comparison:
    """Labels of the first teachers alone, and with the second labelling. Raises XnectError if there is nobody."""

    def alone(person: Record, second: Record | None, own: np.ndarray | None) -> LabelledPeople | None:
        return fuse(person)

    def with_second(person: Record, second: Record | None, own: np.ndarray | None) -> LabelledPeople | None:
        return fuse(person, second=second)

    return compare(root, alone, with_second, split, sets)


def fit_trust(root: Path, sets: tuple[str, ...] = SETS) -> tuple[np.ndarray, int]:
    """Coefficients of `label_trust` fitted to the training pictures' human joints, and to how many people."""
    said, human, torso = [], [], []
    for person, second, _ in _labelled_by_humans(root, "train", sets, None):
        if second is not None:
            said.append(opinions(person, second))
            human.append(human_joints(person)[0])
            torso.append(_torso_px(person))
    if not said:
        raise XnectError(str(root), "has nobody labelled by a human and twice by teachers", "Give a kit with labels2.jsonl")
    return fit(stack_opinions(said), np.stack(human), np.array(torso)), len(said)


def _labelled_by_humans(root: Path, split: str, sets: tuple[str, ...], votes: Mapping[str, np.ndarray] | None):
    """(person, second labelling or None, our network's joints or None) of everybody with human joints to be believed."""
    for record, _, set_name in map_records(lambda *record: record, root, split, sets):
        own = (votes or {}).get(picture_name(record, set_name))
        if votes is not None and own is None:
            continue
        for i, (person, second) in enumerate(zip(record["people"], second_labelling(record), strict=True)):
            if person.get("lsp14") and not person.get("left_right_conflict"):
                yield person, second, None if own is None else own[i]


def _torso_px(person: Record) -> float:
    human = human_joints(person)[0]
    torso = float(np.linalg.norm(human[INDEX["l_shoulder"]] - human[INDEX["r_hip"]]))
    return torso if np.isfinite(torso) else blazepose(person)[1]


def _counts(person: Record, labels: LabelledPeople | None) -> tuple[int, int, int]:
    """Limb joints that the human labelled, those of them that are labelled without the human, and those labelled rightly."""
    human, seen = human_joints(person)
    seen = seen[LIMB_JOINTS_12]
    if labels is None:
        return int(seen.sum()), 0, 0
    labelled = seen & (labels.weight_2d[0, LIMB_JOINTS_12] > 0)
    away = np.linalg.norm(labels.joints_px[0, LIMB_JOINTS_12] - human[LIMB_JOINTS_12], axis=-1)
    return int(seen.sum()), int(labelled.sum()), int((labelled & (away <= PCK_SHARE * _torso_px(person))).sum())
