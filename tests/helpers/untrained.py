"""The weight file of a network that nobody trained: it finds nobody, but everything around it runs."""

from __future__ import annotations

from pathlib import Path

import torch

from xnect_lite.inference.weights import save_weights
from xnect_lite.models.xnect import XNect


def untrained_weights(folder: Path) -> Path:
    torch.manual_seed(0)
    net = XNect("selecsls42")
    path = folder / "xnect_selecsls42.safetensors"
    save_weights(path, net.state_dict(), net.arch)
    return path
