"""Stage I assembled: maps of the right shape from every backbone, within the budget for the heads."""

from __future__ import annotations

import importlib.util

import pytest
import torch
from torch import nn

from xnect_lite.errors import XnectError
from xnect_lite.models.backbones import BACKBONES, build_backbone
from xnect_lite.models.heads import OUTPUT_CHANNELS
from xnect_lite.models.torchvision_compat import import_torchvision
from xnect_lite.models.xnect import XNect


def _on_meta(backbone: str) -> XNect:
    with torch.device("meta"):
        return XNect(backbone)


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize(("width", "height"), [(512, 320), (320, 512), (208, 112)])
def test_one_word_swaps_the_backbone_and_maps_keep_their_shape(backbone, width, height):
    maps = _on_meta(backbone)(torch.zeros(2, 3, height, width, device="meta"))
    assert {name: tuple(m.shape) for name, m in maps.items()} == {
        "heatmaps": (2, 24, height // 8, width // 8),
        "centre": (2, 1, height // 8, width // 8),
        "pafs": (2, 50, height // 8, width // 8),
        "locations": (2, 72, height // 8, width // 8),
        "depth": (2, 1, height // 8, width // 8),
    }
    assert list(maps) == list(OUTPUT_CHANNELS)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_backbones_give_the_strides_asked_for_in_that_order(backbone):
    with torch.device("meta"):
        net = build_backbone(backbone)
    maps = net(torch.zeros(1, 3, 64, 96, device="meta"), (16, 4, 8))
    for stride, found in zip((16, 4, 8), maps, strict=True):
        assert found.shape == (1, net.channels[stride], 64 // stride, 96 // stride)


def test_an_unknown_backbone_is_an_error_that_names_the_known_ones():
    with pytest.raises(XnectError, match=r"selecsls61.*unknown.*selecsls60.*resnet50"):
        XNect("selecsls61")


def _gmacs(net: nn.Module, width: int, height: int) -> dict[str, float]:
    """Multiply-accumulates of all convolutions, in 1e9, by the first part of their name."""
    counts: dict[str, float] = {}

    def count(name: str):
        def hook(conv: nn.Conv2d, _inputs, output: torch.Tensor) -> None:
            per_value = conv.in_channels // conv.groups * conv.kernel_size[0] * conv.kernel_size[1]
            part = name.split(".")[0]
            counts[part] = counts.get(part, 0.0) + output.numel() * per_value / 1e9

        return hook

    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count(name))
    net(torch.zeros(1, 3, height, width, device="meta"))
    return counts


def test_heads_cost_at_most_a_quarter_of_the_core():
    gmacs = _gmacs(_on_meta("selecsls60"), 512, 320)
    assert gmacs["backbone"] == pytest.approx(9.56, abs=0.005)  # the published core, whole
    assert 0 < gmacs["heads"] <= 0.25 * 9.56


def test_normalisation_is_a_buffer_and_takes_bytes_to_imagenets_scale():
    net = _on_meta("selecsls42")
    buffers, parameters = dict(net.named_buffers()), dict(net.named_parameters())
    assert {"mean", "deviation"} <= buffers.keys() and not {"mean", "deviation"} & parameters.keys()
    assert {"mean", "deviation"} <= net.state_dict().keys()
    net = XNect("selecsls42")
    seen = []
    net.backbone.register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0]))
    grey = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1) * 255
    net.eval()(grey.expand(1, 3, 32, 32))
    torch.testing.assert_close(seen[0], torch.zeros(1, 3, 32, 32), atol=1e-5, rtol=0)
    net(torch.full((1, 3, 32, 32), 255.0))
    expected = torch.tensor([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])
    torch.testing.assert_close(seen[1][0, :, 0, 0], expected, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_a_new_network_sees_next_to_nobody():
    torch.manual_seed(0)
    net = XNect("selecsls42")  # training mode: the norms use the batch, so features have their usual size
    maps = net(torch.randint(0, 256, (2, 3, 96, 128)).float())
    for name in ("heatmaps", "centre"):
        assert maps[name].sigmoid().mean() == pytest.approx(0.01, abs=0.004), name
    assert maps["pafs"].mean().abs() < 0.1


def test_arch_names_what_rebuilds_the_network():
    assert _on_meta("resnet50").arch == {"backbone": "resnet50", "stride": 8, "encoding": 1}


# -- torchvision beside a CPU-only torch -----------------------------------------------------------------------------


def test_torchvision_can_be_imported_again_and_again():
    assert import_torchvision().models.resnet50 is import_torchvision().models.resnet50


def test_without_torchvision_resnet_says_what_to_install(monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "torchvision" else find_spec(name, *a))
    with pytest.raises(ImportError, match=r"torchvision is not installed.*pip install torchvision"):
        build_backbone("resnet50")
    build_backbone("selecsls42")  # the others do not need it
