"""Weight files of single-person networks: our own, which name their network, and DynConv's published checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xnect_lite.errors import XnectError
from xnect_lite.inference.published import read_state
from xnect_lite.inference.weights import load_state_into, read_weights
from xnect_lite.models.single import SingleNetwork, build_single


def load_single(path: str | Path, arch: Mapping[str, Any] | None = None) -> SingleNetwork:
    """The network of a weight file, filled, in eval mode.

    A .safetensors file of ours says what it is; for others (a published model_best.pth) ``arch`` has to. Raises XnectError for
    what does not fit.
    """
    path = Path(path)
    found: Mapping[str, Any] | None = arch
    if path.suffix == ".safetensors":
        if not path.is_file():
            raise XnectError(str(path), "no such weight file", "Check the path")
        found = read_weights(path)[1] or arch
    if not found:
        raise XnectError(str(path), "does not say which network it holds", "Give its configuration with --config")
    net = build_single(found)
    load_state_into(net, read_state(path), path)
    return net.eval()


def start_from(net: SingleNetwork, path: str | Path) -> list[str]:
    """Fill ``net`` with what a file has of it: a dense network's weights start a dynamic one. Returns what stays as it was.

    Raises XnectError if the file holds tensors of another network.
    """
    state = read_state(path)
    own = net.state_dict()
    odd = next((k for k, v in state.items() if k not in own or own[k].shape != v.shape), None)
    if odd is not None:
        raise XnectError(str(path), f"does not fit: '{odd}' is none of this network's", "Choose the matching network")
    net.load_state_dict(state, strict=False)
    return [k for k in own if k not in state and not k.endswith("num_batches_tracked")]


def weights_of_run(source: str | Path) -> Path:
    """A weight file as it is named, or of a run's folder the best, the last or the final weights, in this order.

    Raises XnectError if there are none.
    """
    source = Path(source)
    if not source.is_dir():
        if not source.is_file():
            raise XnectError(str(source), "no such run or weight file", "Check the path")
        return source
    files = [source / f"{name}.safetensors" for name in ("best", "last", "final")]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise XnectError(str(source), "holds no weights (best, last or final.safetensors)", "Name a run's folder")
    return found
