"""The SelecSLS core with masks: its costs, its equality to the dense core, and Stage I around it."""

from __future__ import annotations

import pytest
import torch

from xnect_lite.errors import XnectError
from xnect_lite.inference.published import load_weights_into
from xnect_lite.inference.weights import load_network, save_weights
from xnect_lite.models.compress import fuse
from xnect_lite.models.dynamic.core import DynamicBlock, DynamicSelecSLS, mask_names
from xnect_lite.models.dynamic.counting import counting
from xnect_lite.models.dynamic.options import DynamicConfig
from xnect_lite.models.selecsls import SelecSLS, SelecSLSConfig
from xnect_lite.models.xnect import XNect, arch_problem, build_xnect

QUARTER = DynamicConfig(target=0.25)
SMALL = SelecSLSConfig(((16, 2, 16), (16, 3, 24), (32, 1, 32)), ())


def set_masks(net: torch.nn.Module, bias: float, weight: float = 0.0) -> None:
    """The same logit everywhere, or one that follows the features as well."""
    with torch.no_grad():
        for name, value in net.named_parameters():
            if "maskconv" in name:
                value.fill_(bias) if name.endswith("bias") else value.normal_(std=weight) if weight else value.zero_()


def seasoned(net: torch.nn.Module) -> torch.nn.Module:
    """Norms with statistics and scales of their own."""
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(std=0.1), module.running_var.uniform_(0.5, 1.5)
                module.weight.uniform_(0.5, 1.5), module.bias.normal_(std=0.2)
    return net.eval()


@pytest.mark.parametrize(("bias", "active"), [(1.0, 1), (-1.0, 0)], ids=["all active", "none"])
def test_two_thirds_of_selecsls60_are_conditional(bias, active):
    net = XNect("selecsls60", dynamic=QUARTER).eval()
    set_masks(net, bias)
    with torch.inference_mode(), counting(net) as count:
        net(torch.zeros(1, 3, 320, 512))
    assert count.conditional == pytest.approx(6.365e9, rel=1e-3) and count.executed == active * count.conditional
    core = sum(layer.dense for name, layer in count.layers.items() if name.startswith("backbone.") and ".masks." not in name)
    assert core + count.conditional == pytest.approx(9.560e9, rel=1e-3)
    for target, whole in ((0.5, 6.38e9), (0.25, 4.79e9), (0.125, 3.99e9)):
        assert core + target * count.conditional == pytest.approx(whole, rel=2e-3)


def test_the_dense_core_counts_the_same_in_all():
    with torch.inference_mode(), counting(net := XNect("selecsls60").eval()) as count:
        net(torch.zeros(1, 3, 320, 512))
    core = sum(layer.dense for name, layer in count.layers.items() if name.startswith("backbone."))
    assert core == pytest.approx(9.560e9, rel=1e-3)


def cores(bias: float, weight: float = 0.0):
    """A dense core, and one with masks and the same weights."""
    torch.manual_seed(0)
    dense, masked = seasoned(SelecSLS(SMALL, num_classes=0)), DynamicSelecSLS(SMALL, QUARTER).eval()
    masked.load_state_dict({**{k: v for k, v in masked.state_dict().items() if "masks" in k}, **dense.state_dict()})
    set_masks(masked, bias, weight)
    return dense, masked


def test_with_everything_active_it_is_the_dense_core():
    dense, masked = cores(1.0)
    image = torch.randn(2, 3, 64, 96)
    for wanted, found in zip(
        dense.forward_features(image, (4, 8, 16)), masked.forward_features(image, (4, 8, 16)), strict=True
    ):
        torch.testing.assert_close(found, wanted)


def test_where_nothing_is_active_the_skip_answers_alone():
    dense, masked = cores(-1.0)
    image = torch.randn(1, 3, 64, 96)
    found = masked.forward_features(image, (4,))[0]
    skip = dense.features[0]([dense.stem(image)])[0]
    conv, norm, _ = dense.features[1].conv6
    wanted = norm(torch.nn.functional.conv2d(skip, conv.weight[:, -skip.shape[1] :])).relu()
    torch.testing.assert_close(found, wanted)


def test_levels_of_one_block_have_no_mask():
    masked = DynamicSelecSLS(SMALL, QUARTER)
    assert list(masked.masks) == ["0", "1"] and sum(isinstance(b, DynamicBlock) for b in masked.features) == 3


def test_all_blocks_of_a_level_share_its_mask():
    _, masked = cores(0.0, weight=0.3)
    masked.forward_features(torch.randn(2, 3, 64, 96), (16,))
    first, second, third = masked.ledger.spent
    assert second.mask is third.mask and 0 < float(first.mask.mean()) < 1 and 0 < float(second.mask.mean()) < 1
    assert [one.name for one in masked.ledger.spent] == ["features.1", "features.3", "features.4"]


def test_only_the_mask_and_nothing_else_decides_what_inactive_pixels_see():
    """Features that change where nothing is active, and nowhere near, change nothing elsewhere in a masked block."""
    torch.manual_seed(0)
    block = seasoned(DynamicBlock(8, 8, 8, 8, False, 1))
    mask = torch.zeros(1, 1, 8, 12)
    mask[..., :4] = 1
    features, skip = torch.randn(1, 8, 8, 12), torch.randn(1, 8, 8, 12)
    before = block([features, skip, mask])[0]
    features[..., 5:] += 1  # column 4 is still read by the active column 3
    torch.testing.assert_close(block([features, skip, mask])[0], before)


def test_fused_it_computes_the_same():
    torch.manual_seed(0)
    net = seasoned(XNect("selecsls42", dynamic=QUARTER))
    set_masks(net, 0.0, weight=0.2)
    image = 255 * torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        wanted, found = net(image), fuse(net)(image)
        shares = [float(one.mask.mean()) for one in net.ledger.spent]
    assert any(0 < share < 1 for share in shares)
    for name in wanted:
        torch.testing.assert_close(found[name], wanted[name], rtol=1e-3, atol=1e-3)


def test_frozen_norms_keep_their_statistics_and_others_do_not():
    net = XNect("selecsls42", dynamic=DynamicConfig(target=0.5, frozen_norms=True))
    before = {k: v.clone() for k, v in net.state_dict().items() if "running" in k}
    net.train()(255 * torch.rand(2, 3, 64, 64))
    moved = {k for k, v in net.state_dict().items() if k in before and not torch.equal(v, before[k])}
    assert not any("features.1." in k for k in moved) and any("features.0." in k for k in moved)


def test_dense_weights_start_a_dynamic_network(tmp_path):
    dense = seasoned(XNect("selecsls42"))
    save_weights(tmp_path / "dense.safetensors", dense.state_dict(), dense.arch)
    net = XNect("selecsls42", dynamic=QUARTER)
    with pytest.raises(XnectError, match="tensors missing"):
        load_weights_into(net, tmp_path / "dense.safetensors")
    load_weights_into(net, tmp_path / "dense.safetensors", mask_names(net.state_dict()))
    set_masks(net, 1.0)
    image = 255 * torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        wanted = load_network(tmp_path / "dense.safetensors", "selecsls42")(image)["pafs"]
        torch.testing.assert_close(net.eval()(image)["pafs"], wanted, rtol=1e-3, atol=1e-4)


def test_a_weight_file_says_that_it_has_masks_and_loads(tmp_path):
    net = seasoned(XNect("selecsls42", dynamic=QUARTER))
    save_weights(tmp_path / "net.safetensors", net.state_dict(), net.arch)
    again = load_network(tmp_path / "net.safetensors", "selecsls42")
    assert again.arch == net.arch and again.arch["dynamic"]["target"] == 0.25 and again.ledger is not None
    assert build_xnect(net.arch).ledger is not None and XNect("selecsls42").ledger is None


@pytest.mark.parametrize("dynamic", [{"target": 2}, {"colour": 1}, "yes", {"target": "half"}])
def test_a_file_with_unknown_masks_is_refused(dynamic):
    arch = {**XNect("selecsls42").arch, "dynamic": dynamic}
    assert "unknown masks" in arch_problem(arch, "selecsls42")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backbone": "resnet50", "dynamic": QUARTER}, "has no dynamic form"),
        ({"backbone": "selecsls60", "grouped": True, "dynamic": QUARTER}, "exclude each other"),
    ],
)
def test_what_has_no_masks_says_so(arguments, message):
    with pytest.raises(XnectError, match=message):
        XNect(**arguments)


def test_it_learns_with_the_budget_in_the_loss():
    torch.manual_seed(0)
    net = XNect("selecsls42", dynamic=DynamicConfig(target=0.25, weight=1.0)).train()
    net.begin_epoch(0, 100)
    net(255 * torch.rand(2, 3, 64, 64))
    terms = net.extra_loss()
    assert set(terms) == {"budget", "budget_blocks"} and XNect("selecsls42").extra_loss() == {}
    torch.stack(list(terms.values())).sum().backward()
    assert all(p.grad is not None for name, p in net.named_parameters() if "maskconv" in name)
