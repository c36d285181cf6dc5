"""The pictures of a Stage I run."""

from __future__ import annotations

import json

from xnect_lite.data.archives.packed import PackedSet
from xnect_lite.data.archives.parts import read_packed
from xnect_lite.data.readers.photokit import read_backgrounds, read_photokit
from xnect_lite.data.sample import Sample, evenly
from xnect_lite.train.stage1.config import DataConfig


def read_split(data: DataConfig, split: str) -> list[Sample]:
    """The samples of one split: photographs, renders and, for training, backgrounds if there are any."""
    samples: list[Sample] = []
    if data.archive:
        samples = read_packed(data.archive, split)
    elif data.photos:
        samples = list(read_photokit(data.photos, split, data.sets))
        if data.backgrounds and split == "train":
            samples += read_backgrounds(data.backgrounds, split)
    for folder in data.synthetic:
        samples += read_packed(folder, split)
    return evenly(samples, data.limit)


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
