"""The pictures of a Stage I run."""

from __future__ import annotations

import json

from xnect_lite.data.archives.packed import PackedSet
from xnect_lite.data.sample import Sample, evenly
from xnect_lite.train import pictures
from xnect_lite.train.stage1.config import DataConfig


def read_split(data: DataConfig, split: str) -> list[Sample]:
    """The samples of one split: photographs, renders and, for training, backgrounds if there are any."""
    return pictures.read_split(data, split, data.backgrounds)


def held_out(data: DataConfig, limit: int) -> tuple[list[Sample], list[Sample]]:
    """Photographs and renders of the validation split, about ``limit`` of each, evenly spread; 0 = all."""
    samples = read_split(data, "val")
    photographs, renders = ([s for s in samples if s.synthetic == kind] for kind in (False, True))
    return evenly(photographs, limit), evenly(renders, limit)


def describe_data(data: DataConfig, train: PackedSet) -> str:
    """What a position in the data refers to."""
    what = {"pictures": len(train), "people": len(train.people), "sets": data.sets, "limit": data.limit}
    if train.synthetic.any():
        what |= {"renders": int(train.synthetic.sum()), "synthetic_share": data.synthetic_share}
    if data.human_share:
        what["human_share"] = data.human_share
    return json.dumps(what)


def refuse_other_data(state: dict, data: DataConfig, train: PackedSet) -> None:
    """Raise ValueError if ``state`` was saved over another training set."""
    now, then = describe_data(data, train), state.get("data", "")
    if then and then != now:
        raise ValueError(f"it was trained on {then}, now it is {now}")
