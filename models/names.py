"""The backbones by name, without torch, so that command lines can list and check them at once."""

from __future__ import annotations

SELECSLS = ("selecsls42", "selecsls42b", "selecsls60", "selecsls60b", "selecsls84", "selecsls102")
BACKBONE_NAMES = (*SELECSLS, "resnet50", "vovnet39", "mobilenet_v2", "hrnet_w32")
"""Every name that `backbones.build_backbone` takes."""
