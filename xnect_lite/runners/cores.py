"""How many cores there are, and whether two threads are worth having."""

from __future__ import annotations

import os


def is_pipelined(wanted: str) -> bool:
    """Whether ``wanted``, auto, always or never, means two threads: auto does where there is a core for each."""
    return wanted == "always" or (wanted == "auto" and usable_cores() > 1)


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
