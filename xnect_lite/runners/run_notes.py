"""What else is worth knowing of a run besides milliseconds: memory of the GPU, and work that a dynamic network left out."""

from __future__ import annotations

import sys
from typing import Any

from xnect_lite.types import PoseResult


def notes_of(result: PoseResult) -> tuple[str, ...]:
    """For instance "GPU memory 1.4 of 79.1 GB" and "4.8 of 11.3 GMACs computed"; nothing where there is nothing to tell."""
    return tuple(filter(None, (gpu_words(sys.modules.get("torch")), effort_words(getattr(result, "effort", None)))))


def gpu_words(torch: Any) -> str:
    """Memory in use on the GPU that torch computes on, by whomever; "" where it uses none. Never starts CUDA."""
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return ""
    free, total = torch.cuda.mem_get_info()
    return f"GPU memory {(total - free) / 1e9:.1f} of {total / 1e9:.1f} GB"


def effort_words(effort: Any) -> str:
    """Multiply-adds that were computed, of those that the same network would take without skipping."""
    if effort is None or not effort.dense_macs:
        return ""
    return f"{effort.executed_macs / 1e9:.1f} of {effort.dense_macs / 1e9:.1f} GMACs computed"
