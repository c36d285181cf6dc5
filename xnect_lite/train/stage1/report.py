"""What a training run says: lines on the terminal, log.jsonl, contact sheets, and TensorBoard where it is installed."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

from xnect_lite.data.contact_sheet import save_contact_sheet
from xnect_lite.train.stage1.step import StepResult

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class Report:
    """The run's voice; ``silent`` in every process but the first. A full disk loses lines of the logs, never the run."""

    def __init__(self, out: Path, silent: bool, tensorboard: bool, step: int, seen: int) -> None:
        self.out, self.silent = out, silent
        self._board = None if silent or not tensorboard else open_board(out / "tensorboard", step)
        self._running: dict[str, float] = {}
        self._began, self._began_seen = time.monotonic(), seen

    def losses(self, step: int, seen: int, progress: float, rate: float, terms: dict[str, float], spent_s: float) -> None:
        """Loss terms of a step, smoothed over the last ones; images per second of this sitting; minutes left."""
        self._running = {k: v if k not in self._running else 0.8 * self._running[k] + 0.2 * v for k, v in terms.items()}
        pace = (seen - self._began_seen) / (time.monotonic() - self._began)
        left = f", {(1 - progress) / progress * spent_s / 60:.0f} min left" if progress > 0 else ""
        parts = " ".join(f"{k} {v:.3f}" for k, v in self._running.items())
        self.say(f"step {step} {progress:6.1%} lr {rate:.1e} {parts} | {pace:.1f} images/s{left}")
        losses = {f"loss/{name}": value for name, value in (*terms.items(), ("sum", sum(terms.values())))}
        self._plot(step, {**losses, "rate": rate, "images_per_s": pace, "images_seen": seen})

    def validation(self, step: int, seen: int, spent_s: float, figures: dict[str, float]) -> None:
        """Figures of the averaged weights."""
        line = {"step": step, "seen": seen, "minutes": round(spent_s / 60, 2), **figures}
        self.say(" ".join(f"{k}={v:.3f}" if isinstance(v, float) else f"{k}={v}" for k, v in line.items()))
        self._plot(step, {f"validation/{name}": value for name, value in figures.items()})
        if not self.silent:
            with self._unless_full("log.jsonl"), (self.out / "log.jsonl").open("a", encoding="utf-8") as log:
                print(json.dumps(line), file=log, flush=True)

    def sheet(self, step: int, result: StepResult) -> None:
        """A contact sheet of the step's last micro-batch."""
        if self.silent:
            return
        path = self.out / f"sheet_{step:07d}.jpg"
        with self._unless_full(path.name):
            save_contact_sheet(path, result.image, result.targets, result.maps)
            picture = cv2.imread(str(path)) if self._board else None
            if self._board and picture is not None:
                self._board.add_image("sheet", picture[..., ::-1], step, dataformats="HWC")

    def say(self, text: str) -> None:
        """A line on the terminal."""
        if not self.silent:
            print(text, flush=True)

    def close(self) -> None:
        """Let TensorBoard finish writing."""
        if self._board:
            with self._unless_full("tensorboard"):
                self._board.close()

    def _plot(self, step: int, values: dict[str, Any]) -> None:
        if self._board:
            with self._unless_full("tensorboard"):
                for name, value in values.items():
                    self._board.add_scalar(name, value, step)

    @contextlib.contextmanager
    def _unless_full(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            print(f"{self.out / name}: cannot be written ({error}); training goes on", file=sys.stderr, flush=True)


def open_board(folder: Path, step: int) -> SummaryWriter | None:
    """A TensorBoard log that goes on from ``step``; None where TensorBoard is not installed (extra ``train``)."""
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=step + 1 if step else None)
