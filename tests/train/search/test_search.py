"""Search of alpha and beta: what each strategy may change, exact gradients, and a task that needs one operator."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from xnect_lite.config import load_config
from xnect_lite.errors import XnectError
from xnect_lite.models.fabric.config import CellConfig
from xnect_lite.models.fabric.fabric import Fabric, architecture_parameters, searched_parameters, sizes_of
from xnect_lite.train.search.begin import begin, split, weights_of
from xnect_lite.train.search.config import SearchConfig
from xnect_lite.train.search.gradient import ArchitectureStep, first_order, second_order


class Toy(nn.Module):
    """A fabric of three cells of two scales on a map of a few channels."""

    def __init__(
        self, operators=("skip_connect", "Sep_Conv_3x3", "avg_pool_3x3", "max_pool_3x3"), depth=3, scales=2, **options
    ):
        super().__init__()
        config = CellConfig(
            depth=depth, cut_layers_num=1, size_types=(1, 2, 4)[:scales], factor=3, operators=operators, **options
        )
        self.fabric = Fabric(config, 1, depth, before=scales)
        self.scales = scales

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = [x, x[..., ::2, ::2].repeat(1, 2, 1, 1)]
        return self.fabric(maps[: self.scales], sizes_of(maps, self.scales))[0]


def squares(forward, batch) -> torch.Tensor:
    return functional.mse_loss(forward(batch[0]), batch[1])


def noise(seed: int, dtype=torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(2, 3, 6, 6, generator=draw, dtype=dtype), torch.randn(2, 3, 6, 6, generator=draw, dtype=dtype)


def toy(seed: int = 0, dtype=torch.float64, **options) -> Toy:
    torch.manual_seed(seed)
    net = Toy(**options).to(dtype)
    with torch.no_grad():
        for parameter in architecture_parameters(net):
            parameter.normal_()
    return net


def _train(net: nn.Module, config: SearchConfig, steps: int, batches=noise, rate: float = 0.02) -> None:
    """As a trainer does it: an architecture step where the strategy has one, then a step of the weights."""
    begin(net, config)
    optimizer = torch.optim.Adam(weights_of(net, config), rate)
    architecture = ArchitectureStep(net, squares, config) if config.by_gradient else None
    for step in range(steps):
        batch = batches(2 * step)
        if architecture:
            architecture.step(batch, batches(2 * step + 1), rate)
        optimizer.zero_grad()
        squares(net, batch).backward()
        optimizer.step()


# -- what a strategy may change --------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["None", "random"])
def test_without_a_search_alpha_and_beta_stay_bit_for_bit(strategy):
    torch.manual_seed(0)
    net, config = Toy(), SearchConfig(arch_search_strategy=strategy)
    begin(net, config)
    before = [p.clone() for p in architecture_parameters(net)]
    weights = [p.clone() for p in net.parameters()]
    _train(net, config, 3)
    assert all(torch.equal(a, b) for a, b in zip(before, architecture_parameters(net), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(weights, net.parameters(), strict=True))
    assert all((p == 0).all() for p in before) == (strategy == "None")


def test_random_is_drawn_from_its_seed():
    nets = [Toy(), Toy(), Toy()]
    for net, seed in zip(nets, (2, 2, 3), strict=True):
        begin(net, SearchConfig(arch_search_strategy="random", random_seed=seed))
    first, again, other = (net.fabric.betas for net in nets)
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("strategy", ["sync", "first_order_gradient", "second_order_gradient"])
def test_a_search_changes_what_it_may(strategy):
    torch.manual_seed(0)
    net = Toy(search_beta=False)
    _train(net, SearchConfig(arch_search_strategy=strategy), 2)
    assert (net.fabric.alphas != 0).any() and (net.fabric.betas == 0).all()


def test_only_sync_gives_alpha_and_beta_to_the_weights_optimiser():
    for strategy, inside in (
        ("None", 0),
        ("random", 0),
        ("sync", 2),
        ("first_order_gradient", 0),
        ("second_order_gradient", 0),
    ):
        net, config = Toy(), SearchConfig(arch_search_strategy=strategy)
        begin(net, config)
        learned = {id(p) for p in weights_of(net, config)}
        assert sum(id(p) in learned for p in architecture_parameters(net)) == inside, strategy


@pytest.mark.parametrize("order", [1, 2])
def test_a_gradient_leaves_weights_gradients_and_statistics_alone(order):
    net = toy()
    before = copy.deepcopy(net.state_dict())
    if order == 1:
        first_order(net, squares, noise(1, torch.float64))
    else:
        second_order(net, squares, noise(0, torch.float64), noise(1, torch.float64), 0.1)
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())


# -- gradients -------------------------------------------------------------------------------------------------------


def _after_a_step(net: Toy, rate: float, decay: float) -> torch.Tensor:
    """The held-out loss after the weights' step, written out: what the second order is the derivative of."""
    apart = {id(p) for p in architecture_parameters(net)}
    weights = {k: p for k, p in net.named_parameters() if id(p) not in apart}
    gradients = torch.autograd.grad(squares(net, noise(0, torch.float64)), list(weights.values()))
    stepped = {k: (p - rate * (g + decay * p)).detach() for (k, p), g in zip(weights.items(), gradients, strict=True)}
    return squares(lambda x: functional_call(net, stepped, (x,)), noise(1, torch.float64))


@pytest.mark.parametrize(("rate", "decay"), [(0.05, 0.0), (0.2, 0.01)])
def test_second_order_is_the_derivative_of_the_loss_after_the_step(rate, decay):
    """Against central differences of that loss, which know nothing of how ours is differentiated."""
    net = toy()
    found = second_order(net, squares, noise(0, torch.float64), noise(1, torch.float64), rate, decay)
    first = first_order(net, squares, noise(1, torch.float64))
    step, checked = 1e-5, 0
    for parameter, gradient in zip(searched_parameters(net), found, strict=True):
        for place in range(parameter.numel()):
            losses = []
            for sign in (1, -1):
                with torch.no_grad():
                    parameter.view(-1)[place] += sign * step
                losses.append(_after_a_step(net, rate, decay).item())
                with torch.no_grad():
                    parameter.view(-1)[place] -= sign * step
            assert gradient.view(-1)[place].item() == pytest.approx((losses[0] - losses[1]) / (2 * step), rel=1e-4, abs=1e-8)
            checked += 1
    assert checked == 4 + 9
    assert not all(torch.allclose(a, b, rtol=1e-2) for a, b in zip(first, found, strict=True))


def test_second_order_is_double_backward_written_out():
    """Total derivative = direct part - rate * mixed second derivative times the held-out gradient (DARTS, equation 7)."""
    net, rate = toy(), 0.1
    batch, held_out = noise(0, torch.float64), noise(1, torch.float64)
    searched = searched_parameters(net)
    apart = {id(p) for p in searched}
    weights = {k: p for k, p in net.named_parameters() if id(p) not in apart}
    inner = torch.autograd.grad(squares(net, batch), list(weights.values()), create_graph=True)
    stepped = {k: (p - rate * g).detach().requires_grad_() for (k, p), g in zip(weights.items(), inner, strict=True)}
    outer = squares(lambda x: functional_call(net, stepped, (x,)), held_out)
    (*direct,) = torch.autograd.grad(outer, [*searched, *stepped.values()])
    mixed = torch.autograd.grad(inner, searched, grad_outputs=direct[len(searched) :])
    found = second_order(net, squares, batch, held_out, rate)
    for a, b, c in zip(found, direct, mixed, strict=False):
        torch.testing.assert_close(a, b - rate * c, rtol=1e-9, atol=1e-12)


def test_at_a_rate_of_zero_the_orders_agree():
    net = toy(one_shot_search=False)
    held_out = noise(1, torch.float64)
    pairs = zip(
        second_order(net, squares, noise(0, torch.float64), held_out, 0.0), first_order(net, squares, held_out), strict=True
    )
    assert all(torch.allclose(a, b, rtol=1e-12) for a, b in pairs)


# -- a task that needs one operator ----------------------------------------------------------------------------------


def _maxima(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    target = functional.max_pool2d(functional.relu(x), 3, 1, 1)
    return x, (target - 1.5) * 2


@pytest.mark.parametrize("strategy", ["sync", "first_order_gradient", "second_order_gradient"])
@pytest.mark.parametrize("shared", [True, False])
def test_a_task_that_needs_one_operator_finds_it(strategy, shared):
    torch.manual_seed(0)
    names = ("Zero", "skip_connect", "avg_pool_3x3", "max_pool_3x3")
    net = Toy(names, depth=2, scales=1, one_shot_search=shared)
    _train(net, SearchConfig(arch_search_strategy=strategy, arch_lr=0.05, arch_weight_decay=0.0), 60, _maxima, rate=0.05)
    weights = functional.softmax(net.fabric.alphas.detach().flatten(), 0)
    assert names[int(weights.argmax())] == "max_pool_3x3"
    assert weights.max() > 0.5


# -- data and configuration ------------------------------------------------------------------------------------------


def test_data_are_split_two_to_one_and_nothing_is_on_both_sides():
    weights, architecture = split(300, SearchConfig(), seed=1)
    assert (len(weights), len(architecture)) == (200, 100)
    assert sorted([*weights, *architecture]) == list(range(300))
    again, _ = split(300, SearchConfig(), seed=1)
    assert (weights == again).all()


def test_too_few_to_split_is_an_error():
    with pytest.raises(XnectError, match=r"1 training samples.*split 2:1"):
        split(1, SearchConfig())


WRONG = [
    ("arch_search_strategy=second", r"arch_search_strategy.*second_order_gradient"),
    ("arch_lr=0", r"arch_lr.*more than 0"),
    ("split_for_train=0", r"split_for_train.*1 to"),
    ("search=sync", r"'search'.*unknown"),
]


@pytest.mark.parametrize(("item", "message"), WRONG)
def test_a_wrong_configuration_names_its_key(item, message):
    with pytest.raises(XnectError, match=message):
        load_config(SearchConfig, None, [item])


def test_the_published_word_for_no_search_is_taken():
    assert load_config(SearchConfig, None, ["arch_search_strategy=None"]).arch_search_strategy == "None"
