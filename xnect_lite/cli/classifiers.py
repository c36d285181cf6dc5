"""What the options of the published scripts come to: which networks, which GPU."""

from __future__ import annotations

import argparse
import sys

import torch

from xnect_lite.errors import XnectError
from xnect_lite.models.classifiers import CLASSIFIERS


def network_names(options: argparse.Namespace) -> list[str]:
    """The networks that --model-class and --model-config name (separated by commas); all of the class without the latter."""
    of_class = [n for n in CLASSIFIERS if options.model_class == "all" or n.startswith(options.model_class)]
    if options.model_config is None:
        return of_class
    names = [name.strip().lower().replace("_", "").replace("-", "") for name in options.model_config.split(",")]
    for name in names:
        if name not in of_class:
            cause = f"is unknown{'' if options.model_class == 'all' else f' in class {options.model_class}'}"
            raise XnectError(f"--model-config {options.model_config}", cause, f"Known: {', '.join(of_class)}")
    return list(dict.fromkeys(names))


def gpu_name(options: argparse.Namespace) -> str | None:
    """The --device that --gpu-id stands for; None without it.

    As published, --gpu-id means the CPU where there is no GPU at all, which is said on standard error; --device never does.
    """
    if options.gpu_id is None:
        return None
    if options.device is not None:
        raise XnectError("--gpu-id and --device", "both name a device", "Give one of them")
    if not torch.cuda.is_available():
        print(f"--gpu-id {options.gpu_id}: there is no CUDA GPU here; on the CPU, as the published script", file=sys.stderr)
        return None
    return f"cuda:{options.gpu_id}"
