"""From candidates of one size to their figures."""

from __future__ import annotations

import datetime
import gc
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch

from xnect_lite.benchmark import peak_memory
from xnect_lite.benchmark.candidate import Candidate
from xnect_lite.benchmark.candidates import build_pass
from xnect_lite.benchmark.clock import (
    Conditions,
    Pass,
    Timing,
    is_out_of_memory,
    largest_batch,
    median_and_p95,
    time_in_turns,
    time_on_cpu,
    time_on_gpu,
)
from xnect_lite.errors import XnectError
from xnect_lite.inference.devices import cpu_name


@dataclass(frozen=True)
class Plan:
    """How to measure. memory: on a CPU it takes a process per candidate; on a GPU it costs nothing and is always done."""

    iterations: int = 50
    warm_up: int = 10
    memory: bool = False
    largest_batch: bool = False


def conditions(candidate: Candidate, device: torch.device) -> Conditions:
    """What the candidate's figures depend on."""
    precision = candidate.precision
    if device.type == "cuda" and precision == "fp32" and torch.backends.cudnn.allow_tf32:
        precision = "fp32 (TF32 where the GPU has it)"
    return Conditions(
        device=f"GPU {torch.cuda.get_device_name(device)}" if device.type == "cuda" else f"CPU {cpu_name()}".strip(),
        precision=precision,
        layout="channels-last" if candidate.channels_last or candidate.pose else "contiguous",
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        date=datetime.date.today().isoformat(),
    )


def measure(
    candidates: Sequence[Candidate], device: torch.device, plan: Plan, on_step: Callable[[], object] = lambda: None
) -> list[Timing]:
    """Time the candidates side by side; all should have the same size and batch. ``on_step`` is called `steps` times.

    A candidate that cannot run here (no such package, no compiler, too little GPU memory) gets a row with a note.
    """
    on_gpu = device.type == "cuda"
    rows: list[Timing] = []
    passes: dict[int, Pass] = {}
    with torch.backends.cudnn.flags(enabled=True, benchmark=True), torch.cuda.device(device) if on_gpu else nullcontext():
        for candidate in candidates:
            row = Timing(candidate, conditions(candidate, device), plan.iterations)
            try:
                passes[len(rows)], peak_mib = _warm(candidate, device, plan)
                row = replace(row, peak_mib=peak_mib)
            except (XnectError, RuntimeError, ValueError) as error:
                row = replace(row, note=_reason(error, candidate))
            rows.append(row)
            on_step()
        times = time_in_turns(list(passes.values()), time_on_gpu if on_gpu else time_on_cpu, plan.iterations, on_turn=on_step)
        for i, times_ms in zip(passes, times, strict=True):
            median, p95 = median_and_p95(times_ms)
            rows[i] = replace(rows[i], median_ms=median, p95_ms=p95, best_ms=min(times_ms))
        passes.clear()
        if plan.largest_batch:
            rows = [replace(row, largest_batch=_largest_batch(row.candidate, device)) for row in rows]
    gc.collect()  # before the next size
    return rows


def steps(candidates: int, plan: Plan, turn: int = 5) -> int:
    """How often `measure` calls ``on_step`` if every candidate runs."""
    return candidates * (1 + -(-plan.iterations // turn))


def _warm(candidate: Candidate, device: torch.device, plan: Plan) -> tuple[Pass, float | None]:
    """A pass that has run ``warm_up`` times, and its peak memory in MiB."""
    on_gpu = device.type == "cuda"
    if on_gpu:
        _free_gpu()
    before = torch.cuda.memory_allocated() if on_gpu else 0
    run = build_pass(candidate, device)
    for _ in range(max(1, plan.warm_up)):
        run()
    if not on_gpu:
        return run, peak_memory.in_fresh_process(candidate) if plan.memory else None
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    run()
    torch.cuda.synchronize()
    return run, (torch.cuda.max_memory_allocated() - before) / 2**20


def _reason(error: Exception, candidate: Candidate) -> str:
    """Why this candidate has no figures. Anything unexpected is raised again."""
    if isinstance(error, XnectError):
        return str(error)
    if is_out_of_memory(error):
        return "out of memory"
    if isinstance(error, ValueError) and candidate.train:  # batch norm over a single value
        return f"cannot be trained at this size ({error})"
    raise error


def _largest_batch(candidate: Candidate, device: torch.device) -> int:
    def fits(batch: int) -> bool:
        try:
            build_pass(replace(candidate, batch=batch), device)()
            torch.cuda.synchronize()
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return False
        finally:
            _free_gpu()
        return True

    return largest_batch(fits)


def _free_gpu() -> None:
    gc.collect()
    torch.cuda.empty_cache()
