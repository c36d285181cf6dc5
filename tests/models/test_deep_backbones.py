"""Backbones that go on to stride 32: their maps, and files of ImageNet weights as others publish them."""

from __future__ import annotations

import importlib.util

import pytest
import torch

from xnect_lite.models.backbones import TO_STRIDE_32, build_backbone
from xnect_lite.models.reference import backbone_state
from xnect_lite.models.torchvision_compat import import_torchvision

CHANNELS = [
    ("resnet18", [64, 128, 256, 512]), ("resnet34", [64, 128, 256, 512]), ("resnet50", [256, 512, 1024, 2048]),
    ("resnet101", [256, 512, 1024, 2048]), ("resnet152", [256, 512, 1024, 2048]), ("mobilenet_v2", [24, 32, 96, 160]),
    ("hrnet_w32", [32, 64, 128, 256]),
]  # fmt: skip


def test_every_deep_backbone_is_listed_here():
    assert [name for name, _ in CHANNELS] == list(TO_STRIDE_32)


@pytest.mark.parametrize(("name", "channels"), CHANNELS)
def test_maps_of_four_strides(name, channels):
    with torch.device("meta"):
        net = TO_STRIDE_32[name]()
    maps = net(torch.zeros(1, 3, 96, 72, device="meta"), (4, 8, 16, 32))
    assert [m.shape[1] for m in maps] == channels == list(net.channels.values())
    assert [tuple(m.shape[2:]) for m in maps] == [(24, 18), (12, 9), (6, 5), (3, 3)]


@pytest.mark.parametrize(("name", "deepest"), [("resnet18", 32), ("mobilenet_v2", 16), ("mobilenet_v2", 32)])
def test_torchvisions_files_fit(name, deepest):
    published = getattr(import_torchvision().models, name)(weights=None).state_dict()
    net = TO_STRIDE_32[name]() if deepest == 32 else build_backbone(name)
    net.load_state_dict(backbone_state(name, published, deepest))


@pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="timm is not installed")
@pytest.mark.parametrize("deepest", [16, 32])
def test_the_hrnet_authors_files_fit_and_say_the_same(deepest):
    """timm's HRNet has the authors' names; its branches of the third stage are compared, at equal weights."""
    import_torchvision()  # timm imports it, too
    import timm

    torch.manual_seed(0)
    published = timm.create_model("hrnet_w32", pretrained=False).eval()
    net = TO_STRIDE_32["hrnet_w32"]() if deepest == 32 else build_backbone("hrnet_w32")
    net.eval().load_state_dict(backbone_state("hrnet_w32", published.state_dict(), deepest))
    picture = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        x = published.act2(published.bn2(published.conv2(published.act1(published.bn1(published.conv1(picture))))))
        x = published.layer1(x)
        maps = published.stage2([t(x) for t in published.transition1])
        maps = published.stage3([t(maps[-1]) if not isinstance(t, torch.nn.Identity) else maps[i]
                                 for i, t in enumerate(published.transition2)])  # fmt: skip
        for found, expected in zip(net(picture, (4, 8, 16)), maps, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
