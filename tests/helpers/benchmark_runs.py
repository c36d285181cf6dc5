"""Running the verbs of benchmarks in tests: files of predictions made up on the spot, results read back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from labelled_people import Scene
from oracle import oracle

from xnect_lite.cli import main as cli
from xnect_lite.data.sample import LabelledPeople, Sample
from xnect_lite.evaluate.predictions import Found, PredictionFile

RAW = ["--set", "lifting.network=false", "--set", "refining.network=false"]


def saved(path: Path, data_set: str, joints: Sequence[str], found: Mapping[str, Found]) -> list[str]:
    """Options that score these people."""
    file = PredictionFile(path, data_set, joints, {"system": "another"})
    for record, people in found.items():
        file.add(record, people)
    file.close()
    return ["--predictions", str(path)]


def people(*joints_px: np.ndarray, mm: Sequence[np.ndarray] | None = None, score: Sequence[float] | None = None) -> Found:
    """These people, or nobody."""
    if not joints_px:
        return Found.of(np.zeros((0, 1, 2)), np.zeros(0))
    return Found.of(np.array(joints_px), np.ones(len(joints_px)) if score is None else np.array(score), mm and np.array(mm))


def evaluate(capsys, *arguments: str) -> dict:
    """The result; of a verb that failed, its message as 'error'."""
    code = cli.main(["eval", *arguments, "--json"])
    out = capsys.readouterr()
    assert "Traceback" not in out.err
    return json.loads(out.out) if code == 0 else {"error": out.err}


def knowing(scenes: Sequence[Scene], size: tuple[int, int]):
    """A network that answers the n-th picture with the n-th scene."""
    samples = []
    for shown in scenes:
        count = len(shown.joints_px)
        known = np.ones(shown.joints_px.shape[:2], np.float32)
        labels = dataclasses.replace(LabelledPeople.empty(count), joints_px=shown.joints_px.astype(np.float32), weight_2d=known)
        samples.append(Sample(lambda: np.zeros(0), size, labels))
    network = oracle(samples, (512, 320))
    return network
