"""Gradients of the architecture: of its own loss, at the weights as they are or after the step they would take.

First and second order after Liu, Simonyan and Yang, "DARTS: Differentiable Architecture Search" (2019), equations 5 to 7. The
second order is differentiated exactly, through the step, instead of by finite differences of a perturbed network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.func import functional_call

from xnect_lite.models.fabric.fabric import architecture_parameters, searched_parameters
from xnect_lite.train.search.config import SearchConfig

Forward: TypeAlias = Callable[..., Any]
Loss: TypeAlias = Callable[[Forward, Any], Tensor]
"""(what to call in the network's place, a batch) -> the loss. It must not touch the network itself."""


def first_order(net: nn.Module, loss: Loss, held_out: Any) -> list[Tensor]:
    """Gradients of the loss on ``held_out`` by every searched alpha and beta. Weights and statistics stay as they are."""
    return _by_architecture(net, loss(_at(net, {}), held_out))


def second_order(net: nn.Module, loss: Loss, batch: Any, held_out: Any, rate: float, weight_decay: float = 0.0) -> list[Tensor]:
    """The same after a step of plain gradient descent on ``batch``, and through it: the step depends on alpha and beta too.

    rate, weight_decay: of that step. Weights, their gradients and statistics of ``net`` stay as they are.
    """
    apart = {id(p) for p in architecture_parameters(net)}
    weights = {name: p for name, p in net.named_parameters() if p.requires_grad and id(p) not in apart}
    gradients = torch.autograd.grad(
        loss(_at(net, weights), batch), list(weights.values()), create_graph=True, allow_unused=True
    )
    stepped = {
        name: weight - rate * (weight_decay * weight if gradient is None else gradient + weight_decay * weight)
        for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
    }
    return _by_architecture(net, loss(_at(net, stepped), held_out))


def _at(net: nn.Module, values: Mapping[str, Tensor]) -> Forward:
    """``net`` with these parameters in the place of its own, on copies of its buffers."""
    buffers = {name: buffer.clone() for name, buffer in net.named_buffers()}

    def forward(*inputs: Any) -> Any:
        return functional_call(net, {**buffers, **values}, inputs)

    return forward


def _by_architecture(net: nn.Module, loss: Tensor) -> list[Tensor]:
    searched = searched_parameters(net)
    gradients = torch.autograd.grad(loss, searched, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(searched, gradients, strict=True)]


class ArchitectureStep:
    """The optimiser of alpha and beta: Adam, on gradients of first or second order.

    average: called with the gradients before each step; several processes make their mean of them there.
    """

    def __init__(
        self, net: nn.Module, loss: Loss, config: SearchConfig, average: Callable[[list[Tensor]], None] | None = None
    ) -> None:
        self.net, self.loss, self.config, self.average = net, loss, config, average
        self.optimizer = torch.optim.Adam(searched_parameters(net), config.arch_lr, weight_decay=config.arch_weight_decay)

    def step(self, batch: Any, held_out: Any, rate: float) -> None:
        """batch: of the weights' data, held_out: of the architecture's; rate: the weights' learning rate now."""
        if self.config.arch_search_strategy == "second_order_gradient":
            gradients = second_order(self.net, self.loss, batch, held_out, rate, self.config.arch_weight_decay)
        else:
            gradients = first_order(self.net, self.loss, held_out)
        if self.average:
            self.average(gradients)
        searched = searched_parameters(self.net)
        kept = [p.grad for p in searched]
        for parameter, gradient in zip(searched, gradients, strict=True):
            parameter.grad = gradient.detach()
        self.optimizer.step()
        for parameter, gradient_before in zip(searched, kept, strict=True):
            parameter.grad = gradient_before
