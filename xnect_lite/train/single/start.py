"""The network that a single-person run begins with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xnect_lite.errors import XnectError
from xnect_lite.inference.published import read_state
from xnect_lite.inference.single import start_from
from xnect_lite.inference.weights import load_state_into, read_weights
from xnect_lite.models.fabric.network import PartFabrics
from xnect_lite.models.fabric.single import FabricSingle
from xnect_lite.models.reference import backbone_state
from xnect_lite.models.single import SingleNetwork, build_single
from xnect_lite.train.search.begin import begin
from xnect_lite.train.single.config import SingleConfig, arch_of


def starting_single(config: SingleConfig, state: dict[str, Any] | None) -> SingleNetwork:
    """An empty network in the form of the ``state`` to be resumed; without one, filled from ``config.init`` if given.

    What pruning took out of a fabric stays out. Raises XnectError for files that do not fit.
    """
    arch = arch_of(config)
    before = _arch_before(config, state)
    if before.get("dropped"):
        arch["dropped"] = before["dropped"]
    net = build_single(arch)
    if state is None and config.backbone_pretrained_path:
        _load_backbone(net, config.backbone_pretrained_path)
    if state is None and config.init:
        start_from(net, config.init)
    begin(net, config.search, draw=state is None and not config.init)
    if config.frozen_backbone:
        _fabrics_of(net, "frozen_backbone").pyramid.backbone.requires_grad_(False)
    return net


def _arch_before(config: SingleConfig, state: dict[str, Any] | None) -> dict[str, Any]:
    """The architecture of what is gone on with, as far as it says one."""
    if state is not None:
        return dict(json.loads(state.get("arch", "{}")))
    ours = config.init.endswith(".safetensors") and Path(config.init).is_file()
    return read_weights(Path(config.init))[1] if ours else {}


def _load_backbone(net: SingleNetwork, path: str) -> None:
    pyramid = _fabrics_of(net, "backbone_pretrained_path").pyramid
    name = net.arch["fabric"]["backbone_net_name"]
    deepest = max(getattr(pyramid.backbone, "channels", {16: 0}))
    load_state_into(pyramid.backbone, backbone_state(name, read_state(path), deepest), path)


def _fabrics_of(net: SingleNetwork, key: str) -> PartFabrics:
    if not isinstance(net, FabricSingle):
        raise XnectError(
            f"configuration key '{key}'", f"is none of the network '{net.arch['network']}'", "Write network: fabric"
        )
    return net.net
