"""One step of the optimiser: the mean gradient of all micro-batches of all processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from xnect_lite.data.targets import Targets, encode
from xnect_lite.models.fabric.fabric import architecture_parameters
from xnect_lite.models.xnect import XNect
from xnect_lite.train.stage1.config import Stage1Config
from xnect_lite.train.stage1.losses import stage1_losses
from xnect_lite.train.stage1.processes import Processes
from xnect_lite.train.stage1.slots import Slots
from xnect_lite.train.stage1.teacher import Teacher


@dataclass(frozen=True)
class StepResult:
    """Of this process: canvases drawn, mean loss terms (still on the device), and its last micro-batch for contact sheets."""

    canvases: int
    terms: dict[str, Tensor]
    image: Tensor
    targets: Targets
    maps: dict[str, Tensor]


class Stepper:
    """Takes steps with a network. Gradients are exchanged between processes once per step, with the last micro-batch."""

    def __init__(self, net: XNect, config: Stage1Config, processes: Processes, slots: Slots) -> None:
        self.net, self.config, self.slots = net, config, slots
        self.shared = processes.wrap(net)
        self.forward = torch.compile(self.shared) if config.compile else self.shared
        self.statistics = StepStatistics(net, processes, slots.total)
        device = processes.device.type
        self.autocast = torch.autocast(device, dtype=torch.bfloat16, enabled=config.precision == "bf16")
        self.optimizer = make_optimizer(net, config, fused=device == "cuda")
        self.teacher = Teacher(config.teacher, net.stride, processes.device) if config.teacher else None

    def step(self, rate: float, finishing: bool) -> StepResult:
        """Draw, compute, and move the weights once at learning rate ``rate``."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        self.optimizer.zero_grad(set_to_none=True)
        last, mean = max(self.slots.samplers), 1 / len(self.slots.samplers)
        canvases = 0
        sums: dict[str, Tensor] = {}
        for k in self.slots.samplers:
            image, labels = self.slots.draw(k, finishing)
            targets = encode(labels, self.net.stride, image.shape[3], image.shape[2])
            shared = self.shared
            silent = shared.no_sync if k != last and isinstance(shared, DistributedDataParallel) else nullcontext
            with silent(), self.statistics.of_micro_batch():
                image = image.contiguous(memory_format=torch.channels_last)
                with self.autocast:
                    maps = self.forward(image)
                terms = {**self._terms(image, maps, targets), **self.net.extra_loss()}
                (mean * torch.stack(list(terms.values())).sum()).backward()
            canvases += len(image)
            for name, term in terms.items():
                sums[name] = sums[name] + mean * term.detach() if name in sums else mean * term.detach()
        self.statistics.settle()
        nn.utils.clip_grad_norm_(self.net.parameters(), self.config.clip_norm)
        self.optimizer.step()
        return StepResult(canvases, sums, image, targets, maps)

    def _terms(self, image: Tensor, maps: dict[str, Tensor], targets: Targets) -> dict[str, Tensor]:
        """Loss terms against the labels and, where there is a teacher, its answers."""
        terms = stage1_losses(maps, targets, self.config.loss)
        if self.teacher is None:
            return terms
        with self.autocast:
            answers = self.teacher.targets(image, targets)
        taught, share = stage1_losses(maps, answers, self.config.loss), self.config.teacher_share
        return {name: (1 - share) * term + share * taught[name] for name, term in terms.items()}


class StepStatistics:
    """Running statistics of batch norms over a step of several micro-batches.

    Each micro-batch moves them from where the step began, and the step ends at the mean: the same for any sharing out of
    the micro-batches, and alike in all processes. With one micro-batch per step there is nothing to do.
    """

    def __init__(self, net: nn.Module, processes: Processes, total: int) -> None:
        norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)] if total > 1 else []
        self.values: list[Tensor] = [b for norm in norms for b in (norm.running_mean, norm.running_var) if b is not None]
        self.processes = processes
        self._moved: list[list[Tensor]] = []

    @contextmanager
    def of_micro_batch(self) -> Iterator[None]:
        """Around a forward pass: what it does to the statistics is kept aside."""
        begin = [value.clone() for value in self.values]
        yield
        self._moved.append([value.clone() for value in self.values])
        for value, old in zip(self.values, begin, strict=True):
            value.copy_(old)

    def settle(self) -> None:
        """End the step: every statistic becomes the mean of what was kept aside in all processes."""
        for value, *moved in zip(self.values, *self._moved, strict=True):
            value.copy_(torch.stack(moved).mean(0))
        self._moved.clear()
        self.processes.average(self.values)


def make_optimizer(net: XNect, config: Stage1Config, fused: bool = False) -> torch.optim.Optimizer:
    """The optimiser that ``config`` names; the backbone learns at its own share of the rate.

    adamw: weight decay on matrices and kernels only. adam: L2 on everything, the scales of norms included, which drives
    channels that are not needed to zero (Mehta, Kim and Theobalt, CVPR 2019).
    """
    groups: list[dict[str, Any]] = []
    apart = architecture_parameters(net)  # weights that weigh operators: decay would make them all alike
    if apart:
        groups.append({"params": apart, "weight_decay": 0.0, "share": 1.0})
    for module, share in ((net.backbone, config.backbone_rate), (net.heads, 1.0)):
        parameters = [p for p in module.parameters() if not any(p is other for other in apart)]
        if config.optimizer == "adam":
            groups.append({"params": parameters, "weight_decay": config.weight_decay, "share": share})
            continue
        matrices, vectors = [p for p in parameters if p.ndim > 1], [p for p in parameters if p.ndim <= 1]
        groups.append({"params": matrices, "weight_decay": config.weight_decay, "share": share})
        groups.append({"params": vectors, "weight_decay": 0.0, "share": share})
    kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
    return kind(groups, lr=config.learning_rate, fused=fused)


def restore_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load a saved ``state``. How steps are computed, fused or one tensor after the other, stays as this device has it.

    Raises KeyError or ValueError if it is another network's.
    """
    own = {key: optimizer.param_groups[0].get(key) for key in ("fused", "foreach")}
    groups = [group | own for group in state["param_groups"]]
    optimizer.load_state_dict({**state, "param_groups": groups})
