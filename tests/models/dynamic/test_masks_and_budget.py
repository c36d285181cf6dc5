"""Mask units and the budget: chances, gradients, dilation, and losses worked out by hand."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from xnect_lite.models.dynamic.budget import bounds, budget_terms
from xnect_lite.models.dynamic.ledger import Ledger, Spent
from xnect_lite.models.dynamic.masks import MaskUnit, dilated, hard_mask, set_noise
from xnect_lite.models.dynamic.options import DynamicConfig

PUBLISHED = json.loads(Path(__file__).with_name("published.json").read_text())


def spent(mask: torch.Tensor, active: int = 10, wide: int = 0) -> Spent:
    return Spent("block", mask, dilated(mask), (("after", active, False), ("before", wide, True)))


def mask_of(*rows: str) -> torch.Tensor:
    return torch.tensor([[[[float(c == "#") for c in row] for row in rows]]])


@pytest.mark.parametrize("logit", [-2.0, -1.0, 0.0, 1.0, 2.0])
def test_a_pixel_is_active_with_the_sigmoids_chance(logit):
    torch.manual_seed(0)
    share = float(hard_mask(torch.full((200_000,), logit)).mean())
    assert share == pytest.approx(torch.sigmoid(torch.tensor(logit)).item(), abs=0.004)
    published = next(row for row in PUBLISHED["gumbel"] if row["logit"] == logit)
    assert share == pytest.approx(published["share_hard"], abs=0.004)


def test_the_gradient_of_a_hard_decision_is_the_sigmoids():
    logit = torch.tensor([-1.0, 0.0, 3.0], requires_grad=True)
    mask = hard_mask(logit, temperature=2.0, noisy=False)
    assert mask.detach().round().tolist() == [0, 1, 1] and torch.allclose(mask, mask.round())
    mask.sum().backward()
    soft = torch.sigmoid(logit.detach() / 2)
    torch.testing.assert_close(logit.grad, soft * (1 - soft) / 2)


def test_evaluation_draws_nothing_and_zero_counts_as_active():
    unit = MaskUnit(1).eval()
    with torch.no_grad():
        unit.maskconv.weight.fill_(1), unit.maskconv.bias.zero_()
    x = torch.tensor([-0.1, 0.0, 0.1]).view(1, 1, 1, 3)
    assert unit(x).flatten().tolist() == [0, 1, 1]


def test_noise_ends_at_the_epoch_that_says_so():
    unit, options = MaskUnit(1), DynamicConfig(target=0.5, noise_off_epoch=3)
    heard = []
    for epoch in range(5):
        set_noise(unit, epoch, options)
        heard.append(unit.noisy)
    assert heard == [True, True, True, False, False]


def test_a_mask_grows_by_a_pixel_all_round_and_passes_no_gradient():
    mask = mask_of("#....", ".....", "....#").requires_grad_()
    grown = dilated(mask)
    assert torch.equal(grown, mask_of("##...", "##.##", "...##")) and not grown.requires_grad


@pytest.mark.parametrize("case", PUBLISHED["masks"])
def test_dilation_counts_as_published(case):
    side, active = case["side"], case["first_n_active"]
    mask = (torch.arange(side * side) < active).float().view(1, 1, side, side)
    assert int(dilated(mask).sum()) == case["dilated_active"]


@pytest.mark.parametrize("case", PUBLISHED["loss"], ids=lambda c: f"{c['target']} at {c['epoch']}")
def test_the_loss_is_the_published_one(case):
    rows = []
    for one in PUBLISHED["masks"]:
        side, channels = one["side"], one["channels"]
        mask = (torch.arange(side * side) < one["first_n_active"]).float().view(1, 1, side, side)
        rows.append(spent(mask, 54 * channels + 6 * channels**2, 6 * channels**2))
    network, block = budget_terms(rows, case["target"], case["epoch"], 100)
    assert float(network) == pytest.approx(case["loss_sp_network"], rel=1e-5)
    assert float(block) == pytest.approx(case["loss_sp_block"], rel=1e-4, abs=1e-12)
    assert 0.01 * float(network + block) == pytest.approx(case["loss"], rel=1e-4)


def test_the_loss_by_hand():
    """One block half active, one not at all, of equal cost: share .25. Target .5, half open (g = .5): bounds .25 and .75."""
    rows = [spent(mask_of("##", "..")), spent(mask_of("..", ".."))]
    lower, upper = bounds(0.5, 16.5, 100)
    assert (lower, upper) == (pytest.approx(0.25), pytest.approx(0.75))
    network, block = budget_terms(rows, 0.5, 16.5, 100)
    assert float(network) == pytest.approx(0.25**2) and float(block) == pytest.approx(0.25**2 / 2)


@given(st.floats(0.01, 1), st.floats(0, 200), st.integers(1, 100))
def test_bounds_begin_at_the_target_and_open_to_everything(target, epoch, epochs):
    lower, upper = bounds(target, epoch, epochs)
    assert -1e-9 <= lower <= target + 1e-9 and target - 1e-9 <= upper <= 1 + 1e-9
    assert bounds(target, 0, epochs) == pytest.approx((target, target))
    low, high = bounds(target, epochs, epochs)
    assert low == pytest.approx(0, abs=1e-9) and high == pytest.approx(1)


def test_costs_are_summed_over_the_batch_before_they_are_divided():
    mask = torch.cat([mask_of("####"), mask_of("....")])
    network, _ = budget_terms([spent(mask)], 0.25, 50, 100)
    assert float(network) == pytest.approx(0.25**2)


def test_only_the_undilated_part_of_the_cost_has_a_gradient():
    logit = torch.zeros(1, 1, 1, 4, requires_grad=True)
    mask = hard_mask(logit, noisy=False)
    spent(mask, active=10, wide=90).executed().backward()
    assert logit.grad.flatten().tolist() == pytest.approx([2.5] * 4)  # 10 times the sigmoid's slope at 0


def test_the_ponder_map_sums_masks_at_the_largest_size_and_leaves_them_as_they_are():
    ledger = Ledger()
    ledger.add(spent(mask_of("#...", "....", "....", "...."))), ledger.add(spent(mask_of("#.", ".#")))
    wanted = mask_of("##..", "##..", "..##", "..##")[0, 0] + mask_of("#...", "....", "....", "....")[0, 0]
    for _ in range(2):
        assert torch.equal(ledger.ponder_cost(), wanted)


def test_without_masks_there_is_neither_budget_nor_ponder_cost():
    with pytest.raises(ValueError, match="no block has a mask"):
        budget_terms([], 0.5, 0, 1)
    with pytest.raises(ValueError, match="not a sparse network"):
        Ledger().ponder_cost()


def test_a_copy_of_a_network_keeps_its_blocks_on_one_ledger_of_its_own():
    ledger = Ledger()
    ledger.add(spent(hard_mask(torch.zeros(1, 1, 2, 2, requires_grad=True))))  # not a leaf: torch would refuse to copy it
    first, second = copy.deepcopy((ledger, ledger))
    assert first is second is not ledger and first.spent == []


def test_a_network_learns_to_meet_a_budget_where_the_task_says():
    """Features at the left cost nothing to drop, at the right the task needs them: the mask ends there."""
    torch.manual_seed(0)
    unit = MaskUnit(2)
    x = torch.zeros(8, 2, 4, 8)
    x[:, 0, :, 4:], x[:, 1, :, :4] = 1, 1
    optimizer = torch.optim.Adam(unit.parameters(), lr=0.05)
    for step in range(300):
        mask = unit(x)
        network, block = budget_terms([spent(mask)], 0.5, step, 300)
        loss = functional.mse_loss(mask * x[:, :1], x[:, :1]) + network + block
        optimizer.zero_grad(), loss.backward(), optimizer.step()
    seen = unit.eval()(x).mean((0, 1, 2))
    assert seen.tolist() == [0] * 4 + [1] * 4
