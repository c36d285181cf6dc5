"""Single-person training: epochs over crops, with checkpoints and validation; ends by epochs, by the clock or by a signal."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from xnect_lite.config import as_dict, checked
from xnect_lite.data.crops.maps import gaussian_targets, heat_loss, network_input
from xnect_lite.data.sample import evenly
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.mpii_single import pckh_figures
from xnect_lite.evaluate.single import SinglePredictor, find_single, share_right
from xnect_lite.inference.devices import channels_last
from xnect_lite.inference.weights import save_weights
from xnect_lite.models.fabric.describe import cost_lines
from xnect_lite.models.single import SingleNetwork
from xnect_lite.skeleton import JOINT_MAPS
from xnect_lite.train.checkpoint import load_state, noise_state, prepare_folder, restore_noise, save_state
from xnect_lite.train.schedule import Budget, Due
from xnect_lite.train.search.begin import weights_of
from xnect_lite.train.single.config import SingleConfig
from xnect_lite.train.single.data import Batch, read_people
from xnect_lite.train.single.searching import Searching
from xnect_lite.train.single.sheet import write_sheet
from xnect_lite.train.single.start import starting_single
from xnect_lite.train.stage1.processes import Processes
from xnect_lite.train.stage1.stop import StopRequest


def train_single(config: SingleConfig, resume: bool = False) -> bool:
    """Train a single-person network as ``config`` says; False if a signal ended it early.

    The run's folder then holds state.pt, last.safetensors, best.safetensors by validation and, at its end, final.safetensors.
    Raises XnectError for what the user can mend; the last checkpoint is then intact.
    """
    config = checked(config)
    processes = Processes(config.device)
    prepare_folder(Path(config.out), resume)
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    with processes.connected():
        run = SingleRun(config, resume, processes)
        with StopRequest() as stop:
            return run.train(stop)


class SingleRun:
    """A run between two steps: everything that a checkpoint holds, and what makes the next step."""

    def __init__(self, config: SingleConfig, resume: bool, processes: Processes | None = None) -> None:
        self.config, self.out = config, Path(config.out)
        self.processes = processes or Processes(config.device)
        self.device = self.processes.device
        state = load_state(self.out / "state.pt") if resume else None
        self.net: SingleNetwork = channels_last(starting_single(config, state).to(self.device))
        self.people = read_people(config.data, "train", config.joints, config.margin_to_border)
        self.held_out = evenly(
            read_people(config.data, "val", config.joints, config.margin_to_border), config.validation_people
        )
        self.search = Searching(self.net, config, self.people, self._heat, self.processes)
        self.steps = [self.search.steps(epoch) for epoch in range(config.epochs)]  # of every epoch
        self.optimizer = torch.optim.Adam(weights_of(self.net, config.search), lr=config.learning_rate)
        self.epoch, self.done, self.best, spent_s = 0, 0, -math.inf, 0.0  # done: steps of this epoch
        if state is not None:
            spent_s = self._restore(state)
        if self.processes.rank:  # what the network draws as it learns differs between processes
            torch.manual_seed(config.seed + self.processes.rank)
        self.budget = Budget(config.minutes, sum(self.steps), spent_s)
        if self.processes.first:
            (self.out / "config.json").write_text(json.dumps(as_dict(config), indent=2))
        if config.network == "fabric" and self.processes.first:
            picture = torch.zeros(1, 3, config.height_net_px, config.width_net_px)
            print("\n".join(cost_lines(self.net, picture)), flush=True)

    @property
    def step(self) -> int:
        """Steps taken so far."""
        return sum(self.steps[: self.epoch]) + self.done

    @property
    def per_epoch(self) -> int:
        """Steps of this epoch."""
        return self.steps[min(self.epoch, len(self.steps) - 1)]

    def train(self, stop: StopRequest) -> bool:
        """Run to the end, or until a signal. True if it came to its end."""
        self._say(f"{len(self.people)} people to train on, {len(self.held_out)} to validate on")
        self.over = self._agreed(self._out_of_time())[0]
        while self.epoch < self.config.epochs and not self.over:
            if not self._train_epoch(stop):
                self._save(at_the_end=True)
                self._say(f"stopped at step {self.step}, everything is saved; the same command with --resume goes on")
                return False
            if self.epoch % self.config.validate_every == 0 or self.epoch == self.config.epochs or self.over:
                self._validate()
            self._save(at_the_end=self.epoch == self.config.epochs)
        if self.processes.first:
            save_weights(self.out / "final.safetensors", self.net.state_dict(), self.net.arch)
        return True

    def _say(self, line: str) -> None:
        if self.processes.first:
            print(line, flush=True)

    def _agreed(self, *wishes: bool) -> list[bool]:
        """Whether any process wishes so: clocks and signals differ between them."""
        return [bool(wish) for wish in self.processes.exchange([float(wish) for wish in wishes]).max(0)]

    def _out_of_time(self) -> bool:
        return self.config.minutes > 0 and self.budget.spent_s >= 60 * self.config.minutes

    def _train_epoch(self, stop: StopRequest) -> bool:
        """The rest of an epoch; False if a signal ended it. Time that runs out ends it as if it were complete."""
        self.net.train()
        self.net.begin_epoch(self.epoch, self.config.epochs)
        checkpoint, began, seen = Due(self.config.checkpoint_every_minutes), time.monotonic(), 0
        held_out = self.search.held_out(self.epoch, self.done)
        for batch in self.search.batches(self.epoch, self.done):
            if self.search.active(self.epoch):
                self.search.step(batch, next(held_out), self._rate())
            terms = self._step(batch)
            self.done, seen = self.done + 1, seen + len(batch[0])
            if self.done % self.config.log_every == 0 or self.done == self.per_epoch:
                self._say_losses(terms, seen / (time.monotonic() - began))
            if self.config.sheet_every and self.step % self.config.sheet_every == 0 and self.processes.first:
                self._sheet(batch)
            stopping, self.over, saving = self._agreed(stop.received, self._out_of_time(), checkpoint.now)
            if stopping:
                return False
            if self.over:
                break
            if saving:
                self._save(at_the_end=False)
                checkpoint.restart()
        self.epoch, self.done = self.epoch + 1, 0
        return True

    def _step(self, batch: Batch) -> dict[str, Tensor]:
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        terms = {"heat": self._heat(self.net, batch), **self.net.extra_loss()}
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()
        self.processes.average([p.grad for p in self.net.parameters() if p.grad is not None])
        self.optimizer.step()
        # Every process has seen other people: norms keep the mean of their statistics.
        self.processes.average([b for name, b in self.net.named_buffers() if name.endswith(("running_mean", "running_var"))])
        return {name: term.detach() for name, term in terms.items()}

    def _heat(self, forward: Callable[[Tensor], list[Tensor]], batch: Batch) -> Tensor:
        """The loss of the heat maps that ``forward`` makes of a batch."""
        config, device = self.config, self.device
        crops, places, weight = batch
        image = network_input(crops.to(device), config.bgr).contiguous(memory_format=torch.channels_last)
        size = (config.width_net_px, config.height_net_px)
        target, weight = gaussian_targets(places.to(device), weight.to(device), size, self.net.stride, config.sigma)
        with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            outputs = forward(image)
        return heat_loss(outputs, target, weight)

    def _rate(self) -> float:
        config = self.config
        drops = sum(self.epoch >= epoch for epoch in config.drop_epochs)
        return config.learning_rate / config.drop**drops * min(1.0, (self.step + 1) / max(1, config.warm_up_steps))

    def _sheet(self, batch: Batch) -> None:
        """What the network, as it is in use, finds in the batch it has just learned from."""
        crops, taught, weight = batch
        self.net.eval()
        found, _ = SinglePredictor.of(self.net, self.device).places(crops)
        self.net.train()
        write_sheet(self.out / f"sheet_{self.step:06d}.jpg", crops, taught, weight, found)

    def _say_losses(self, terms: dict[str, Tensor], pace: float) -> None:
        values = {name: float(term) for name, term in terms.items()}
        if not all(map(math.isfinite, values.values())):
            raise XnectError("the loss", f"is no longer finite at step {self.step} ({values})", self._lower_rate())
        parts = " ".join(f"{name} {value:.5f}" for name, value in values.items())
        pace *= self.processes.count
        self._say(f"epoch {self.epoch} step {self.done}/{self.per_epoch} {parts} | {pace:.1f} crops/s")

    def _lower_rate(self) -> str:
        return f"The checkpoint in {self.out} is intact: same command with --resume and a lower learning_rate"

    def _validate(self) -> None:
        """Score, and keep the best weights. MPII: PCKh; otherwise the share of limb joints within 0.2 of the torso."""
        if not self.processes.first:
            return
        self.net.eval()
        predictor = SinglePredictor.of(self.net, self.device)
        found, _ = find_single(predictor, self.held_out, self.config.batch)
        figures: dict[str, Any] = {"epoch": self.epoch, "step": self.step, "minutes": round(self.budget.spent_s / 60, 2)}
        if self.config.data.mpii:
            figures |= pckh_figures(found, self.held_out)
            score = figures["mean"]
        else:
            score = figures["pck"] = share_right(found, self.held_out, JOINT_MAPS[self.config.joints])
        print(" ".join(f"{k} {v:.4g}" for k, v in figures.items()), flush=True)
        with (self.out / "log.jsonl").open("a", encoding="utf-8") as log:
            print(json.dumps(figures), file=log, flush=True)
        if not score <= self.best:  # without truth it is NaN: the latest is then the best
            self.best = score
            save_weights(self.out / "best.safetensors", self.net.state_dict(), self.net.arch)

    def _save(self, at_the_end: bool) -> None:
        """Checkpoint. Where that fails (full disk) on the way, say so and try again at the next one: room may be made."""
        if not all(bool(value.isfinite().all()) for value in self.net.parameters()):  # must not replace a good checkpoint
            raise XnectError("the weights", f"are no longer finite at step {self.step}", self._lower_rate())
        if not self.processes.first:
            return
        state = {
            "net": self.net.state_dict(), "arch": json.dumps(self.net.arch), "optimizer": self.optimizer.state_dict(),
            "epoch": self.epoch, "done": self.done, "best": float(self.best), "spent_s": self.budget.spent_s,
            "search": self.search.state(),
            "people": len(self.people), "batch": self.config.batch * self.processes.count,
            "noise": noise_state(self.device),
        }  # fmt: skip
        try:
            save_state(self.out / "state.pt", state)
            save_weights(self.out / "last.safetensors", self.net.state_dict(), self.net.arch)
        except XnectError as error:
            if at_the_end:
                raise
            print(f"{error}. Training goes on and tries again later", file=sys.stderr, flush=True)

    def _restore(self, state: dict[str, Any]) -> float:
        """Take over a checkpoint; returns the seconds spent so far."""
        try:
            if (state["people"], state["batch"]) != (len(self.people), self.config.batch * self.processes.count):
                raise ValueError(f"it was trained on {state['people']} people, {state['batch']} a step")
            self.net.load_state_dict(state["net"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.search.restore(state.get("search", {}))
            self.epoch, self.done, self.best = state["epoch"], state["done"], state["best"]
            restore_noise(self.device, state["noise"])
            return float(state["spent_s"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            cause = f"does not fit this run ({str(error).splitlines()[0]})"
            raise XnectError(str(self.out / "state.pt"), cause, "Resume with the configuration it was started with") from error
