"""Self-distillation: what Stage I finds on the photo kit over scales and flips, and whether labels get better with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from xnect_lite.config import GroupingConfig, NetworkConfig
from xnect_lite.data.label_fusion import blazepose, fuse, human_joints
from xnect_lite.data.photokit import SETS, map_records, picture_name
from xnect_lite.data.pictures import read_rgb
from xnect_lite.data.votes import agreed
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.keypoints import PCK_SHARE, match
from xnect_lite.grouping import group_people
from xnect_lite.network import Predictor
from xnect_lite.runtime.timer import StageTimer
from xnect_lite.skeleton import FLIP, INDEX, LIMB_JOINTS_12
from xnect_lite.types import Frame

_SCALES = 1.0, 0.75  # of the input size
_LEAST_OKS = 0.2
_DRAWS = 2000

Votes = Mapping[str, np.ndarray]


def predictors(config: NetworkConfig) -> list[Predictor]:
    """The network at each scale, sides in multiples of 16. Raises XnectError as `Predictor` does."""

    def scaled(side: int, scale: float) -> int:
        return max(16, round(side * scale / 16) * 16)

    return [
        Predictor(
            replace(
                config,
                long_side_net_px=scaled(config.long_side_net_px, scale),
                short_side_net_px=scaled(config.short_side_net_px, scale),
            )
        )
        for scale in _SCALES
    ]


def collect_votes(
    network: Sequence[Predictor],
    root: Path,
    split: str,
    grouping: GroupingConfig,
    sets: tuple[str, ...] = SETS,
    with_human: bool = False,
) -> dict[str, np.ndarray]:
    """Picture -> (P, 24, 2) pixels of the joints that two passes or more agree on, for the people of its line.

    with_human: only of pictures in which a human labelled somebody, which is what `compare` needs.
    People found are matched to BlazePose's joints. Raises as `read_photokit` does.
    """
    records = list(map_records(lambda *record: record, root, split, sets))
    votes = {}
    for record, folder, set_name in tqdm(records, desc=f"votes, {split}", unit="picture", disable=None):
        if not record["people"] or (with_human and not any(person.get("lsp14") for person in record["people"])):
            continue
        image = read_rgb(folder / "images" / record["file"])
        teacher, torso = zip(*map(blazepose, record["people"]), strict=True)
        passes = [_matched(np.stack(teacher), found) for found in _passes(network, image, grouping)]
        by_person = zip(np.stack(passes, 1), torso, strict=True)
        votes[picture_name(record, set_name)] = np.stack([agreed(found, length) for found, length in by_person])
    return votes


def _passes(network: Sequence[Predictor], image: np.ndarray, grouping: GroupingConfig) -> Iterator[np.ndarray]:
    """(P, 24, 2) source pixels of everybody found, pass by pass."""
    timer = StageTimer()
    for predictor in network:
        for flip in (False, True):
            shown = np.ascontiguousarray(image[:, ::-1]) if flip else image
            found = group_people(predictor(Frame(shown, 0.0, 0), timer), grouping).joints_px
            if flip:
                found = found[:, FLIP] * (-1, 1) + (image.shape[1] - 1, 0)
            yield found


def _matched(teacher: np.ndarray, found: np.ndarray) -> np.ndarray:
    """(T, 24, 2) of the people found, those who are the teacher's; NaN = nobody."""
    partner = match(teacher, found, _LEAST_OKS)
    padded = np.concatenate([found, np.full((1, *teacher.shape[1:]), np.nan)])
    return padded[partner]


# -- do labels get better? ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """Labels made without the human, against the human's joints: without and with the vote; difference and its 95 %.

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


def compare(root: Path, votes: Votes, split: str = "val", sets: tuple[str, ...] = SETS) -> Comparison:
    """Fuse the labels of everybody whom a human labelled too, as if no human had. Paired bootstrap over people.

    Raises XnectError if there is nobody.
    """
    counts = []
    for record, _, set_name in map_records(lambda *record: record, root, split, sets):
        own = votes.get(picture_name(record, set_name))
        for i, person in enumerate(record["people"]):
            if own is not None and person.get("lsp14") and not person.get("left_right_conflict"):
                counts.append([_counts(person, None), _counts(person, own[i])])
    if not counts:
        raise XnectError(str(root), "has no people with human joints to compare labels with", "Give the whole photo kit")
    table = np.array(counts, float)  # people, without and with, (human joints, labels, right labels)
    rng = np.random.default_rng(0)
    drawn = table[rng.integers(0, len(table), (_DRAWS, len(table)))].sum(1)

    def figures(of: int) -> tuple[float, float, float, float, float]:
        shares, draws = (t[..., 2] / np.maximum(t[..., of], 1) for t in (table.sum(0), drawn))
        low, high = np.percentile(draws[:, 1] - draws[:, 0], (2.5, 97.5))
        return float(shares[0]), float(shares[1]), float(shares[1] - shares[0]), float(low), float(high)

    return Comparison(len(table), pck=figures(0), precision=figures(1))


def _counts(person: dict[str, Any], own: np.ndarray | None) -> tuple[int, int, int]:
    """Limb joints that the human labelled, those of them that the fusion labels without the human, and those it has right."""
    human, seen = human_joints(person)
    torso = float(np.linalg.norm(human[INDEX["l_shoulder"]] - human[INDEX["r_hip"]]))
    torso = torso if np.isfinite(torso) else blazepose(person)[1]
    labels = fuse({name: value for name, value in person.items() if name != "lsp14"}, own=own)
    seen = seen[LIMB_JOINTS_12]
    if labels is None:
        return int(seen.sum()), 0, 0
    labelled = seen & (labels.weight_2d[0, LIMB_JOINTS_12] > 0)
    away = np.linalg.norm(labels.joints_px[0, LIMB_JOINTS_12] - human[LIMB_JOINTS_12], axis=-1)
    return int(seen.sum()), int(labelled.sum()), int((labelled & (away <= PCK_SHARE * torso)).sum())
