"""What the verbs of published benchmarks share: their options, one run of the pipeline or a file to score, and the result."""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from xnect_lite import __version__
from xnect_lite.cli.pipeline_options import pipeline_config
from xnect_lite.config import PipelineConfig
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.finding import Finder, Picture, Run, find_all, kept
from xnect_lite.evaluate.joint_lists import JointList
from xnect_lite.evaluate.predictions import Found, PredictionFile, read_predictions
from xnect_lite.evaluate.results import Result, save_result, weights_used
from xnect_lite.inference.weights import sha256
from xnect_lite.runners.application import open_predictor
from xnect_lite.stages.network import Predictor


def check_common(options: argparse.Namespace) -> None:
    """Raises XnectError for options that exclude each other, and for a folder that is not there."""
    if options.save and options.predictions:
        raise XnectError("--save and --predictions", "exclude each other", "Score a file, or make one")
    if not Path(options.root).is_dir():
        raise XnectError(options.root, "is no folder", "docs/datasets.md says where the data sets are to be had")
    for flag in ("save", "output"):
        path = getattr(options, flag)
        if path and not Path(path).resolve().parent.is_dir():
            raise XnectError(path, "its folder does not exist", "Make the folder, or choose another file")


class OurSystem:
    """The pipeline as the options describe it, and its description for result files."""

    def __init__(self, options: argparse.Namespace, **settings: Any) -> None:
        self.config: PipelineConfig = pipeline_config(options)
        self.predictor: Predictor = open_predictor(self.config.network)
        self.made_by: dict[str, Any] = {
            "system": f"xnect-lite {__version__}", **dataclasses.asdict(self.predictor.runs_on),
            "weights": weights_used(self.config), **settings,
        }  # fmt: skip

    def settings(self) -> dict[str, Any]:
        """Everything that what is found depends on, to tell whether a file was begun by the same system."""
        config = dataclasses.asdict(self.config)
        for section in config.values():  # which weights these are, their hashes say
            section.pop("weights", None)
        return {**self.made_by, "config": config}


@dataclass(frozen=True)
class Wanted:
    """What is to be found in a data set. records: of the pictures that are scored; others: that a file may hold as well.

    clips: the pictures to look at, asked for only if the pipeline runs; finder: what looks at them. read: what reads a file of
    predictions that is no JSON Lines.
    """

    data_set: str
    joints: JointList
    records: Sequence[str]
    others: Sequence[str]
    clips: Callable[[], Sequence[Sequence[Picture]]]
    finder: Callable[[OurSystem], Finder]
    with_3d: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    read: Callable[[Path], Mapping[str, Found]] | None = None


@dataclass(frozen=True)
class Answers:
    """What was found, who found it, what can be said of speed, and our system if it ran."""

    found: Mapping[str, Found]
    made_by: Mapping[str, Any]
    speed: Mapping[str, float]
    system: OurSystem | None = None


def find_or_read(options: argparse.Namespace, wanted: Wanted) -> Answers:
    """Run the pipeline, or read the file that was given. Raises KeyboardInterrupt saying what was kept."""
    if options.predictions:
        path = Path(options.predictions)
        if wanted.read:
            return Answers(wanted.read(path), file_itself(path), {})
        found = read_predictions(path, wanted.data_set, wanted.joints.names, wanted.records, wanted.others)
        return Answers(found, _made_by_file(path), {})
    clips = wanted.clips()
    system = OurSystem(options, **wanted.settings)
    run = _run_and_save(options, system, clips, wanted)
    speed = {"ms_per_picture": statistics.median(run.ms)} if run.ms else {}
    return Answers(run.found, system.made_by, speed, system)


def _run_and_save(options: argparse.Namespace, system: OurSystem, clips: Sequence[Sequence[Picture]], wanted: Wanted) -> Run:
    made_by = json.loads(json.dumps(system.settings()))  # as it will be read back
    total = sum(map(len, clips))
    opened = partial(PredictionFile, data_set=wanted.data_set, joints=wanted.joints.names, made_by=made_by)
    with kept(options.save, opened) as file:
        if file and file.done:
            print(f"{options.save}: {len(file.done)} of {total} pictures are there already", file=sys.stderr)
        try:
            return find_all(clips, wanted.finder(system), wanted.joints, wanted.with_3d, file)
        except KeyboardInterrupt:
            said = "nothing was kept and nothing is scored; with --save FILE it can go on"
            if file:
                said = f"{len(file.done)} of {total} pictures are in {options.save}; the same command goes on"
            raise KeyboardInterrupt(said) from None


def _made_by_file(path: Path) -> dict[str, Any]:
    """How the system that wrote a file of predictions describes itself, without its whole configuration."""
    with path.open(encoding="utf-8") as file:
        described = json.loads(file.readline()).get("made_by", {})
    described = described if isinstance(described, Mapping) else {"system": described}
    return file_itself(path) | {k: v for k, v in described.items() if k != "config"}


def file_itself(path: Path) -> dict[str, Any]:
    """Which file was scored."""
    return {"predictions": path.name, "sha256": sha256(path)[:12]}


def name_of(made_by: Mapping[str, Any]) -> str:
    """A short name of a system, for a row of a table."""
    return str(made_by.get("backbone") or made_by.get("system") or made_by.get("predictions") or "")


def report(options: argparse.Namespace, result: Result) -> int:
    """Print the result, and keep it where that was asked for."""
    if options.output:
        save_result(Path(options.output), result)
    print(result.as_json() if options.json else result.as_text())
    return 0
