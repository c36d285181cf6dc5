"""``xnect-lite bench data``: training canvases per second on this machine."""

from __future__ import annotations

import argparse
from dataclasses import asdict

import torch

from xnect_lite.benchmark.data import time_data
from xnect_lite.cli.figures import print_figures
from xnect_lite.data.archives.parts import read_packed
from xnect_lite.data.canvases.config import AugmentConfig
from xnect_lite.data.sample import evenly
from xnect_lite.errors import XnectError
from xnect_lite.inference.devices import choose_device, device_title


def run_data(options: argparse.Namespace) -> int:
    for name in ("width", "height", "batch", "batches"):
        if getattr(options, name) < 1:
            raise XnectError(f"--{name}", f"is {getattr(options, name)}", "Give 1 or more")
    if options.width % 16 or options.height % 16:
        raise XnectError("--width, --height", f"are {options.width}, {options.height}", "Give multiples of 16")

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
