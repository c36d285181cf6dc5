"""Read classifier weights that others published: the SelecSLS authors' files, timm's and torchvision's.

Nothing is executed: safetensors, or torch.load restricted to tensors.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor, nn

from xnect_lite.errors import XnectError
from xnect_lite.models.classifiers import build_classifier
from xnect_lite.models.selecsls import CONFIGS

_VOVNET_KEYS = (  # timm's names -> ours
    (re.compile(r"^stages\.0\.blocks\.(\d+)\."), lambda m: f"stages.0.{m[1]}."),
    (re.compile(r"^stages\.([1-3])\.blocks\.(\d+)\."), lambda m: f"stages.{m[1]}.{int(m[2]) + 1}."),  # after the pooling
    (re.compile(r"\.conv_mid\.(\d+)\."), lambda m: f".layers.{m[1]}."),
    (re.compile(r"\.conv_concat\."), lambda m: ".fuse."),
    (re.compile(r"\.conv\.weight$"), lambda m: ".0.weight"),
    (re.compile(r"\.bn\."), lambda m: ".1."),
    (re.compile(r"^head\.fc\."), lambda m: "classifier."),
)
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
        from xnect_lite.weights import read_weights

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
    from xnect_lite.weights import unwrapped

    return unwrapped({str(k): v.float() if v.is_floating_point() else v for k, v in state.items()})


def own_keys(name: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename timm's keys to ours; the published files' and torchvision's pass unchanged."""
    state = {k.removeprefix("module."): v for k, v in state.items()}
    if name in CONFIGS:
        return {re.sub(r"^fc\.", "classifier.0.", k): v for k, v in state.items()}
    if name == "vovnet39":
        for pattern, replace in _VOVNET_KEYS:
            state = {pattern.sub(replace, k): v for k, v in state.items()}
    return state


def backbone_state(name: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A published classifier's tensors under the names of the backbone module ``name``, the layers after stride 16 left out."""
    state = own_keys(name, state)
    if name == "resnet50":
        state = {re.sub(r"^(conv1|bn1)\.", lambda m: f"stem.{['conv1', 'bn1'].index(m[1])}.", k): v for k, v in state.items()}
        return {k: v for k, v in state.items() if not k.startswith(("layer4.", "fc."))}
    dropped = ("head.", "classifier.", "stages.3.")
    return {f"core.{k}": v for k, v in state.items() if not k.startswith(dropped)}
