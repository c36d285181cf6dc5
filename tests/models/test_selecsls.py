"""The SelecSLS family against the published figures and an independent implementation."""

from __future__ import annotations

import re

import pytest
import torch
from timm_nets import timm_net
from torch import nn

from xnect_lite.models.selecsls import CONFIGS, build_selecsls

PUBLISHED = [
    # name, millions of parameters, weight layers, channels at stride 4, 8, 16
    ("selecsls42", 30.355, 42, (128, 288, 480)),
    ("selecsls42b", 32.458, 42, (128, 288, 480)),
    ("selecsls60", 30.671, 60, (128, 288, 416)),
    ("selecsls60b", 32.774, 60, (128, 288, 416)),
    ("selecsls84", 40.469, 84, (144, 304, 512)),
    ("selecsls102", 40.456, 102, (128, 288, 480)),
]


@pytest.mark.parametrize(("name", "millions", "layers", "channels"), PUBLISHED)
def test_published_sizes(name, millions, layers, channels):
    with torch.device("meta"):
        net = build_selecsls(name)
    assert sum(p.numel() for p in net.parameters()) / 1e6 == pytest.approx(millions, abs=6e-4)
    assert sum(isinstance(m, (nn.Conv2d, nn.Linear)) for m in net.modules()) == layers
    assert tuple(net.taps[stride][1] for stride in (4, 8, 16)) == channels


def test_every_member_is_tested():
    assert {row[0] for row in PUBLISHED} == set(CONFIGS)


@pytest.mark.parametrize("name", CONFIGS)
def test_state_dict_keys_are_the_published_files(name):
    with torch.device("meta"):
        net = build_selecsls(name)
    bn = r"\.1\.(weight|bias|running_mean|running_var|num_batches_tracked)"
    layer = rf"(\.0\.weight|{bn})"
    pattern = re.compile(rf"stem{layer}|features\.\d+\.conv[1-6]{layer}|head\.[0-3]{layer}|classifier\.0\.(weight|bias)")
    keys = list(net.state_dict())
    assert [k for k in keys if not pattern.fullmatch(k)] == []
    blocks = len(net.features)
    assert len(keys) == 6 * (1 + 6 * blocks + 4) + 2
    assert {k.split(".")[1] for k in keys if k.startswith("features")} == {str(i) for i in range(blocks)}


def test_the_core_alone_has_the_same_keys_and_no_head():
    with torch.device("meta"):
        core, whole = build_selecsls("selecsls60", num_classes=0), build_selecsls("selecsls60")
    expected = [k for k in whole.state_dict() if k.startswith(("stem.", "features."))]
    assert list(core.state_dict()) == expected


@pytest.mark.parametrize("name", CONFIGS)
def test_maps_have_the_size_and_channels_the_taps_promise(name):
    with torch.device("meta"):
        net = build_selecsls(name, num_classes=0)
        image = torch.zeros(2, 3, 64, 96)
    maps = net.forward_features(image, (16, 2, 8, 4))
    for stride, found in zip((16, 2, 8, 4), maps, strict=True):
        assert found.shape == (2, net.taps[stride][1], 64 // stride, 96 // stride)


# -- the same weights give the same answers as timm's ----------------------------------------------------------------


def _close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    """Equal to 1e-5 of the values' size."""
    assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()


@pytest.mark.parametrize("name", ["selecsls42", "selecsls42b", "selecsls60", "selecsls60b"])
@torch.inference_mode()
def test_same_weights_give_timms_logits(name):
    theirs = timm_net(name, 10)
    ours = build_selecsls(name, num_classes=10).eval()
    state = {re.sub(r"^fc\.", "classifier.0.", k): v for k, v in theirs.state_dict().items()}
    ours.load_state_dict(state, strict=True)
    image = torch.randn(2, 3, 64, 96)
    _close(ours(image), theirs(image))


@torch.inference_mode()
def test_same_weights_give_timms_features_of_84():
    """timm's head differs for 84 (a 3x3 where the published file has a 1x1), so the core is compared."""
    theirs = timm_net("selecsls84", 10)
    ours = build_selecsls("selecsls84", num_classes=0).eval()
    state = {k: v for k, v in theirs.state_dict().items() if k.startswith(("stem.", "features."))}
    ours.load_state_dict(state, strict=True)
    image = torch.randn(1, 3, 64, 96)
    (found,) = ours.forward_features(image, (16,))
    stem = theirs.stem(image)
    _close(found, theirs.features([stem])[0])
