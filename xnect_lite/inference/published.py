"""Read weights that others published: the SelecSLS authors' files, timm's and torchvision's.

Nothing is executed: safetensors, or torch.load restricted to tensors.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import torch
from torch import Tensor, nn

from xnect_lite.errors import XnectError
from xnect_lite.inference.weights import load_state_into, read_weights, unwrapped
from xnect_lite.models.classifiers import build_classifier
from xnect_lite.models.reference import backbone_state, own_keys
from xnect_lite.models.xnect import XNect

_LAST_LAYER = {"resnet50": "fc.weight", "vovnet39": "classifier.weight"}


def load_classifier(name: str, path: str | Path) -> nn.Module:
    """Build classifier ``name`` and fill it from ``path``, with as many classes as the file has. In eval mode.

    Raises XnectError naming file, what was expected, what was found and what to do.
    """
    state = own_keys(name, read_state(path))
    last = state.get(_LAST_LAYER.get(name, "classifier.0.weight"))
    if last is None or last.ndim != 2:
        build_classifier(name)  # an unknown name is the first thing to report
        raise XnectError(str(path), f"has no last layer of {name}", "Choose the matching name for this file")
    net = build_classifier(name, len(last))
    expected = {k: tuple(v.shape) for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    found = {k: tuple(v.shape) for k, v in state.items() if not k.endswith("num_batches_tracked")}
    if found != expected:
        key = min(k for k in expected.keys() | found.keys() if expected.get(k) != found.get(k))
        cause = f"does not fit {name}: '{key}' should be {expected.get(key, 'absent')}, found {found.get(key, 'nothing')}"
        hint = "Choose the matching name for this file"
        if name == "selecsls84" and key == "head.3.0.weight" and found.get(key, ())[2:] == (3, 3):
            hint = "timm's selecsls84 differs from the published network here: use the published file"
        raise XnectError(str(path), cause, hint)
    net.load_state_dict(state, strict=False)
    return net.eval()


def read_state(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors file or of a .pth/.pt/.bin state dict, in single precision."""
    path = Path(path)
    if not path.is_file():
        raise XnectError(str(path), "no such weight file", "Check the path")

    if path.suffix == ".safetensors":
        return read_weights(path)[0]
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # truncated archives, foreign formats and forbidden objects raise a dozen different types
        cause = f"is no file of plain tensors ({(str(error) or repr(error)).splitlines()[0]})"
        raise XnectError(str(path), cause, "Fetch it again, or convert it to safetensors") from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not state or not all(isinstance(v, Tensor) for v in state.values()):
        raise XnectError(str(path), "is no state dict (names with tensors)", "Save net.state_dict() and use that file")
    return {k: v.float() if v.is_floating_point() else v for k, v in unwrapped(state).items()}


def load_backbone_into(net: XNect, path: str | Path, may_lack: Collection[str] = ()) -> None:
    """Fill the backbone of ``net`` from a file that holds a whole Stage I; its tensors of ``may_lack`` need not be there."""
    state = {k: v for k, v in read_state(path).items() if k.startswith("backbone.")}
    present = net.state_dict()
    own = {k: v for k, v in present.items() if not k.startswith("backbone.") or (k in may_lack and k not in state)}
    load_state_into(net, {**own, **state}, path)


def load_weights_into(net: XNect, path: str | Path, may_lack: Collection[str] = ()) -> None:
    """Start a network from a file that holds a whole Stage I, or only its backbone as published, by timm or by torchvision.

    A published classifier's last layers are left out. Tensors of ``may_lack`` stay as they are where the file has none.
    """
    state = read_state(path)
    if not any(k.startswith("backbone.") for k in state):
        own = {f"backbone.{k}": v for k, v in backbone_state(net.arch["backbone"], state).items()}
        heads = {k: v for k, v in net.state_dict().items() if not k.startswith("backbone.")}
        state = {**heads, **own}
    present = net.state_dict()
    load_state_into(net, {**{k: present[k] for k in may_lack if k not in state}, **state}, path)
