"""``xnect-lite eval peers``: this pipeline beside MoveNet MultiPose and BlazePose."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

from xnect_lite.benchmark.peers import PEOPLE, Ours, OursLive, Peer, accuracy, crowds, latency
from xnect_lite.cli.evaluate import held_out
from xnect_lite.cli.evaluate_benchmarks import OurSystem, report
from xnect_lite.data.readers.coco import read_coco
from xnect_lite.data.sample import Sample, evenly
from xnect_lite.data.tally import Tally
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.results import result
from xnect_lite.evaluate.tflite_peers import BlazePose, MoveNet, find_blazepose, find_movenet

_KINDS = {
    "photos": "photo kit, people whom a human labelled",
    "coco": "COCO val2017, labelled by humans",
    "synthetic": "renders, exact labels",
}


def run_evaluate(options: argparse.Namespace) -> int:
    others = open_peers(options)
    samples = _samples(Path(options.data), options.kind)
    chosen = evenly(samples, options.limit) if options.limit else samples
    system = OurSystem(options)
    ours = Ours(system.config, system.predictor)
    by_accuracy = accuracy([ours, *others], chosen, exact=options.kind != "photos", progress=True)
    tables = {"Accuracy": by_accuracy}
    if options.num_iter > 0:
        pictures = crowds(samples)
        timed = [OursLive(system.config, system.predictor), *others]
        turns = -(-options.num_iter // 5) * len(timed) * len(PEOPLE)
        with tqdm(total=turns, unit="turn", desc="timing", disable=None) as bar:
            tables["Median milliseconds by people in the picture"] = latency(timed, pictures, options.num_iter, bar.update)
    made_by = system.made_by | {peer.name: peer.what for peer in (ours, *others)}
    part = f"{len(chosen)} of {len(samples)} pictures" if len(chosen) < len(samples) else ""
    data = f"{_KINDS[options.kind]}, {len(chosen):,} validation pictures"
    return report(options, result("Peers side by side", data, part, {"pictures": len(chosen)}, tables, made_by))


def open_peers(options: argparse.Namespace) -> list[Peer]:
    """Those that are there. Raises XnectError saying how to get the first if it is not."""
    movenet = MoveNet(find_movenet(options.movenet))
    return [movenet, BlazePose(find_blazepose(options.blazepose), movenet)] if options.blazepose else [movenet]


def _samples(data: Path, kind: str) -> list[Sample]:
    samples = list(read_coco(data, "val", Tally())) if kind == "coco" else held_out(data, synthetic=kind == "synthetic")
    if kind == "photos":
        samples = [sample for sample in samples if np.isfinite(sample.people.human_px).any()]
    if not samples:
        raise XnectError(str(data), f"holds no validation pictures of kind {kind}", "Name another folder or --kind")
    return samples
