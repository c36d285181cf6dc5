"""``xnect-lite bench``: how fast the parts run on this machine."""

from __future__ import annotations

import argparse

from xnect_lite.cli.parsers import bench_networks
from xnect_lite.cli.parsers.later import Later
from xnect_lite.cli.parsers.pipeline_options import add_pipeline_options


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb, and the names that it and the published script had before."""
    _add(verbs.add_parser("bench", help="how fast the parts run on this machine"))
    _add(verbs.add_parser("benchmark"))  # of a name without help the list of verbs does not tell
    bench_networks.add(verbs, "timing")


def _add(bench: argparse.ArgumentParser) -> None:
    actions = bench.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_pipeline(actions)
    bench_networks.add(actions, "networks", help="forward passes of the networks, beside ResNet-50 and VoVNet-39")
    _add_data(actions)
    _add_soak(actions)


def _add_pipeline(actions: argparse._SubParsersAction) -> None:
    pipeline = actions.add_parser("pipeline", help="milliseconds per stage of the whole pipeline on a source")
    pipeline.add_argument("source", help="video file, image folder, stream URL, camera, 'synthetic'")
    pipeline.add_argument("--frames", type=int, default=120, metavar="N", help="frames to time (default 120; 0 = all)")
    pipeline.add_argument("--warm-up", type=int, default=10, metavar="N", help="frames before them (default 10)")
    pipeline.add_argument("--json", action="store_true", help="print the figures as JSON")
    add_pipeline_options(pipeline)
    pipeline.set_defaults(run=Later("bench_pipeline.run_pipeline"))


def _add_soak(actions: argparse._SubParsersAction) -> None:
    soak = actions.add_parser("soak", help="slopes of memory, open files, threads and time per frame over a long run")
    soak.add_argument("source", nargs="?", default="synthetic:3", help="what is played again and again (default: synthetic:3)")
    soak.add_argument("--minutes", type=float, default=30.0, metavar="M", help="how long (default 30)")
    soak.add_argument("--json", action="store_true", help="print the figures as JSON")
    add_pipeline_options(soak)
    soak.set_defaults(run=Later("bench_soak.run_soak"))


def _add_data(actions: argparse._SubParsersAction) -> None:
    data = actions.add_parser("data", help="training canvases per second: augmentation and targets")
    data.add_argument("--archive", required=True, metavar="PATH", help="from data pack or synth render, a file or a folder")
    data.add_argument("--limit", type=int, default=300, help="pictures to take, evenly spread (default 300; 0 = all)")
    data.add_argument("--width", type=int, default=512, help="of a canvas, network pixels (default 512)")
    data.add_argument("--height", type=int, default=320, help="of a canvas, network pixels (default 320)")
    data.add_argument("--batch", type=int, default=16, help="canvases at once (default 16)")
    data.add_argument("--batches", type=int, default=10, help="batches to time (default 10)")
    data.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default auto)")
    data.add_argument("--json", action="store_true", help="print the figures as JSON")
    data.set_defaults(run=Later("bench_data.run_data"))
