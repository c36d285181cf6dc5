"""What the trainings that take minutes have in common: how they begin, and their optimiser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from xnect_lite.config import as_dict
from xnect_lite.train.checkpoint import prepare_folder


def begin(config: Any) -> Path:
    """The run's folder, with its configuration in it; threads and seed set. ``config`` has out, threads and seed.

    Raises XnectError if the folder cannot be made.
    """
    out = Path(config.out)
    prepare_folder(out, resume=False)
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    (out / "config.json").write_text(json.dumps(as_dict(config), indent=2))
    return out


def adamw(net: nn.Module, rate: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW that lets matrices and kernels decay, and biases, norms and gains not."""
    decay: list[torch.nn.Parameter] = []
    keep: list[torch.nn.Parameter] = []
    for parameter in net.parameters():
        (keep if parameter.numel() == max(parameter.shape) else decay).append(parameter)  # one axis longer than 1: a vector
    return torch.optim.AdamW([{"params": decay, "weight_decay": weight_decay}, {"params": keep, "weight_decay": 0.0}], lr=rate)
