"""The one loop of the trainings that take minutes: epochs over people in memory, the best by validation kept. On the CPU.

The averaged weights are those of `checkpoint.Ema`, as in Stage I: torch's own AveragedModel has no warm-up, and a run of few
steps would be kept from what it learnt first.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from xnect_lite.errors import XnectError
from xnect_lite.inference.weights import save_weights
from xnect_lite.models.lifter import Lifter
from xnect_lite.models.refiner import Refiner
from xnect_lite.train.checkpoint import Ema
from xnect_lite.train.schedule import learning_rate
from xnect_lite.train.short_run import adamw

Net = TypeVar("Net", Refiner, Lifter)


class LoopSettings(Protocol):
    """What a training's configuration says of the loop."""

    @property
    def epochs(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def warm_up_steps(self) -> int: ...
    @property
    def final_rate(self) -> float: ...
    @property
    def ema_decay(self) -> float: ...


@dataclass(frozen=True)
class Task(Generic[Net]):
    """What is learnt.

    people, batch: how many there are, and how many of them make a step.
    loss:      network and the rows (batch,) of a step's people -> what is to become small.
    score:     averaged network, in eval mode -> figures of people held out.
    decides:   which of these figures, the less the better, says which epoch is kept.
    clip_norm: of the gradients.
    before:    figures without the network, to be told beside the best.
    """

    people: int
    batch: int
    loss: Callable[[Net, Tensor], Tensor]
    score: Callable[[Net], dict[str, float]]
    decides: str
    clip_norm: float
    before: Mapping[str, float]


def fit(
    net: Net, fresh: Callable[[], Net], task: Task[Net], config: LoopSettings, out: Path, order: torch.Generator
) -> dict[str, float]:
    """Train ``net``; best.safetensors and log.jsonl are left in ``out``. Returns the best epoch's figures.

    fresh: makes a network like it, to hold the averaged weights. order: draws the people of every step, and whatever ``task``
    draws besides. Raises XnectError if the loss is no number any more.
    """
    optimizer = adamw(net, config.learning_rate, config.weight_decay)
    ema = Ema(net, config.ema_decay)
    best: dict[str, float] = {task.decides: math.inf}
    steps_per_epoch = max(1, task.people // task.batch)
    total, step = config.epochs * steps_per_epoch, 0
    with (out / "log.jsonl").open("w", encoding="utf-8") as log:
        for epoch in range(config.epochs):
            net.train()
            people, mean = torch.randperm(task.people, generator=order), 0.0
            for i in range(steps_per_epoch):
                rate = learning_rate(config.learning_rate, step, step / total, config.warm_up_steps, config.final_rate)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                loss = task.loss(net, people[i * task.batch : (i + 1) * task.batch])
                if not torch.isfinite(loss):
                    raise XnectError("the loss", f"is no longer finite in epoch {epoch}", "Lower learning_rate")
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_(net.parameters(), task.clip_norm)
                optimizer.step()
                ema.update()
                step, mean = step + 1, mean + float(loss.detach()) / steps_per_epoch
            averaged = fresh()
            averaged.load_state_dict(ema.values)
            figures = {"epoch": epoch + 1, "training_loss": mean, **task.score(averaged.eval())}
            print(json.dumps(figures), file=log, flush=True)
            print(" ".join(f"{k} {v:.4g}" for k, v in figures.items()), file=sys.stderr, flush=True)
            if figures[task.decides] < best[task.decides]:
                best = {**task.before, **figures}
                save_weights(out / "best.safetensors", ema.values, net.arch)
    return best
