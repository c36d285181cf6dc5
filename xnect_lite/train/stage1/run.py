"""Stage I training: one loop over steps, with checkpoints, validation and an end by the clock, by steps or by a signal."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import torch

from xnect_lite.config import as_dict, checked
from xnect_lite.data.archives.packed import pack
from xnect_lite.errors import XnectError
from xnect_lite.inference.devices import channels_last
from xnect_lite.inference.weights import save_weights
from xnect_lite.train.checkpoint import Ema, load_state, noise_state, prepare_folder, restore_noise, save_state
from xnect_lite.train.schedule import Budget, Due, learning_rate
from xnect_lite.train.stage1.config import Stage1Config
from xnect_lite.train.stage1.data import describe_data, held_out, read_split, refuse_other_data
from xnect_lite.train.stage1.masks import begin_at_people
from xnect_lite.train.stage1.processes import Processes
from xnect_lite.train.stage1.report import Report
from xnect_lite.train.stage1.slots import Slots
from xnect_lite.train.stage1.start import freeze, starting_network
from xnect_lite.train.stage1.step import Stepper, restore_optimizer
from xnect_lite.train.stage1.stop import StopRequest
from xnect_lite.train.stage1.validate import validate

_EPOCHS = 100  # that a run is divided into for networks whose options speak of epochs


def train_stage1(config: Stage1Config, resume: bool = False) -> bool:
    """Train Stage I as ``config`` says; False if a signal ended it early. Every process of the run calls this alike.

    Raises XnectError for what the user can mend; the last checkpoint is then intact.
    """
    config = checked(config)
    processes = Processes(config.device)
    prepare_folder(Path(config.out), resume)
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    # Put back afterwards: whoever trains within a larger program keeps its own settings.
    with torch.backends.cudnn.flags(enabled=True, benchmark=True), processes.connected():
        run = Run(config, processes, resume)
        with StopRequest() as stop:
            return run.train(stop)


class Run:
    """A run between two steps: everything that a checkpoint holds, and what makes the next step."""

    def __init__(self, config: Stage1Config, processes: Processes, resume: bool) -> None:
        self.config, self.processes, self.out = config, processes, Path(config.out)
        device = processes.device
        state = load_state(self.out / "state.pt") if resume else None
        self.net = channels_last(starting_network(config, state).to(device))
        freeze(self.net, config.frozen_stride)
        self.ema = Ema(self.net, config.ema_decay)
        self.train_set = pack(read_split(config.data, "train"), device, progress=processes.first)
        self.held_out = held_out(config.data, config.validation.images) if processes.first else ([], [])
        self.slots = Slots(self.train_set, config, self.net.stride, processes)
        if state is None and self.net.masks is not None and config.dynamic.people_batches:
            self._begin_masks()
        self.stepper = Stepper(self.net, config, processes, self.slots)
        self.step, self.seen, self.best, spent_s = 0, 0, -math.inf, 0.0
        if state is not None:
            spent_s = self._restore(state)
        self.budget = Budget(config.minutes, config.steps, spent_s)
        self.snapshots = [share for share in sorted(config.snapshots) if share > self.budget.progress(self.step)]
        self.terms: dict[str, torch.Tensor] = {}
        self.report = Report(self.out, not processes.first, config.tensorboard, self.step, self.seen)
        if processes.first:
            (self.out / "config.json").write_text(json.dumps(as_dict(config), indent=2))

    def _begin_masks(self) -> None:
        """Fit the masks to people, on whole pictures that the run itself does not draw."""
        config = self.config
        other = Slots(self.train_set, replace(config, seed=config.seed + 1), self.net.stride, self.processes)
        canvases = (other.draw(min(other.samplers), finishing=True)[0] for _ in range(config.dynamic.people_batches))
        found = begin_at_people(self.net, canvases, config.dynamic.target)
        self.ema = Ema(self.net, config.ema_decay)
        if self.processes.first:
            shares = ", ".join(f"{name} {share:.2f}" for name, share in found.items())
            print(f"masks begin at people; of what is active, so much was to be: {shares}", flush=True)

    def train(self, stop: StopRequest) -> bool:
        """Run to the end of the budget, or until any process received a signal. True if it came to its end."""
        config, drawn = self.config, 0
        checkpoint, sheet = Due(config.checkpoint_every_minutes), Due(config.sheet_every_minutes)
        validation = Due(config.validation.every_minutes)
        self.net.train()
        while True:
            # Clocks and signals differ between processes: what happens next is decided on what all of them say.
            told = self.processes.exchange([self.budget.progress(self.step), stop.received, checkpoint.now, drawn])
            progress, stopping, saving, _ = told.max(0)
            self.seen += int(told[:, 3].sum())
            if stopping or progress >= 1:
                break
            if saving:
                self._check_finite(weights=True)  # a broken network must not replace a good checkpoint
                self._save(at_the_end=False)
                checkpoint.restart()
            if self.snapshots and progress >= self.snapshots[0]:
                self._check_finite(weights=True)
                self._keep(f"at_{100 * self.snapshots.pop(0):.0f}.safetensors")
            rate = learning_rate(
                config.learning_rate, self.step, progress, config.warm_up_steps, config.final_rate, config.decay_share
            )
            self.net.begin_epoch(_EPOCHS * progress, _EPOCHS)
            result = self.stepper.step(rate, finishing=progress > 1 - config.data.finish_share)
            self.ema.update()
            self.step, self.terms, drawn = self.step + 1, result.terms, result.canvases
            if self.step % config.log_every == 0:
                seen = self.seen + drawn * self.processes.count
                self.report.losses(self.step, seen, progress, rate, self._check_finite(), self.budget.spent_s)
            if self.step == 1 or sheet.now:
                self.report.sheet(self.step, result)
                sheet.restart()
            if validation.now:
                self._validate()
                validation.restart()
        self._check_finite(weights=True)
        self._save(at_the_end=True)
        if stopping:
            self.report.say(f"stopped at step {self.step}, everything is saved; the same command with --resume goes on")
        elif config.validation.at_end:
            self._validate()
            self._save(at_the_end=True)
        self.report.close()
        return not stopping

    def _check_finite(self, weights: bool = False) -> dict[str, float]:
        """The last step's loss terms, mean over all processes. Raises XnectError in all of them if one is not finite.

        With ``weights``, those are looked at too: the last step may have broken them. Waits for the device: not for every step.
        """
        if not self.terms:
            return {}
        intact = not weights or self.ema.is_finite()
        told = self.processes.exchange([*(float(term) for term in self.terms.values()), float(intact)])
        *means, all_intact = told.mean(0).tolist()
        values = dict(zip(self.terms, means, strict=True))
        next_step = f"The checkpoint in {self.out} is intact: same command with --resume and a lower learning_rate"
        if not all(map(math.isfinite, values.values())):
            raise XnectError("the loss", f"is no longer finite at step {self.step} ({values})", next_step)
        if all_intact < 1:
            raise XnectError("the weights", f"are no longer finite at step {self.step} (loss terms {values})", next_step)
        return values

    def _save(self, at_the_end: bool) -> None:
        """Checkpoint. Where that fails (full disk) on the way, say so and try again at the next one: room may be made."""
        positions = self.slots.state()
        if not self.processes.first:
            return
        state = {
            "net": self.net.state_dict(), "arch": json.dumps(self.net.arch), "optimizer": self.stepper.optimizer.state_dict(),
            "ema": self.ema.values, "ema_updates": self.ema.updates, "step": self.step, "seen": self.seen, "best": self.best,
            "spent_s": self.budget.spent_s, "data": describe_data(self.config.data, self.train_set),
            "config": json.dumps(as_dict(self.config)), **positions,
            "noise": noise_state(self.processes.device),
        }  # fmt: skip
        try:
            save_state(self.out / "state.pt", state)
            save_weights(self.out / "last.safetensors", self.ema.values, self.net.arch)
        except XnectError as error:
            if at_the_end:
                raise
            print(f"{error}. Training goes on and tries again later", file=sys.stderr, flush=True)

    def _validate(self) -> None:
        """Score the averaged weights and keep the best. The other processes wait for the first one to come back."""
        if not self.processes.first:
            return
        trained = {k: v.clone() for k, v in self.net.state_dict().items()}
        self.net.load_state_dict(self.ema.values)
        self.net.eval()
        figures = validate(self.net, *self.held_out, self.config.validation, self.processes.device, self.config.precision)
        self.net.load_state_dict(trained)
        self.net.train()
        self.report.validation(self.step, self.seen, self.budget.spent_s, figures)
        photographs, renders = self.held_out
        pck = figures["renders_pck" if renders and not photographs else "pck"]
        if not pck <= self.best:  # without human joints it is NaN: the latest is then the best
            self.best = pck
            self._keep("best.safetensors")

    def _keep(self, name: str) -> None:
        """Write the averaged weights. A full disk loses this file, not the run."""
        if not self.processes.first:
            return
        try:
            save_weights(self.out / name, self.ema.values, self.net.arch)
        except XnectError as error:
            print(f"{error}. Training goes on", file=sys.stderr, flush=True)

    def _restore(self, state: dict) -> float:
        """Take over a checkpoint; returns the seconds spent so far."""
        try:
            refuse_other_data(state, self.config.data, self.train_set)
            self.net.load_state_dict(state["net"])
            restore_optimizer(self.stepper.optimizer, state["optimizer"])
            self.ema.restore(state["ema"], state["ema_updates"])
            self.step, self.seen = state["step"], state["seen"]
            self.best, spent_s = state["best"], state["spent_s"]
            saved = self.slots.restore(state, self.step)
            if "noise" in state:  # what masks draw; of the first process, others go on from the same
                restore_noise(self.processes.device, state["noise"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            cause = f"does not fit this run ({str(error).splitlines()[0]})"
            raise XnectError(str(self.out / "state.pt"), cause, "Resume with the configuration it was started with") from error
        if saved != self.slots.total and self.processes.first:
            print(
                f"saved with {saved} micro-batches per step, now {self.slots.total}: those in common go on where they were, "
                "additional ones begin at new places in the data", flush=True,
            )  # fmt: skip
        return spent_s
