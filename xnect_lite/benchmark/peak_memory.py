"""Peak memory on the CPU, one candidate per fresh process: ``python -m xnect_lite.benchmark.peak_memory``.

What counts is what the passes hold beyond the program and its libraries: weights, input, activations, scratch memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import torch

from xnect_lite.benchmark.candidate import Candidate
from xnect_lite.benchmark.candidates import build_pass
from xnect_lite.models.torchvision_compat import import_torchvision

_WARM_UP = 3
# Freed memory goes back to the system at once; else the peak of building a network would count as that of running it.
_MALLOC = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}


def in_fresh_process(candidate: Candidate) -> float | None:
    """Peak MiB of the candidate's passes; None where it cannot be read or the process died (such as for want of memory)."""
    call = [sys.executable, "-m", "xnect_lite.benchmark.peak_memory"]
    text = json.dumps({"threads": torch.get_num_threads(), "candidate": asdict(candidate)})
    done = subprocess.run(call, input=text, capture_output=True, text=True, env={**os.environ, **_MALLOC}, check=False)
    return float(done.stdout.split()[-1]) if done.returncode == 0 and done.stdout.split() else None


def measure(candidate: Candidate) -> float:
    """Peak MiB of building excluded, of running included. Meant for a process that does nothing else."""
    _load_libraries()
    before = _now_mib()
    run = build_pass(candidate, torch.device("cpu"))
    _forget_peak()
    for _ in range(_WARM_UP):
        run()
    return _peak_mib() - before


def _load_libraries() -> None:
    """Whatever any candidate needs, so that none is charged for its libraries."""
    import_torchvision()
    torch.nn.Conv2d(3, 8, 3)(torch.zeros(1, 3, 16, 16)).mean().backward()


def _now_mib() -> float:
    return _status_mib("VmRSS") if _HAS_STATUS else _largest_ever_mib()


def _peak_mib() -> float:
    return _status_mib("VmHWM") if _HAS_STATUS else _largest_ever_mib()


def _forget_peak() -> None:
    if _HAS_STATUS:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # Linux: the peak starts again from what is held now


_HAS_STATUS = sys.platform == "linux"


def _status_mib(field: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:"))


def _largest_ever_mib() -> float:
    """Elsewhere: the peak since the start, so that building counts as well."""
    import resource  # not on Windows: there the process fails, and no figure is given

    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    order = json.load(sys.stdin)
    torch.set_num_threads(order["threads"])
    print(measure(Candidate(**order["candidate"])))
