"""Measure how long networks take: warmed up, synchronised, in turns, so that drift of the machine hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from xnect_lite.benchmark.candidate import Candidate

Pass = Callable[[], object]
"""One forward pass, or in training one forward and backward pass. On a GPU it may return before the GPU is done."""

REFERENCE = "resnet50"
"""The network that all ratios refer to."""


@dataclass(frozen=True)
class Conditions:
    """What a figure depends on beside the network. device: its name; date: ISO; layout: of tensors in memory."""

    device: str
    precision: str
    layout: str
    threads: int
    torch: str
    date: str


@dataclass(frozen=True)
class Timing:
    """The figures of one candidate; None where nothing was measured, and ``note`` says why.

    best_ms: the fastest pass. Far below the median it says that something else was running on the machine.
    ratio: ResNet-50's median over this one's, same run, engine, size and batch, and the same form if it was measured.
    peak_mib: of weights, input and activations (in training also gradients).
    largest_batch: that still fits the GPU's memory.
    """

    candidate: Candidate
    conditions: Conditions
    iterations: int
    median_ms: float | None = None
    p95_ms: float | None = None
    best_ms: float | None = None
    ratio: float | None = None
    peak_mib: float | None = None
    largest_batch: int | None = None
    note: str = ""


def time_on_cpu(run: Pass) -> float:
    """Milliseconds of one pass."""
    begin = time.perf_counter()
    run()
    return (time.perf_counter() - begin) * 1e3


def time_on_gpu(run: Pass) -> float:
    """Milliseconds from an idle current GPU to the end of the pass, by CUDA events."""
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    start.record()
    run()
    end.record()
    end.synchronize()
    return start.elapsed_time(end)


def time_in_turns(
    passes: Sequence[Pass],
    clock: Callable[[Pass], float],
    iterations: int,
    turn: int = 5,
    on_turn: Callable[[], object] = lambda: None,
) -> list[list[float]]:
    """Milliseconds of ``iterations`` passes of each, ``turn`` passes at a time, every other round in reverse.

    Each turn begins with a pass that does not count: it finds the caches full of another network. ``on_turn`` is called
    after each turn.
    """
    times: list[list[float]] = [[] for _ in passes]
    done, backwards = 0, False
    while done < iterations:
        count = min(turn, iterations - done)
        for i in reversed(range(len(passes))) if backwards else range(len(passes)):
            passes[i]()
            times[i].extend(clock(passes[i]) for _ in range(count))
            on_turn()
        done, backwards = done + count, not backwards
    return times


def median_and_p95(times_ms: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile, linear between the two nearest."""
    median, p95 = np.percentile(times_ms, (50, 95))
    return float(median), float(p95)


def with_ratios(rows: Sequence[Timing]) -> list[Timing]:
    """The rows with ``ratio`` filled in where ResNet-50 was timed under the same conditions."""
    reference = {_comparable(row, row.candidate.form): row.median_ms for row in rows if row.candidate.network == REFERENCE}

    def filled(row: Timing) -> Timing:
        base = reference.get(_comparable(row, row.candidate.form)) or reference.get(_comparable(row, "plain"))
        return replace(row, ratio=base / row.median_ms) if base and row.median_ms else row

    return [filled(row) for row in rows]


def _comparable(row: Timing, form: str) -> tuple:
    return replace(row.candidate, network="", form=form, grouped=False, weights="", gamma_threshold=0.0), row.conditions


def largest_batch(fits: Callable[[int], bool], limit: int = 4096) -> int:
    """The largest batch up to ``limit`` that fits, 0 if none does: by doubling, then halving the gap."""
    good, bad = 0, 1
    while bad <= limit and fits(bad):
        good, bad = bad, bad * 2
    bad = min(bad, limit + 1)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if fits(middle) else (good, middle)
    return good


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the GPU's memory was the reason; cuDNN and cuBLAS say so in words only."""
    words = str(error)
    return isinstance(error, torch.OutOfMemoryError) or any(w in words for w in ("out of memory", "ALLOC_FAILED"))
