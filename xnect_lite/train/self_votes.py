"""Self-distillation: what Stage I finds on the photo kit over scales and flips, and whether labels get better with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from xnect_lite.config import GroupingConfig, NetworkConfig
from xnect_lite.data.pictures import read_rgb
from xnect_lite.data.readers.label_fusion import blazepose, fuse
from xnect_lite.data.readers.photokit import SETS, map_records, picture_name
from xnect_lite.data.readers.votes import agreed
from xnect_lite.data.sample import LabelledPeople
from xnect_lite.evaluate.keypoints import match
from xnect_lite.skeleton import FLIP
from xnect_lite.stages.detector import Detector
from xnect_lite.stages.network import Predictor
from xnect_lite.train.label_check import Comparison, Record, compare
from xnect_lite.types import Frame

_SCALES = 1.0, 0.75  # of the input size
_LEAST_OKS = 0.2

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
    for predictor in network:
        for flip in (False, True):
            shown = np.ascontiguousarray(image[:, ::-1]) if flip else image
            found = Detector(predictor, grouping)(Frame(shown, 0.0, 0)).people.joints_px
            if flip:
                found = found[:, FLIP] * (-1, 1) + (image.shape[1] - 1, 0)
            yield found


def _matched(teacher: np.ndarray, found: np.ndarray) -> np.ndarray:
    """(T, 24, 2) of the people found, those who are the teacher's; NaN = nobody."""
    partner = match(teacher, found, _LEAST_OKS)
    padded = np.concatenate([found, np.full((1, *teacher.shape[1:]), np.nan)])
    return padded[partner]


def compare_votes(root: Path, votes: Votes, split: str = "val", sets: tuple[str, ...] = SETS) -> Comparison:
    """Labels without and with the vote. Raises XnectError if nobody is both labelled by a human and voted on."""

    def with_vote(person: Record, second: Record | None, own: np.ndarray | None) -> LabelledPeople | None:
        return fuse(person, own=own, second=second)

    def without(person: Record, second: Record | None, own: np.ndarray | None) -> LabelledPeople | None:
        return fuse(person, second=second)

    return compare(root, without, with_vote, split, sets, votes)
