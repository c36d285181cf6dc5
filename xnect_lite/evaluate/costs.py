"""What one picture costs Stage I: parameters and multiply-accumulates."""

from __future__ import annotations

import torch

from xnect_lite.config import NetworkConfig
from xnect_lite.inference.weights import find_weights, load_network
from xnect_lite.models.compress import count
from xnect_lite.stages.network import net_size


def costs(config: NetworkConfig, frame_size: tuple[int, int], passes: int = 1) -> dict[str, float]:
    """m_parameters, gmacs_per_picture for pictures of ``frame_size``; nothing for a network exported to another form."""
    path = find_weights(config.backbone, config.weights)
    if path.suffix != ".safetensors":
        return {}
    width, height = net_size(config, frame_size)
    cost = count(load_network(path, config.backbone), torch.zeros(1, 3, height, width))
    return {"m_parameters": cost.parameters / 1e6, "gmacs_per_picture": passes * cost.macs / 1e9}
