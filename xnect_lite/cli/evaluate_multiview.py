"""``xnect-lite eval multiview``: each of several calibrated cameras alone, against where people were in the room."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from xnect_lite.camera.calibration import load_calibration
from xnect_lite.cli.evaluate_clips import print_stages
from xnect_lite.cli.figures import without_nan
from xnect_lite.cli.pipeline_options import pipeline_config
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.multiview import STAGES, load_reference, video_sizes, views
from xnect_lite.evaluate.stages import score_stages
from xnect_lite.runners.application import open_predictor

_COLUMNS = (  # figure, title, decimals
    ("found", "found", 3), ("error_px", "2D px", 1), ("mpjpe_mm", "MPJPE mm", 0), ("pa_mpjpe_mm", "PA-MPJPE mm", 0),
    ("pck3d_150", "3DPCK@150", 3), ("root_mm", "root mm", 0), ("distance_mm", "farther by mm", 0), ("limbs", "limbs", 3),
    ("knee_deg", "knee off deg", 1), ("straight_knee_deg", "straight knee deg", 1), ("facing_deg", "facing off deg", 1),
    ("turned", "turned", 3),
)  # fmt: skip


def run_evaluate(options: argparse.Namespace) -> int:
    config = pipeline_config(options)
    if options.limit < 0:
        raise XnectError("--limit", f"{options.limit} is negative", "Give how many frames to use, or 0 for all")

    videos = {Path(path).stem: Path(path) for path in options.videos}
    if len(videos) < len(options.videos):
        raise XnectError("--videos", "has two of one name, and names are those of the cameras", "Rename one")
    reference = load_reference(options.reference)
    if options.limit:
        reference = dataclasses.replace(reference, joints_mm=reference.joints_mm[: options.limit])
    cameras = load_calibration(options.calibration) if options.calibration else reference.cameras(video_sizes(videos))
    predictor = open_predictor(config.network)
    with tempfile.TemporaryDirectory() as folder:
        clips = views(videos, cameras, reference, Path(folder))
        with tqdm(total=len(clips) * len(reference.joints_mm), unit="frame", disable=None) as bar:
            alone = {name: score_stages([clip], config, predictor, bar.update, STAGES) for name, clip in clips.items()}
    ran_on = {
        "cameras": len(clips), "frames": len(reference.joints_mm), **dataclasses.asdict(predictor.runs_on),
    }  # fmt: skip
    figures = {name: {stage: score.figures() for stage, score in scores.items()} for name, scores in alone.items()}
    mean = mean_of_cameras(figures)
    if options.json:
        print(json.dumps({"stages": without_nan(mean), "cameras": without_nan(figures), "ran_on": ran_on}, indent=2))
    else:
        rows = {f"{name} {stage}": f for name, stages in {**figures, "all": mean}.items() for stage, f in stages.items()}
        print_stages(rows, ran_on, _COLUMNS)
    return 0


def mean_of_cameras(figures: Mapping[str, Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, float]]:
    """Stage -> figure -> mean over the cameras that have it, from camera -> stage -> figure -> value."""
    gathered: dict[str, dict[str, list[float]]] = {}
    for stages in figures.values():
        for stage, values in stages.items():
            for name, value in values.items():
                gathered.setdefault(stage, {}).setdefault(name, []).extend([value] if math.isfinite(value) else [])
    return {
        stage: {name: sum(v) / len(v) if v else math.nan for name, v in values.items()} for stage, values in gathered.items()
    }
