"""Weights that others published: read without executing anything, mapped exactly, refused with a reason."""

from __future__ import annotations

import pickle

import pytest
import torch
from bomb import Bomb
from safetensors.torch import save_file
from timm_nets import timm_net
from torch import nn

from xnect_lite.errors import XnectError
from xnect_lite.inference.published import load_classifier
from xnect_lite.models.classifiers import CLASSIFIERS, build_classifier


@pytest.mark.parametrize(
    ("ours", "theirs", "suffix"),
    [
        ("selecsls42b", "selecsls42b", ".pth"),  # fc becomes classifier.0
        ("selecsls60", "selecsls60", ".safetensors"),
        ("vovnet39", "vovnet39a", ".pth"),  # every layer has another name
        ("resnet50", "resnet50", ".safetensors"),  # torchvision's names
    ],
)
@torch.inference_mode()
def test_timms_files_give_timms_logits(ours, theirs, suffix, tmp_path):
    net, path = timm_net(theirs, 7), tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save(net.state_dict(), path)
    else:
        save_file(net.state_dict(), path)
    image = torch.randn(2, 3, 64, 96)
    found, expected = load_classifier(ours, path)(image), net(image)
    assert found.shape == (2, 7)
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize("name", ["selecsls42", "vovnet39"])
def test_a_published_state_dict_loads_as_it_is_and_inside_a_checkpoint(name, tmp_path):
    net = build_classifier(name, 3)
    for content in (net.state_dict(), {"state_dict": {f"module.{k}": v for k, v in net.state_dict().items()}}):
        torch.save(content, tmp_path / "w.pth")
        loaded = load_classifier(name, tmp_path / "w.pth").state_dict()
        assert all(torch.equal(loaded[k], v) for k, v in net.state_dict().items())


def test_vovnet39_has_the_published_size():
    with torch.device("meta"):
        net = build_classifier("vovnet39")
    assert sum(p.numel() for p in net.parameters()) / 1e6 == pytest.approx(22.6, abs=0.05)
    assert sum(isinstance(m, (nn.Conv2d, nn.Linear)) for m in net.modules()) == 39 + 1


# -- files that must not be used -------------------------------------------------------------------------------------


def test_timms_84_is_told_apart_from_the_published_one(tmp_path):
    torch.save(timm_net("selecsls84", 7).state_dict(), tmp_path / "w.pth")
    with pytest.raises(XnectError, match=r"head\.3\.0\.weight.*\(1280, 1024, 1, 1\).*\(1280, 1024, 3, 3\).*timm's selecsls84"):
        load_classifier("selecsls84", tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("selecsls42", lambda: build_classifier("resnet50", 2).state_dict(), "does not fit selecsls42"),
        ("resnet50", lambda: build_classifier("selecsls42", 2).state_dict(), "no last layer of resnet50"),
        ("selecsls99", lambda: build_classifier("selecsls42", 2).state_dict(), "selecsls99.*unknown.*Known: selecsls42"),
        ("selecsls42", lambda: [1, 2], "no state dict"),
        ("selecsls42", lambda: {}, "no state dict"),
        ("selecsls42", lambda: {"classifier.0.weight": torch.zeros(3)}, "no last layer"),
    ],
    ids=["another network", "another kind", "unknown name", "a list", "empty", "a last layer that is none"],
)
def test_what_does_not_fit_is_refused_by_name(name, content, message, tmp_path):
    torch.save(content(), tmp_path / "w.pth")
    with pytest.raises(XnectError, match=rf"{'' if name == 'selecsls99' else 'w.pth.*'}{message}"):
        load_classifier(name, tmp_path / "w.pth")


def test_broken_and_hostile_files_are_refused_and_never_executed(tmp_path):
    good = tmp_path / "good.pth"
    torch.save(build_classifier("selecsls42", 2).state_dict(), good)
    (tmp_path / "truncated.pth").write_bytes(good.read_bytes()[:100_000])
    (tmp_path / "empty.pth").write_bytes(b"")
    with (tmp_path / "hostile.pth").open("wb") as file:
        pickle.dump(Bomb(tmp_path / "executed"), file)
    torch.save({"classifier.0.weight": Bomb(tmp_path / "executed")}, tmp_path / "hidden.pth")
    (tmp_path / "text.safetensors").write_text("hello")
    for name in ("truncated.pth", "empty.pth", "hostile.pth", "hidden.pth", "text.safetensors", "missing.pth"):
        with pytest.raises(XnectError, match=name):
            load_classifier("selecsls42", tmp_path / name)
    assert not (tmp_path / "executed").exists()


def test_every_backbone_of_the_published_comparison_has_its_classifier():
    from xnect_lite.models.backbones import BACKBONES

    assert set(BACKBONES) - {"mobilenet_v2", "hrnet_w32"} == set(CLASSIFIERS)
