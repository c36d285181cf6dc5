"""Fusion and pruning change the size of a network and nothing else."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from xnect_lite.models.backbones import BACKBONES, build_backbone
from xnect_lite.models.classifiers import CLASSIFIERS, build_classifier
from xnect_lite.models.compress import count, fuse, prune, shaped_like, simulate_pruning
from xnect_lite.models.selecsls import CONFIGS
from xnect_lite.models.xnect import XNect

THRESHOLD = 1e-3


def randomise(net: nn.Module, seed: int, dead: float, beta: float = 0.3, negative: float = 0.3) -> nn.Module:
    """Random norms, of which the share ``dead`` has a gamma of almost nothing and a beta as large as ever."""
    torch.manual_seed(seed)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, beta * (0.5 - negative), beta)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            gone = torch.rand(len(module.weight)) < dead
            with torch.no_grad():
                module.weight[gone] = THRESHOLD * (2 * torch.rand(int(gone.sum())) - 1)
    return net.eval()


def outputs(net: nn.Module, image: Tensor) -> Tensor:
    with torch.inference_mode():
        found = net(image)
    return torch.cat(list(found.values()), 1) if isinstance(found, dict) else found


def assert_equal(found: Tensor, expected: Tensor) -> None:
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()


def picture(seed: int = 0, width: int = 48, height: int = 32) -> Tensor:
    return 255 * torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def _finest(backbone: str) -> nn.Module:
    class Finest(nn.Module):
        """A backbone's map of stride 4, for picture(): all there is where the network has no classifier here."""

        def __init__(self) -> None:
            super().__init__()
            self.backbone = build_backbone(backbone)

        def forward(self, image: Tensor) -> Tensor:
            return self.backbone(image, (16, 4))[1]

    return Finest()


NETWORKS = {
    **{name: (lambda name=name: build_classifier(name, 5)) for name in CLASSIFIERS},
    **{f"stage1 {name}": (lambda name=name: XNect(name)) for name in ("selecsls42", "selecsls60", "resnet50", "vovnet39")},
    "mobilenet_v2": lambda: _finest("mobilenet_v2"),
    "hrnet_w32": lambda: _finest("hrnet_w32"),
}


def test_every_member_of_the_family_is_tested():
    assert set(CONFIGS) <= set(NETWORKS) and set(BACKBONES) <= set(NETWORKS)


@pytest.mark.parametrize("name", NETWORKS)
def test_fused_is_unfused(name):
    net = randomise(NETWORKS[name](), seed=1, dead=0.0)
    small = fuse(net)
    assert_equal(outputs(small, picture()), outputs(net, picture()))
    assert not any(isinstance(m, nn.BatchNorm2d) for m in small.modules())
    assert any(isinstance(m, nn.BatchNorm2d) for m in net.modules()), "the network given is left as it was"


@pytest.mark.parametrize("name", NETWORKS)
def test_pruned_is_masked(name):
    net = randomise(NETWORKS[name](), seed=2, dead=0.6)
    small, report = prune(net, picture(), THRESHOLD)
    assert_equal(outputs(small, picture()), outputs(simulate_pruning(net, THRESHOLD), picture()))
    assert report.after.parameters < report.before.parameters and report.after.macs < report.before.macs


@pytest.mark.slow
@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    seed=st.integers(0, 2**30),
    dead=st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.99, 1.0]),
    beta=st.sampled_from([0.0, 1e-6, 0.3]),
    negative=st.sampled_from([-3.0, 0.5, 3.0]),
    multiple=st.sampled_from([1, 8]),
)
def test_pruned_is_masked_whatever_gammas_and_betas_are(seed, dead, beta, negative, multiple):
    net = randomise(NETWORK, seed, dead, beta, negative)
    small, _ = prune(net, picture(), THRESHOLD, multiple)
    for width, height in ((48, 32), (32, 64)):
        image = picture(seed, width, height)
        assert_equal(outputs(small, image), outputs(simulate_pruning(net, THRESHOLD), image))


NETWORK = XNect("selecsls42")


# -- scenes small enough to work out by hand -------------------------------------------------------------------------


def _two_layers(gammas: list[float], betas: list[float], padding: int, second_kernel: int = 3) -> nn.Sequential:
    """1x1 with norm and ReLU, then a convolution without a norm. Norm statistics are neutral."""
    torch.manual_seed(0)
    width = len(gammas)
    net = nn.Sequential(
        nn.Conv2d(2, width, 1, bias=False), nn.BatchNorm2d(width, eps=0.0), nn.ReLU(),
        nn.Conv2d(width, 3, second_kernel, padding=padding),
    )  # fmt: skip
    with torch.no_grad():
        net[1].weight.copy_(torch.tensor(gammas))
        net[1].bias.copy_(torch.tensor(betas))
    return net.eval()


@pytest.mark.parametrize(
    ("gammas", "betas", "padding", "kept"),
    [
        ([1.0, 0.0, 1.0], [0.0, 0.0, 0.0], 1, 2),  # a silent channel goes
        ([1.0, 0.0, 1.0], [0.0, -2.0, 0.0], 1, 2),  # a constant that the ReLU stops is silent too
        ([1.0, 0.0, 1.0], [0.0, 2.0, 0.0], 0, 2),  # without padding the constant moves into the bias
        ([1.0, 0.0, 1.0], [0.0, 2.0, 0.0], 1, 3),  # with padding somebody must go on emitting it
        ([1.0, 0.0, 0.0], [0.0, 2.0, 1.0], 1, 2),  # one does so for all
        ([1.0, 0.0, 0.0], [0.0, 1.0, 2.0], 1, 2),
        ([0.0, 0.0, 5e-4], [0.0, 0.0, 0.0], 1, 1),  # nobody survives: one stays all the same
        ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], 0, 1),
        ([0.0, 1.0, 0.0], [0.0, 0.0, 0.0], 1, 1),  # exactly one survivor
        ([1.0, -1.0, 0.5], [0.0, 0.0, 0.0], 1, 3),  # a negative gamma is as alive as a positive one
        ([1e-3, 1.001e-3, 1.0], [0.0, 0.0, 0.0], 1, 2),  # the threshold itself is pruned, as published
    ],
)
def test_channels_kept(gammas, betas, padding, kept):
    net = _two_layers(gammas, betas, padding)
    image = torch.randn(1, 2, 6, 5)
    small, report = prune(net, image, THRESHOLD)
    assert report.layers == (("0", kept, 3),)
    assert small[0].weight.shape == (kept, 2, 1, 1) and small[3].weight.shape == (3, kept, 3, 3)
    assert_equal(outputs(small, image), outputs(simulate_pruning(net, THRESHOLD), image))


def test_widths_are_rounded_up_to_a_multiple_with_the_largest_gammas():
    net = _two_layers([0.9, 0.0, 1e-4, 0.8, 9e-4, 2e-4, 0.7, 0.0, 0.0, 0.0], [0.0] * 10, 1)
    for multiple, kept in ((1, 3), (2, 4), (4, 4), (8, 8), (16, 10)):
        report = prune(net, torch.zeros(1, 2, 4, 4), THRESHOLD, multiple)[1]
        assert report.layers == (("0", kept, 10),), multiple
    kernels = prune(net, torch.zeros(1, 2, 4, 4), THRESHOLD, 4)[0][3].weight
    torch.testing.assert_close(kernels, net[3].weight[:, [0, 3, 4, 6]])  # 4 has the largest gamma of those below


def test_the_report_counts_by_hand():
    net = _two_layers([1.0, 0.0], [0.0, 0.0], 1)
    _, report = prune(net, torch.zeros(1, 2, 4, 5), THRESHOLD)
    assert report.before.parameters == (2 * 2 + 2) + (2 * 3 * 9 + 3)
    assert report.after.parameters == (2 * 1 + 1) + (1 * 3 * 9 + 3)
    assert report.before.macs == 4 * 5 * (2 * 2 + 2 * 3 * 9)
    assert report.after.macs == report.before.macs // 2
    text = str(report)
    assert "1/2" in text and "50.0%" in text


class _Residual(nn.Module):
    """Two branches added: a channel goes only if it is dead in both."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(2, 3, 1, bias=False), nn.BatchNorm2d(3))
        self.b = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3))
        self.last = nn.Conv2d(3, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.a(x) + self.b(x)))


def test_added_channels_go_together():
    net = _Residual().eval()
    with torch.no_grad():
        net.a[1].weight.copy_(torch.tensor([0.0, 0.0, 1.0]))
        net.b[1].weight.copy_(torch.tensor([0.0, 1.0, 0.0]))
        net.b[1].bias.copy_(torch.tensor([-1.0, 0.0, 0.5]))
        net.a[1].bias.copy_(torch.tensor([0.5, 0.5, 0.5]))
    image = torch.randn(1, 2, 5, 5)
    small, report = prune(net, image, THRESHOLD)
    assert report.layers == (("a.0", 2, 3), ("b.0", 2, 3))
    assert_equal(outputs(small, image), outputs(simulate_pruning(net, THRESHOLD), image))


class _Unknown(nn.Module):
    """Channels pass through something that pruning does not understand."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(2, 4, 1, bias=False), nn.BatchNorm2d(4))
        self.grouped = nn.Conv2d(4, 4, 3, padding=1, groups=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.grouped(torch.sigmoid(self.conv(x)))


def test_what_is_not_understood_is_kept():
    net = _Unknown().eval()
    nn.init.zeros_(net.conv[1].weight)
    small, report = prune(net, torch.zeros(1, 2, 4, 4), THRESHOLD)
    assert report.layers == (("conv.0", 4, 4),)
    assert_equal(outputs(small, picture()[:, :2]), outputs(net, picture()[:, :2]))


# -- costs and files -------------------------------------------------------------------------------------------------

PUBLISHED_GMACS = [
    # name, 1e9 multiply-accumulates of the classifier at 224x224; the last two are published to one digit
    ("selecsls42", 2.934),
    ("selecsls42b", 2.972),
    ("selecsls60", 3.581),
    ("selecsls60b", 3.618),
    ("selecsls84", 5.721),
    ("selecsls102", 6.002),
    ("resnet50", 4.1),
    ("vovnet39", 7.1),
]


@pytest.mark.parametrize(("name", "gmacs"), PUBLISHED_GMACS)
def test_costs_are_the_published_ones(name, gmacs):
    with torch.device("meta"):
        net = build_classifier(name)
    tolerance = 0.05 if round(gmacs, 1) == gmacs else 6e-4
    assert count(net, torch.zeros(1, 3, 224, 224)).macs / 1e9 == pytest.approx(gmacs, abs=tolerance)


def test_a_pruned_state_dict_fits_a_vessel_of_its_shape():
    net = randomise(XNect("selecsls42"), seed=3, dead=0.7)
    small, _ = prune(net, picture(), THRESHOLD)
    vessel = shaped_like(XNect("selecsls42"), small.state_dict())
    vessel.load_state_dict(small.state_dict())
    assert_equal(outputs(vessel, picture()), outputs(small, picture()))
    assert vessel.arch == small.arch == {**net.arch, "form": "fused"}


def test_fusing_twice_changes_nothing():
    net = randomise(XNect("selecsls42"), seed=4, dead=0.2)
    once = fuse(net)
    twice = fuse(copy.deepcopy(once))
    assert all(torch.equal(a, b) for a, b in zip(once.state_dict().values(), twice.state_dict().values(), strict=True))
