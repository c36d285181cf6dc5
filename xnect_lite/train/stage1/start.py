"""The network that a Stage I run begins with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xnect_lite.errors import XnectError
from xnect_lite.inference.published import load_backbone_into, load_weights_into
from xnect_lite.inference.weights import load_network, read_weights
from xnect_lite.models.compress import shaped_like
from xnect_lite.models.dynamic.core import mask_names
from xnect_lite.models.xnect import XNect, build_xnect
from xnect_lite.train.search.begin import begin
from xnect_lite.train.search.config import SearchConfig
from xnect_lite.train.stage1.config import Stage1Config


def starting_network(config: Stage1Config, state: dict[str, Any] | None) -> XNect:
    """An empty network in the form of the ``state`` to be resumed; without one, a network filled from ``config.init`` if given.

    Fused and pruned networks keep their form: without norms, their kernels and biases learn. From a whole Stage I with heads of
    another kind than the configuration's, hand-made or fabrics, the backbone alone is taken.
    """
    net = _resumed(config, state) if state is not None else _started(config)
    begin(
        net, SearchConfig(config.arch_search_strategy, random_seed=config.seed), draw=state is None and not _has_fabrics(config)
    )
    return net


def _empty(config: Stage1Config) -> XNect:
    return XNect(config.backbone, config.stride, config.grouped, config.dynamic, config.heads)


def _resumed(config: Stage1Config, state: dict[str, Any]) -> XNect:
    arch = json.loads(state.get("arch", "{}"))
    net = _empty(config)
    if arch.get("dropped") and arch.get("heads") == json.loads(json.dumps(net.arch.get("heads"))):
        net = build_xnect(arch)
    return shaped_like(net, state["net"]) if _is_fused(arch) else net


def _started(config: Stage1Config) -> XNect:
    arch = _arch_in(config.init)
    net = _empty(config)
    if _is_fused(arch):
        if _other_kind(net, arch):
            raise XnectError(config.init, "is fused and has other heads", "Give weights as they were trained with --set init=")
        return load_network(Path(config.init), config.backbone)
    if _other_kind(net, arch):
        print(f"{config.init} has other heads: its backbone alone is taken", flush=True)
        load_backbone_into(net, config.init, mask_names(net.state_dict()))
    elif arch.get("dropped"):  # pruned fabrics keep their form, too
        net = load_network(Path(config.init), config.backbone)
    elif config.init:
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


def _arch_in(path: str) -> dict[str, Any]:
    """What a weight file of ours says of its network; nothing of another file, or of one that is not there."""
    ours = path.endswith(".safetensors") and Path(path).is_file()
    return read_weights(Path(path))[1] if ours else {}


def _has_fabrics(config: Stage1Config) -> bool:
    return "heads" in _arch_in(config.init)


def _other_kind(net: XNect, arch: dict[str, Any]) -> bool:
    """Whether a file of this ``arch`` is a Stage I with hand-made heads and ``net`` has fabrics, or the other way round."""
    return "encoding" in arch and ("heads" in arch) != ("heads" in net.arch)
