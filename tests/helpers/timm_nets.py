"""timm's classifiers, to compare with."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from xnect_lite.models.torchvision_compat import import_torchvision


def timm_net(name: str, num_classes: int) -> nn.Module:
    """timm's network with random weights and, so that batch norms matter, random statistics."""
    import_torchvision()  # timm imports torchvision, whose compiled operators may not load beside this torch
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    net = timm.create_model(name, pretrained=False, num_classes=num_classes)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return net.eval()
