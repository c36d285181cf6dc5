"""Single-person training: epochs over crops, with checkpoints and validation; ends by epochs, by the clock or by a signal."""

from __future__ import annotations

import json
import math
import sys
import time
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
from xnect_lite.inference.devices import channels_last, choose_device
from xnect_lite.inference.single import start_from
from xnect_lite.inference.weights import save_weights
from xnect_lite.models.single import SingleNetwork, build_single
from xnect_lite.skeleton import JOINT_MAPS
from xnect_lite.train.checkpoint import load_state, prepare_folder, save_state
from xnect_lite.train.schedule import Budget, Due
from xnect_lite.train.single.config import SingleConfig, arch_of
from xnect_lite.train.single.data import epoch_batches, read_people, steps_per_epoch
from xnect_lite.train.stage1.stop import StopRequest


def train_single(config: SingleConfig, resume: bool = False) -> bool:
    """Train a single-person network as ``config`` says; False if a signal ended it early.

    The run's folder then holds state.pt, last.safetensors, best.safetensors by validation and, at its end, final.safetensors.
    Raises XnectError for what the user can mend; the last checkpoint is then intact.
    """
    config = checked(config)
    prepare_folder(Path(config.out), resume)
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    run = SingleRun(config, resume)
    with StopRequest() as stop:
        return run.train(stop)


class SingleRun:
    """A run between two steps: everything that a checkpoint holds, and what makes the next step."""

    def __init__(self, config: SingleConfig, resume: bool) -> None:
        self.config, self.out = config, Path(config.out)
        self.device = choose_device(config.device)
        state = load_state(self.out / "state.pt") if resume else None
        self.net: SingleNetwork = build_single(arch_of(config))
        if config.init and state is None:
            start_from(self.net, config.init)
        self.net = channels_last(self.net.to(self.device))
        self.people = read_people(config.data, "train", config.joints)
        self.held_out = evenly(read_people(config.data, "val", config.joints), config.validation_people)
        self.per_epoch = steps_per_epoch(len(self.people), config.batch)
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=config.learning_rate)
        self.epoch, self.done, self.best, spent_s = 0, 0, -math.inf, 0.0  # done: steps of this epoch
        if state is not None:
            spent_s = self._restore(state)
        self.budget = Budget(config.minutes, config.epochs * self.per_epoch, spent_s)
        (self.out / "config.json").write_text(json.dumps(as_dict(config), indent=2))

    @property
    def step(self) -> int:
        """Steps taken so far."""
        return self.epoch * self.per_epoch + self.done

    def train(self, stop: StopRequest) -> bool:
        """Run to the end, or until a signal. True if it came to its end."""
        print(f"{len(self.people)} people to train on, {len(self.held_out)} to validate on", flush=True)
        while self.epoch < self.config.epochs and not self._out_of_time():
            if not self._train_epoch(stop):
                self._save(at_the_end=True)
                print(f"stopped at step {self.step}, everything is saved; the same command with --resume goes on", flush=True)
                return False
            if self.epoch % self.config.validate_every == 0 or self.epoch == self.config.epochs or self._out_of_time():
                self._validate()
            self._save(at_the_end=self.epoch == self.config.epochs)
        save_weights(self.out / "final.safetensors", self.net.state_dict(), self.net.arch)
        return True

    def _out_of_time(self) -> bool:
        return self.config.minutes > 0 and self.budget.spent_s >= 60 * self.config.minutes

    def _train_epoch(self, stop: StopRequest) -> bool:
        """The rest of an epoch; False if a signal ended it. Time that runs out ends it as if it were complete."""
        self.net.train()
        self.net.begin_epoch(self.epoch, self.config.epochs)
        checkpoint, began, seen = Due(self.config.checkpoint_every_minutes), time.monotonic(), 0
        for batch in epoch_batches(self.people, self.config, self.epoch, self.done):
            terms = self._step(*batch)
            self.done, seen = self.done + 1, seen + len(batch[0])
            if self.done % self.config.log_every == 0 or self.done == self.per_epoch:
                self._say_losses(terms, seen / (time.monotonic() - began))
            if stop.received:
                return False
            if self._out_of_time():
                break
            if checkpoint.now:
                self._save(at_the_end=False)
                checkpoint.restart()
        self.epoch, self.done = self.epoch + 1, 0
        return True

    def _step(self, crops: Tensor, places: Tensor, weight: Tensor) -> dict[str, Tensor]:
        config, device = self.config, self.device
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        image = network_input(crops.to(device), config.bgr).contiguous(memory_format=torch.channels_last)
        size = (config.width_net_px, config.height_net_px)
        target, weight = gaussian_targets(places.to(device), weight.to(device), size, self.net.stride, config.sigma)
        with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            outputs = self.net(image)
        terms = {"heat": heat_loss(outputs, target, weight), **self.net.extra_loss()}
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()
        self.optimizer.step()
        return {name: term.detach() for name, term in terms.items()}

    def _rate(self) -> float:
        config = self.config
        drops = sum(self.epoch >= epoch for epoch in config.drop_epochs)
        return config.learning_rate / config.drop**drops * min(1.0, (self.step + 1) / max(1, config.warm_up_steps))

    def _say_losses(self, terms: dict[str, Tensor], pace: float) -> None:
        values = {name: float(term) for name, term in terms.items()}
        if not all(map(math.isfinite, values.values())):
            raise XnectError("the loss", f"is no longer finite at step {self.step} ({values})", self._lower_rate())
        parts = " ".join(f"{name} {value:.5f}" for name, value in values.items())
        print(f"epoch {self.epoch} step {self.done}/{self.per_epoch} {parts} | {pace:.1f} crops/s", flush=True)

    def _lower_rate(self) -> str:
        return f"The checkpoint in {self.out} is intact: same command with --resume and a lower learning_rate"

    def _validate(self) -> None:
        """Score, and keep the best weights. MPII: PCKh; otherwise the share of limb joints within 0.2 of the torso."""
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
        state = {
            "net": self.net.state_dict(), "arch": json.dumps(self.net.arch), "optimizer": self.optimizer.state_dict(),
            "epoch": self.epoch, "done": self.done, "best": float(self.best), "spent_s": self.budget.spent_s,
            "people": len(self.people), "batch": self.config.batch, "noise": noise_state(self.device),
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
            if (state["people"], state["batch"]) != (len(self.people), self.config.batch):
                raise ValueError(f"it was trained on {state['people']} people, {state['batch']} a step")
            self.net.load_state_dict(state["net"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.epoch, self.done, self.best = state["epoch"], state["done"], state["best"]
            restore_noise(self.device, state["noise"])
            return float(state["spent_s"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            cause = f"does not fit this run ({str(error).splitlines()[0]})"
            raise XnectError(str(self.out / "state.pt"), cause, "Resume with the configuration it was started with") from error


def noise_state(device: torch.device) -> list[Tensor]:
    """Where torch's generators stand: networks draw from them as they learn (masks, dropout)."""
    states = [torch.get_rng_state()]
    return [*states, torch.cuda.get_rng_state(device)] if device.type == "cuda" else states


def restore_noise(device: torch.device, states: list[Tensor]) -> None:
    """Go on drawing where `noise_state` stood. On another kind of device the numbers there are others anyway."""
    torch.set_rng_state(states[0])
    if device.type == "cuda" and len(states) > 1:
        torch.cuda.set_rng_state(states[1], device)
