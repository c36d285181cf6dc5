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


def backbone_state(name: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A published classifier's tensors under the names of the backbone module ``name``, the layers after stride 16 left out."""
    state = own_keys(name, state)
    if name == "resnet50":
        state = {re.sub(r"^(conv1|bn1)\.", lambda m: f"stem.{['conv1', 'bn1'].index(m[1])}.", k): v for k, v in state.items()}
        return {k: v for k, v in state.items() if not k.startswith(("layer4.", "fc."))}
    dropped = ("head.", "classifier.", "stages.3.")
    return {f"core.{k}": v for k, v in state.items() if not k.startswith(dropped)}
