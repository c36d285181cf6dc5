"""Stage I assembled: maps of the right shape from every backbone, within the budget for the heads."""

from __future__ import annotations

import importlib.util

import pytest
import torch
from torch import nn

from xnect_lite.errors import XnectError
from xnect_lite.models.backbones import BACKBONES, build_backbone
from xnect_lite.models.heads import OUTPUT_CHANNELS, PoseHeads
from xnect_lite.models.torchvision_compat import import_torchvision
from xnect_lite.models.xnect import XNect, build_xnect


def _on_meta(backbone: str, **options) -> XNect:
    with torch.device("meta"):
        return XNect(backbone, **options)


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


GROUPED = [
    # backbone, 1e6 parameters with norms fused and 1e9 multiply-accumulates of the grouped core at 512x320
    ("selecsls60", 4.763, 6.32),  # of the released XNect network
    ("selecsls42", None, None),
    ("selecsls84", None, None),
    ("selecsls102", None, None),
]


@pytest.mark.parametrize(("backbone", "millions", "gmacs"), GROUPED)
def test_groups_make_the_core_cheaper_and_keep_its_shape(backbone, millions, gmacs):
    whole, grouped = _on_meta(backbone), _on_meta(backbone, grouped=True)
    cheap, dear = (_gmacs(net, 512, 320)["backbone"] for net in (grouped, whole))
    assert cheap < 0.75 * dear
    assert grouped.backbone.channels == whole.backbone.channels
    if millions:
        fused = [p for name, p in grouped.backbone.named_parameters() if p.ndim > 1 or name.endswith("bias")]
        assert sum(p.numel() for p in fused) / 1e6 == pytest.approx(millions, abs=6e-4)
        assert cheap == pytest.approx(gmacs, abs=0.005)


@pytest.mark.parametrize("backbone", ["resnet50", "vovnet39"])
def test_groups_where_there_are_none_are_an_error(backbone):
    with pytest.raises(XnectError, match=rf"{backbone}.*no grouped form.*selecsls60"):
        XNect(backbone, grouped=True)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_stride_4_gives_maps_of_twice_the_size(backbone):
    maps = _on_meta(backbone, stride=4)(torch.zeros(1, 3, 96, 160, device="meta"))
    assert {name: tuple(m.shape[1:]) for name, m in maps.items()} == {n: (c, 24, 40) for n, c in OUTPUT_CHANNELS.items()}


def test_other_strides_are_an_error():
    with pytest.raises(XnectError, match=r"stride 16.*Choose one of 8, 4"):
        XNect("selecsls42", stride=16)


@torch.inference_mode()
def test_every_finest_feature_reaches_the_maps_of_stride_4():
    """A change of one stride-4 cell changes the maps there and leaves those far away alone."""
    torch.manual_seed(0)
    heads = PoseHeads(8, 8, 8).eval()
    coarse, fine, finest = torch.randn(1, 8, 8, 8), torch.randn(1, 8, 16, 16), torch.randn(1, 8, 32, 32)
    changed = finest.clone()
    changed[..., 10, 20] += 5.0
    before, after = heads(coarse, fine, finest), heads(coarse, fine, changed)
    for name in OUTPUT_CHANNELS:
        moved = (after[name] - before[name]).abs().amax((0, 1)) > 0
        assert moved[10, 20], name
        assert not moved[:, 24:].any() and not moved[14:].any(), name


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
    arch = _on_meta("selecsls42", stride=4, grouped=True).arch
    assert arch == {"backbone": "selecsls42", "stride": 4, "encoding": 1, "grouped": True}
    with torch.device("meta"):
        assert build_xnect(arch).arch == arch


# -- torchvision beside a CPU-only torch -----------------------------------------------------------------------------


def test_torchvision_can_be_imported_again_and_again():
    assert import_torchvision().models.resnet50 is import_torchvision().models.resnet50


def test_without_torchvision_resnet_says_what_to_install(monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "torchvision" else find_spec(name, *a))
    with pytest.raises(XnectError, match=r"torchvision: is not installed; ResNet-50.* pip install torchvision"):
        build_backbone("resnet50")
    build_backbone("selecsls42")  # the others do not need it


def test_torch_compile_finds_one_graph():
    """Without a break, that is: nothing in a forward pass leaves what can be traced."""
    import torch._dynamo

    torch._dynamo.reset()
    found = torch._dynamo.explain(XNect("selecsls60").eval())(torch.zeros(1, 3, 32, 32))
    assert (found.graph_break_count, found.graph_count) == (0, 1), found.break_reasons
