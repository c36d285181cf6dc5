"""The refiner's network: what it says before it has learnt anything, and what never changes."""

from __future__ import annotations

import pytest
import torch

from xnect_lite.models.compress import fuse
from xnect_lite.models.heads import OUTPUT_CHANNELS
from xnect_lite.models.refiner import CROP_CHANNELS, GRID, MAP_CHANNELS, Refiner
from xnect_lite.skeleton import NUM_JOINTS

SMALL = (8, 12, 16)


def _net(seed: int = 0) -> Refiner:
    """A small network with an answer of its own and norms with some statistics."""
    torch.manual_seed(seed)
    net = Refiner(SMALL)
    torch.nn.init.normal_(net.out.weight, std=0.3)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.normal_(module.weight, 1.0, 0.2)
            torch.nn.init.normal_(module.bias, std=0.2)
    return net.eval()


def _crops(people: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(people, CROP_CHANNELS, GRID, GRID, generator=torch.Generator().manual_seed(seed))


def test_it_looks_at_the_maps_of_joints_and_limbs_and_where_joints_were_found():
    assert MAP_CHANNELS == OUTPUT_CHANNELS["heatmaps"] + OUTPUT_CHANNELS["pafs"] + OUTPUT_CHANNELS["locations"] == 24 + 50 + 72
    assert CROP_CHANNELS == MAP_CHANNELS + NUM_JOINTS


@pytest.mark.parametrize("people", [1, 5])
@pytest.mark.parametrize("widths", [SMALL, (16, 16, 16)])
@torch.inference_mode()
def test_a_map_for_every_joint_of_everybody(people, widths):
    assert Refiner(widths).eval()(_crops(people)).shape == (people, NUM_JOINTS, GRID, GRID)


def test_size():
    assert sum(p.numel() for p in Refiner().parameters()) < 2e6


@torch.inference_mode()
def test_before_it_learns_it_says_what_the_heatmaps_say():
    net, crops = Refiner(SMALL).eval(), _crops(3)
    crops[:, :, :4] = 0  # a logarithm that would be infinite
    crops[:, :, 4] = -1  # or not be at all
    expected = net.gain * crops[:, :NUM_JOINTS].clamp_min(0.03).log()
    torch.testing.assert_close(net(crops), expected)
    assert torch.isfinite(expected).all()
    hottest = crops[:, :NUM_JOINTS].flatten(2).argmax(-1)
    assert torch.equal(net(crops).flatten(2).softmax(-1).argmax(-1), hottest)


@torch.inference_mode()
def test_people_do_not_see_one_another():
    net, crops = _net(), _crops(4)
    together = net(crops)
    for p in range(4):
        torch.testing.assert_close(net(crops[p : p + 1])[0], together[p], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("channel", [0, 24, 74, MAP_CHANNELS], ids=["heat", "limb", "location", "joint found"])
@torch.inference_mode()
def test_every_kind_of_map_is_looked_at_from_everywhere(channel):
    """What stands in one corner is heard of in the opposite one."""
    net, crops = _net(), _crops(1)
    other = crops.clone()
    other[:, channel, :4, :4] += 2.0
    assert ((net(other) - net(crops)).abs()[0, :, -4:, -4:].amax() > 1e-7).all()


@torch.inference_mode()
def test_folding_the_norms_changes_nothing():
    net, crops = _net(), _crops(3)
    fused = fuse(net)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in fused.modules())
    torch.testing.assert_close(fused(crops), net(crops), atol=1e-4, rtol=1e-4)


def test_everything_learns():
    net = _net().train()
    net(_crops(2)).square().mean().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())
