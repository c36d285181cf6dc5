"""The network that a Stage I run begins with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xnect_lite.inference.published import load_weights_into
from xnect_lite.inference.weights import load_network, read_weights
from xnect_lite.models.compress import shaped_like
from xnect_lite.models.dynamic.core import mask_names
from xnect_lite.models.xnect import XNect
from xnect_lite.train.stage1.config import Stage1Config


def starting_network(config: Stage1Config, state: dict[str, Any] | None) -> XNect:
    """An empty network in the form of the ``state`` to be resumed; without one, a network filled from ``config.init`` if given.

    Fused and pruned networks keep their form: without norms, their kernels and biases learn.
    """
    if state is not None:
        net = XNect(config.backbone, config.stride, config.grouped, config.dynamic)
        return shaped_like(net, state["net"]) if _is_fused(json.loads(state.get("arch", "{}"))) else net
    if config.init.endswith(".safetensors") and Path(config.init).is_file() and _is_fused(read_weights(Path(config.init))[1]):
        return load_network(Path(config.init), config.backbone)
    net = XNect(config.backbone, config.stride, config.grouped, config.dynamic)
    if config.init:
        load_weights_into(net, config.init, mask_names(net.state_dict()))
    return net


def freeze(net: XNect, stride: int) -> None:
    """Keep the backbone's weights up to the map of this ``stride``: no gradient is computed there. 0 = keep none.

    Norms there go on using each batch's statistics, and averaging them.
    """
    for layer in net.backbone.layers_to(stride) if stride else []:
        layer.requires_grad_(False)


def _is_fused(arch: dict[str, Any]) -> bool:
    return arch.get("form") == "fused"
