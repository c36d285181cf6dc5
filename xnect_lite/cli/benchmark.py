"""``xnect-lite benchmark``: how fast the parts run on this machine."""

from __future__ import annotations

import argparse

from xnect_lite.cli.benchmark_pipeline import add_pipeline_action
from xnect_lite.cli.benchmark_soak import add_soak_action
from xnect_lite.cli.figures import print_figures
from xnect_lite.errors import XnectError


def add(verbs: argparse._SubParsersAction) -> None:
    """Register the verb."""
    benchmark = verbs.add_parser("benchmark", help="how fast the parts run on this machine")
    actions = benchmark.add_subparsers(dest="action", required=True, metavar="ACTION")

    add_pipeline_action(actions)
    add_soak_action(actions)
    data = actions.add_parser("data", help="training canvases per second: augmentation and targets")
    data.add_argument("--archive", required=True, metavar="PATH", help="from data pack or synth render, a file or a folder")
    data.add_argument("--limit", type=int, default=300, help="pictures to take, evenly spread (default 300; 0 = all)")
    data.add_argument("--width", type=int, default=512, help="of a canvas, network pixels (default 512)")
    data.add_argument("--height", type=int, default=320, help="of a canvas, network pixels (default 320)")
    data.add_argument("--batch", type=int, default=16, help="canvases at once (default 16)")
    data.add_argument("--batches", type=int, default=10, help="batches to time (default 10)")
    data.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default auto)")
    data.add_argument("--json", action="store_true", help="print the figures as JSON")
    data.set_defaults(run=_data)


def _data(options: argparse.Namespace) -> int:
    for name in ("width", "height", "batch", "batches"):
        if getattr(options, name) < 1:
            raise XnectError(f"--{name}", f"is {getattr(options, name)}", "Give 1 or more")
    if options.width % 16 or options.height % 16:
        raise XnectError("--width, --height", f"are {options.width}, {options.height}", "Give multiples of 16")

    from dataclasses import asdict

    import torch

    from xnect_lite.benchmark.data import time_data
    from xnect_lite.data.archives.parts import read_packed
    from xnect_lite.data.canvases.config import AugmentConfig
    from xnect_lite.data.sample import evenly
    from xnect_lite.inference.devices import choose_device, device_title

    device = choose_device(options.device)
    samples = evenly(read_packed(options.archive, "train"), max(options.limit, 0))
    size = options.width, options.height
    timing = time_data(samples, AugmentConfig(), size, options.batch, options.batches, device)
    figures = {
        **asdict(timing), "width": options.width, "height": options.height, "batch": options.batch,
        "device": device_title(device), "threads": torch.get_num_threads(),
    }  # fmt: skip
    print_figures(figures, options.json, digits=1)
    return 0
