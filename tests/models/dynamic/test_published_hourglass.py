"""The stacked hourglass against figures of the published code at seeded weights and inputs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from xnect_lite.models.dynamic.counting import counting
from xnect_lite.models.dynamic.hourglass import StackedHourglass
from xnect_lite.models.dynamic.options import DynamicConfig, HourglassConfig

PUBLISHED = json.loads(Path(__file__).with_name("published.json").read_text())
MASKED_SEED = 1257
DYNAMIC = DynamicConfig(target=0.25)


def filled(net: StackedHourglass, seed: int) -> StackedHourglass:
    """Tensor i of the state, in its order, from a generator seeded by (seed, i)."""
    with torch.no_grad():
        for i, (name, tensor) in enumerate(net.state_dict().items()):
            if name.endswith("num_batches_tracked"):
                continue
            rng, shape = np.random.default_rng([seed, i]), tuple(tensor.shape)
            if name.endswith("running_var"):
                values = rng.uniform(0.5, 1.5, shape)
            elif len(shape) == 4:
                values = rng.normal(0, math.sqrt(2 / np.prod(shape[1:])), shape)
            elif name.endswith(".weight"):
                values = rng.uniform(0.3, 0.7, shape)
            else:
                values = rng.normal(0, 0.1, shape)
            tensor.copy_(torch.from_numpy(values).float())
    return net.eval()


def picture(seed: int = 99, count: int = 1) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(count, 3, 256, 256))).float()


def equal(outputs, published) -> None:
    for maps, wanted in zip(outputs, published, strict=True):
        exact = maps.double()
        assert float(exact.abs().sum()) == pytest.approx(wanted["abs_sum"], rel=1e-5)
        assert float(exact.sum()) == pytest.approx(wanted["sum"], abs=1e-5 * wanted["abs_sum"])
        assert exact.flatten()[:4].tolist() == pytest.approx(wanted["first"], rel=1e-4, abs=1e-4)


@pytest.fixture(scope="module")
def masked() -> StackedHourglass:
    return filled(StackedHourglass(HourglassConfig(), DYNAMIC), MASKED_SEED)


@pytest.mark.parametrize(("name", "features"), [("b_x10", 96), ("b_x050", 48)])
def test_the_dense_networks_are_the_published_ones(name, features):
    net, wanted = filled(StackedHourglass(HourglassConfig(features=features)), 1234), PUBLISHED["dense"][name]
    assert sum(p.numel() for p in net.parameters()) == wanted["parameters"]
    with torch.inference_mode(), counting(net) as count:
        equal(net(picture()), wanted["outputs"])
    assert count.dense == wanted["macs"] and count.conditional == 0 and count.pictures == 1


def test_a_mask_unit_per_block_with_an_identity(masked):
    assert sum(p.numel() for p in masked.parameters()) == 6_885_433
    assert sum(name.endswith("maskconv.weight") for name in masked.state_dict()) == 57


@pytest.mark.parametrize(("name", "bias", "executed"), [("all_off", -1.0, 0), ("all_on", 1.0, 6_157_430_784)])
def test_with_nothing_and_with_everything_active(name, bias, executed):
    net = filled(StackedHourglass(HourglassConfig(), DYNAMIC), MASKED_SEED)
    with torch.no_grad():
        for key, tensor in net.state_dict().items():
            if "maskconv" in key:
                tensor.fill_(bias if key.endswith("bias") else 0)
    with torch.inference_mode(), counting(net) as count:
        equal(net(picture()), PUBLISHED[name]["outputs"])
    assert (count.dense, count.conditional, count.executed) == (747_419_584, 6_157_430_784, executed)
    assert count.total == PUBLISHED[name]["macs"]


def test_masks_costs_and_ponder_map_of_a_picture(masked):
    wanted = PUBLISHED["masked"]
    with torch.inference_mode(), counting(masked) as count:
        equal(masked(picture()), wanted["outputs"])
    spent = masked.ledger.spent
    assert [int(one.mask.sum()) for one in spent] == wanted["active"]
    assert [int(one.dilated.sum()) for one in spent] == wanted["active_dilated"]
    assert [one.mask.numel() for one in spent] == wanted["positions"]
    assert count.total == wanted["macs"] and count.executed == pytest.approx(wanted["executed"], rel=1e-7)  # theirs is a float
    shares = [share for (share,) in count.shares.values()]
    assert shares == pytest.approx(wanted["share_per_unit"], abs=1e-6)
    ponder = masked.ledger.ponder_cost()
    assert list(ponder.shape) == wanted["ponder"]["shape"] and float(ponder.sum()) == wanted["ponder"]["sum"]
    assert (float(ponder.min()), float(ponder.max())) == (wanted["ponder"]["min"], wanted["ponder"]["max"])
    assert ponder.sum(1)[::8].tolist() == wanted["ponder"]["row_sums_every_8"]


def test_training_runs_norms_on_all_positions_and_gives_the_published_budget():
    net, wanted = filled(StackedHourglass(HourglassConfig(), DYNAMIC), MASKED_SEED), PUBLISHED["training"]
    net.train()
    net.begin_epoch(10, 100)
    for module in net.modules():
        if hasattr(module, "noisy"):
            module.noisy = False
    outputs = net(picture(7, 2))
    equal([maps.detach() for maps in outputs], wanted["outputs"])
    terms = net.extra_loss()
    assert terms["budget"].item() == pytest.approx(0.01 * wanted["loss_sp_network"], rel=1e-4)
    assert terms["budget_blocks"].item() == pytest.approx(0.01 * wanted["loss_sp_block"], rel=1e-4)
    torch.stack(list(terms.values())).sum().backward()
    squares = [float(p.grad.square().sum()) for n, p in net.named_parameters() if n.endswith("maskconv.weight")]
    assert squares[: len(wanted["mask_weight_grad_square_sums"])] == pytest.approx(
        wanted["mask_weight_grad_square_sums"], rel=3e-2
    )
