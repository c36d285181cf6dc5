"""Where the masks of a trained Stage I begin: at the people it already sees.

Left to themselves, masks that begin everywhere first lose the places with strong features, which are people, because there a
unit's weights move the logit most. A long run mends this, a short one does not: so each mask unit is first fitted, by logistic
regression on the features it reads, to the network's own heat maps; then everything learns together. An addition of ours.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from xnect_lite.models.dynamic.masks import MaskUnit
from xnect_lite.models.xnect import XNect

_ROWS = 40_000  # pixels that a unit is fitted to
_STEPS, _RATE, _DECAY = 200, 0.05, 1e-3


def begin_at_people(net: XNect, canvases: Iterable[Tensor], target: float) -> dict[str, float]:
    """Fit every mask unit so that the share ``target`` of all pixels is active, those nearest to people.

    canvases: (B, 3, H, W) 0..255 as the network will see them; the network must be trained. Returns for each unit the share of
    its active pixels that it was to find.
    """
    was_training, pictures = net.training, list(canvases)
    net.eval()
    units = {name: module for name, module in net.named_modules() if isinstance(module, MaskUnit)}
    for unit in units.values():  # everything active: what the dense network sees
        _set(unit, torch.zeros(unit.maskconv.in_channels), 1.0)
    heat = [_nearness(net, image) for image in pictures]
    # One after the other: what a unit reads depends on the masks before it.
    precision = {name: _fit(unit, *_what_it_reads(net, unit, pictures, heat), target) for name, unit in units.items()}
    net.train(was_training)
    return precision


@torch.no_grad()
def _nearness(net: XNect, image: Tensor) -> Tensor:
    """(B, 1, h, w) 0..1, how much of a person the network sees there: limbs, not their joints alone."""
    heat = net(image)["heatmaps"].float().sigmoid().amax(1, keepdim=True)
    return functional.max_pool2d(heat, 3, stride=1, padding=1)


@torch.no_grad()
def _what_it_reads(net: XNect, unit: MaskUnit, canvases: list[Tensor], heat: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Features (N, C) of pixels as the unit reads them, and their nearness to people (N,)."""
    read: list[Tensor] = []
    hook = unit.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    made, rows = torch.Generator().manual_seed(0), []
    for image, near in zip(canvases, heat, strict=True):
        net(image)
        features = read.pop()
        there = functional.interpolate(near, size=features.shape[-2:], mode="bilinear", align_corners=False).flatten()
        flat = features.permute(0, 2, 3, 1).flatten(0, 2)
        chosen = torch.randperm(len(flat), generator=made)[: _ROWS // len(canvases) + 1].to(flat.device)
        rows.append((flat[chosen].float(), there[chosen]))
    hook.remove()
    return torch.cat([f for f, _ in rows]), torch.cat([n for _, n in rows])


def _fit(unit: MaskUnit, features: Tensor, near: Tensor, target: float) -> float:
    """Logistic regression on standardised features; the threshold is where the target's share is above it."""
    wanted = (near >= near.quantile(1 - target)).float()
    mean, deviation = features.mean(0), features.std(0).clamp_min(1e-4)
    standard = (features - mean) / deviation
    weight = torch.zeros(features.shape[1], device=features.device, requires_grad=True)
    bias = torch.zeros((), device=features.device, requires_grad=True)
    optimizer = torch.optim.Adam([weight, bias], lr=_RATE)
    with torch.enable_grad():
        for _ in range(_STEPS):
            loss = functional.binary_cross_entropy_with_logits(standard @ weight + bias, wanted)
            loss = loss + _DECAY * weight.square().sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        scaled = weight / deviation
        logits = features @ scaled
        threshold = logits.quantile(1 - target)
        _set(unit, scaled, -float(threshold))
        return float(wanted[logits >= threshold].mean())


@torch.no_grad()
def _set(unit: MaskUnit, weight: Tensor, bias: float) -> None:
    unit.maskconv.weight.copy_(weight.view(1, -1, 1, 1))
    assert unit.maskconv.bias is not None
    nn.init.constant_(unit.maskconv.bias, bias)
