"""Mask units: where a block runs.

After Verelst and Tuytelaars, "Dynamic Convolutions: Exploiting Spatial Sparsity for Faster Inference" (CVPR 2020): a 1x1
convolution gives a logit per pixel. In training, the difference of two Gumbel draws is added, so that a pixel is active with
probability sigmoid(logit); forward the decision is hard, backward it is the sigmoid's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from xnect_lite.models.dynamic.options import DynamicConfig

_EPSILON = 1e-8


class MaskUnit(nn.Module):
    """(B, C, H, W) features -> (B, 1, H, W) mask of 0 and 1 in the features' type. ``noisy``: whether training draws."""

    def __init__(self, channels: int, temperature: float = 1.0, start_logit: float = 0.0) -> None:
        super().__init__()
        self.maskconv = nn.Conv2d(channels, 1, 1)
        if start_logit:
            assert self.maskconv.bias is not None
            nn.init.constant_(self.maskconv.bias, start_logit)
        self.temperature, self.noisy = temperature, True

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return (self._logit(x) >= 0).to(x.dtype)
        logit = self.maskconv(x)
        return hard_mask(logit.float(), self.temperature, self.noisy).to(x.dtype)

    def _logit(self, x: Tensor) -> Tensor:
        """The convolution as the product of a matrix and a vector: one channel out is what libraries are slowest at."""
        weight, bias = self.maskconv.weight, self.maskconv.bias
        assert bias is not None
        batch, channels, height, width = x.shape
        rows = x.permute(0, 2, 3, 1).reshape(-1, channels)
        return (torch.mv(rows, weight.view(channels)) + bias).view(batch, 1, height, width)


def hard_mask(logit: Tensor, temperature: float = 1.0, noisy: bool = True) -> Tensor:
    """0 or 1 where the sigmoid of logit (plus noise) over temperature is at least one half; its gradient is the sigmoid's."""
    if noisy:
        logit = logit + _gumbel(logit) - _gumbel(logit)
    soft = torch.sigmoid(logit / temperature)
    return ((soft >= 0.5).to(soft.dtype) - soft).detach() + soft


def _gumbel(like: Tensor) -> Tensor:
    return -torch.log(-torch.log(torch.rand_like(like) + _EPSILON) + _EPSILON)


def dilated(mask: Tensor) -> Tensor:
    """The mask grown by one pixel all round: what a 3x3 convolution at active pixels reads. Passes no gradient."""
    return functional.max_pool2d(mask.detach(), 3, stride=1, padding=1)


def set_noise(net: nn.Module, epoch: float, options: DynamicConfig) -> None:
    """Turn the noise of every mask unit off from the epoch on that ``options`` name."""
    for module in net.modules():
        if isinstance(module, MaskUnit):
            module.noisy = epoch < options.noise_off_epoch
