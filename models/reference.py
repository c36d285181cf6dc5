"""Names of the tensors in weight files that others published, turned into ours: the SelecSLS authors', timm's,
torchvision's. `inference.published` reads the files.
"""

from __future__ import annotations

import re

from torch import Tensor

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


def own_keys(name: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename timm's keys to ours; the published files' and torchvision's pass unchanged."""
    if name in CONFIGS:
        return {re.sub(r"^fc\.", "classifier.0.", k): v for k, v in state.items()}
    if name == "vovnet39":
        for pattern, replace in _VOVNET_KEYS:
            state = {pattern.sub(replace, k): v for k, v in state.items()}
    return state


_MOBILENET_LAYERS = {16: 14, 32: 17}  # deepest stride -> layers of torchvision's MobileNetV2 up to it


def backbone_state(name: str, state: dict[str, Tensor], deepest: int = 16) -> dict[str, Tensor]:
    """A published classifier's tensors under the names of the backbone module ``name``, the layers after stride ``deepest``
    left out.
    """
    state = own_keys(name, state)
    if name.startswith("resnet"):
        state = {re.sub(r"^(conv1|bn1)\.", lambda m: f"stem.{['conv1', 'bn1'].index(m[1])}.", k): v for k, v in state.items()}
        return {k: v for k, v in state.items() if not k.startswith(("fc.",) if deepest == 32 else ("layer4.", "fc."))}
    if name == "mobilenet_v2":
        return {k: v for k, v in state.items() if k.startswith("features.") and _layer(k) < _MOBILENET_LAYERS[deepest]}
    if name == "hrnet_w32":  # the authors' and timm's files go on to a fourth stage
        kept: tuple[str, ...] = (
            "conv1.",
            "bn1.",
            "conv2.",
            "bn2.",
            "layer1.",
            "transition1.",
            "stage2.",
            "transition2.",
            "stage3.",
        )
        if deepest == 32:
            kept = (*kept, "transition3.")
        return {f"core.{k}": v for k, v in state.items() if k.startswith(kept)}
    dropped = ("head.", "classifier.", "stages.3.")
    return {f"core.{k}": v for k, v in state.items() if not k.startswith(dropped)}


def _layer(key: str) -> int:
    return int(key.split(".")[1])
