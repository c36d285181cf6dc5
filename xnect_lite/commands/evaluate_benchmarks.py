"""What the verbs of published benchmarks share: their options, one run of the pipeline or a file to score, and the result."""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xnect_lite.commands.pipeline_options import add_network_options, pipeline_config
from xnect_lite.errors import XnectError

if TYPE_CHECKING:
    from xnect_lite.config import PipelineConfig
    from xnect_lite.evaluate.finding import Finder, Picture, Run
    from xnect_lite.evaluate.joint_lists import JointList
    from xnect_lite.evaluate.results import Result
    from xnect_lite.network import Predictor


def add_common(parser: argparse.ArgumentParser) -> None:
    """The options of every such verb."""
    parser.add_argument("--root", "--data", dest="root", required=True, metavar="DIR", help="folder of the data set")
    parser.add_argument(
        "--save", metavar="FILE", help="keep what is found in FILE (.jsonl); the same command goes on where it was interrupted"
    )
    parser.add_argument("--predictions", metavar="FILE", help="score this file, of any system, instead of running the pipeline")
    parser.add_argument("--out", metavar="FILE", help="keep the result as JSON, for xnect-lite eval report")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    add_network_options(parser)


def check_common(options: argparse.Namespace) -> None:
    """Raises XnectError for options that exclude each other, and for a folder that is not there."""
    if options.save and options.predictions:
        raise XnectError("--save and --predictions", "exclude each other", "Score a file, or make one")
    if not Path(options.root).is_dir():
        raise XnectError(options.root, "is no folder", "docs/datasets.md says where the data sets are to be had")
    for flag in ("save", "out"):
        path = getattr(options, flag)
        if path and not Path(path).resolve().parent.is_dir():
            raise XnectError(path, "its folder does not exist", "Make the folder, or choose another file")


class OurSystem:
    """The pipeline as the options describe it, and its description for result files."""

    def __init__(self, options: argparse.Namespace, **settings: Any) -> None:
        self.config: PipelineConfig = pipeline_config(options)
        from xnect_lite.evaluate.results import weights_used
        from xnect_lite.runtime.application import open_predictor

        self.predictor: Predictor = open_predictor(self.config.network)
        self.made_by: dict[str, Any] = {
            "system": "xnect-lite", "backbone": self.config.network.backbone, "weights": weights_used(self.config),
            "backend": self.predictor.backend, "device": self.predictor.device_name, "precision": self.predictor.precision,
            **settings,
        }  # fmt: skip

    def settings(self) -> dict[str, Any]:
        """Everything that what is found depends on, to tell whether a file was begun by the same system."""
        import dataclasses

        return {**self.made_by, "config": dataclasses.asdict(self.config)}


def run_and_save(
    options: argparse.Namespace, system: OurSystem, finder: Finder, clips: Sequence[Sequence[Picture]], data_set: str,
    joints: JointList, with_3d: bool,
) -> Run | None:  # fmt: skip
    """Look at all pictures; None if that was interrupted, which is said on standard error."""
    import json

    from xnect_lite.evaluate.finding import find_all, kept
    from xnect_lite.evaluate.predictions import PredictionFile

    made_by = json.loads(json.dumps(system.settings()))  # as it will be read back
    total = sum(map(len, clips))
    with kept(options.save, partial(PredictionFile, data_set=data_set, joints=joints.names, made_by=made_by)) as file:
        if file and file.done:
            print(f"{options.save}: {len(file.done)} of {total} pictures are there already", file=sys.stderr)
        try:
            return find_all(clips, finder, joints, with_3d, file)
        except KeyboardInterrupt:
            said = "interrupted: nothing was kept and nothing is scored; with --save FILE it can go on"
            if file:
                said = (
                    f"interrupted: {len(file.done)} of {total} pictures are in {options.save}; the same command goes on there"
                )
            print(said, file=sys.stderr)
            return None


def made_by_file(path: str) -> dict[str, Any]:
    """How the system that wrote a file of predictions describes itself, without its whole configuration."""
    import json

    from xnect_lite.weights import sha256

    with Path(path).open(encoding="utf-8") as file:
        head = json.loads(file.readline())
    described = head.get("made_by", {})
    described = described if isinstance(described, Mapping) else {"system": described}
    return {"predictions": Path(path).name, "sha256": sha256(Path(path))[:12]} | {
        key: value for key, value in described.items() if key != "config"
    }


def speed(run: Run | None) -> dict[str, float]:
    """Median milliseconds of the pictures looked at now, without reading them; nothing if there were none."""
    return {"ms_per_picture": statistics.median(run.ms)} if run and run.ms else {}


def report(options: argparse.Namespace, result: Result) -> int:
    """Print the result, and keep it where that was asked for."""
    from xnect_lite.evaluate.results import save_result

    if options.out:
        save_result(Path(options.out), result)
    print(result.as_json() if options.json else result.as_text())
    return 0
