"""Losses: nothing to learn costs nothing, masked cells teach nothing, and crowds do not change the scale."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from xnect_lite.data.targets import Targets
from xnect_lite.skeleton import NUM_JOINTS, NUM_LIMBS
from xnect_lite.train.stage1.losses import LossConfig, stage1_losses

H, W = 6, 8
CONFIG = LossConfig()


def random_targets(count: int = 2, seed: int = 0) -> Targets:
    """Targets and weights with something to learn, and something masked, in every map."""
    generator = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> torch.Tensor:
        return torch.rand(count, *shape, H, W, generator=generator)

    def some(*shape: int) -> torch.Tensor:
        return (rand(*shape) > 0.5).float()

    return Targets(
        heat=rand(NUM_JOINTS + 1), heat_weight=some(NUM_JOINTS + 1) * 0.7,
        pafs=rand(NUM_LIMBS, 2) - 0.5, paf_weight=some(NUM_LIMBS), paf_on=some(NUM_LIMBS),
        locations=rand(3, NUM_JOINTS) - 0.5, location_weight=some(NUM_JOINTS) * 0.5,
        depth=rand(), depth_weight=some(),
    )  # fmt: skip


def perfect_maps(targets: Targets) -> dict[str, torch.Tensor]:
    logits = torch.logit(targets.heat, eps=1e-6)
    return {
        "heatmaps": logits[:, :NUM_JOINTS].clone(),
        "centre": logits[:, NUM_JOINTS:].clone(),
        "pafs": targets.pafs.flatten(1, 2).clone(),
        "locations": targets.locations.flatten(1, 2).clone(),
        "depth": targets.depth[:, None].clone(),
    }


def blank_maps(targets: Targets) -> dict[str, torch.Tensor]:
    return {name: torch.zeros_like(value).requires_grad_() for name, value in perfect_maps(targets).items()}


def test_perfect_maps_cost_nothing():
    targets = random_targets()
    for name, value in stage1_losses(perfect_maps(targets), targets, CONFIG).items():
        assert 0 <= value < 1e-4, name


def test_blank_maps_cost_something_in_every_term():
    targets = random_targets()
    assert all(value > 0.05 for value in stage1_losses(blank_maps(targets), targets, CONFIG).values())


MASKS = {
    "heatmaps": ("heat_weight", lambda weight: weight[:, :NUM_JOINTS]),
    "centre": ("heat_weight", lambda weight: weight[:, NUM_JOINTS:]),
    "pafs": ("paf_weight", lambda weight: weight.repeat_interleave(2, 1)),
    "locations": ("location_weight", lambda weight: weight.repeat(1, 3, 1, 1)),
    "depth": ("depth_weight", lambda weight: weight[:, None]),
}


@pytest.mark.parametrize("name", MASKS)
def test_masked_cells_have_no_gradient_and_the_others_have(name):
    targets, (weight_name, to_channels) = random_targets(), MASKS[name]
    maps = blank_maps(targets)
    sum(stage1_losses(maps, targets, CONFIG).values()).backward()
    weight = to_channels(getattr(targets, weight_name))
    gradient = maps[name].grad
    assert gradient.shape == weight.shape
    assert (gradient[weight == 0] == 0).all()
    assert (gradient[weight > 0] != 0).float().mean() > 0.95


@pytest.mark.parametrize(("name", "value"), [("pafs", 3.0), ("locations", -2.0), ("depth", 5.0), ("heatmaps", 4.0)])
def test_what_stands_in_masked_cells_does_not_matter(name, value):
    targets, (weight_name, to_channels) = random_targets(), MASKS[name]
    maps = perfect_maps(targets)
    maps[name][to_channels(getattr(targets, weight_name)) == 0] = value
    assert sum(stage1_losses(maps, targets, CONFIG).values()) < 1e-4


def test_the_same_batch_twice_costs_the_same():
    targets = random_targets()
    twice = Targets(*(torch.cat([getattr(targets, f.name)] * 2) for f in dataclasses.fields(targets)))
    maps = {k: v.detach() + 0.3 for k, v in blank_maps(targets).items()}
    once = stage1_losses(maps, targets, CONFIG)
    again = stage1_losses({k: torch.cat([v, v]) for k, v in maps.items()}, twice, CONFIG)
    for name, value in once.items():
        torch.testing.assert_close(again[name], value, rtol=1e-5, atol=0, msg=name)


def test_nobody_in_the_batch_is_finite_and_still_teaches_silence():
    blank = Targets(*(torch.zeros_like(getattr(random_targets(), f.name)) for f in dataclasses.fields(Targets)))
    targets = dataclasses.replace(
        blank, heat_weight=torch.ones_like(blank.heat_weight), paf_weight=torch.ones_like(blank.paf_weight)
    )
    terms = stage1_losses({k: v.detach() + 0.5 for k, v in blank_maps(targets).items()}, targets, CONFIG)
    assert all(torch.isfinite(v) for v in terms.values())
    assert terms["heat"] > 0 and terms["paf"] > 0 and terms["location"] == 0 and terms["depth"] == 0


@pytest.mark.parametrize("term", ["heat", "paf", "location", "depth"])
def test_each_term_has_its_weight(term):
    targets = random_targets()
    maps = blank_maps(targets)
    plain = stage1_losses(maps, targets, CONFIG)
    doubled = stage1_losses(maps, targets, dataclasses.replace(CONFIG, **{term: 2 * getattr(CONFIG, term)}))
    for name, value in plain.items():
        torch.testing.assert_close(doubled[name], value * (2 if name == term else 1))


def test_terms_by_hand():
    """One cell each: half a vector missing on a limb, a bone 0.1 m off on every axis, log-depth 0.5 off, a joint at p = .5."""
    zero = Targets(*(torch.zeros_like(getattr(random_targets(1), f.name)) for f in dataclasses.fields(Targets)))
    cell = (0, 3, 2, 5)
    zero.heat[cell], zero.heat_weight[cell] = 1.0, 2.0
    zero.pafs[0, 3, 0, 2, 5], zero.paf_weight[cell], zero.paf_on[cell] = 1.0, 4.0, 1.0
    zero.locations[0, :, 3, 2, 5], zero.location_weight[cell] = 0.1, 5.0
    zero.depth[0, 2, 5], zero.depth_weight[0, 2, 5] = 0.5, 3.0
    maps = {k: v.detach() for k, v in blank_maps(zero).items()}
    maps["pafs"][0, 6, 2, 5] = 0.5
    terms = stage1_losses(maps, zero, LossConfig(heat=1, paf=1, location=1, depth=1))
    expected = {"heat": 0.6931 * 0.5, "paf": 0.25, "location": 0.3, "depth": 0.5}
    for name, value in expected.items():
        assert terms[name].item() == pytest.approx(value, rel=1e-3), name


def test_background_of_limbs_counts_less():
    zero = Targets(*(torch.zeros_like(getattr(random_targets(1), f.name)) for f in dataclasses.fields(Targets)))
    zero.paf_weight[0, 0, 0, :2], zero.paf_on[0, 0, 0, 0] = 1.0, 1.0
    maps = {k: v.detach() for k, v in blank_maps(zero).items()}
    maps["pafs"][0, 0, 0, 0] = 1.0
    on = stage1_losses(maps, zero, CONFIG)["paf"]
    maps["pafs"][0, 0, 0, :2] = torch.tensor([0.0, 1.0])
    off = stage1_losses(maps, zero, CONFIG)["paf"]
    assert off / on == pytest.approx(CONFIG.paf_background)


def test_half_precision_maps_are_summed_in_single():
    targets = random_targets()
    maps = {k: v.to(torch.bfloat16) for k, v in perfect_maps(targets).items()}
    assert all(v.dtype == torch.float32 and v < 0.05 for v in stage1_losses(maps, targets, CONFIG).values())
