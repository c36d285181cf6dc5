"""``xnect-lite eval``: accuracy on labelled data."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from xnect_lite.cli.figures import print_figures
from xnect_lite.cli.pipeline_options import pipeline_config
from xnect_lite.data.archives.parts import MANIFEST, read_packed
from xnect_lite.data.readers.photokit import read_photokit
from xnect_lite.data.sample import Sample, evenly
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.keypoints import per_joint_pck
from xnect_lite.evaluate.photos import score_photos
from xnect_lite.runners.application import open_predictor
from xnect_lite.stages.detector import Detector
from xnect_lite.stages.lifting.lift import read_out
from xnect_lite.stages.lifting.network import open_lift
from xnect_lite.stages.refining.refine import unrefined


def run_evaluate(options: argparse.Namespace) -> int:
    config = pipeline_config(options)
    synthetic = options.dataset == "synthetic"
    samples = held_out(Path(options.data), synthetic)
    if not samples:
        raise XnectError(options.data, "holds no validation pictures", "For renders: xnect-lite synth render --split val")
    if options.limit:
        samples = evenly(samples, options.limit)
    detector, lift = Detector.open(config, open_predictor(config.network)), open_lift(config.lifting)
    score = score_photos(detector, samples, progress=True, lift=lift)
    rows = score.conditions.figures()
    if not synthetic and not options.no_grey:
        in_grey = score_photos(detector, samples, progress=True, lift=lift, grey=True).figures()
        rows["grey"] = {name: in_grey[name] for name in ("pck", "ap", "recall_100", "recall_50_100")}
    figures = {
        **score.figures(exact=synthetic),
        "images": len(samples), "pck_per_joint": per_joint_pck(score), "conditions": rows,
        **asdict(detector.runs_on), "refined": "no" if detector.refine is unrefined else "yes",
        "lifted": "no" if lift is read_out else "yes",
    }  # fmt: skip
    print_figures(figures, options.json, digits=3)
    return 0


def held_out(data: Path, synthetic: bool) -> list[Sample]:
    """The validation split's renders, or its photographs, of a photo kit's folder, an archive or a folder of archives."""
    if not synthetic and not data.is_file() and not (data / MANIFEST).is_file():
        return list(read_photokit(data, "val"))
    return [sample for sample in read_packed(data, "val") if sample.synthetic == synthetic]
