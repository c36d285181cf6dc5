"""The settings of a toy run of Stage I on drawn photographs, and train_pose.py as a command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
STEPS = 4


def arguments(photos: Path, out: Path, *more: str) -> list[str]:
    """A run of four small steps on one thread, the last on a finishing canvas."""
    values = [
        f"data.photos={photos}", f"out={out}", "data.sets=[lspet]", "backbone=selecsls42", f"steps={STEPS}", "device=cpu",
        "precision=fp32", "threads=1", "data.sizes_net_px=[[64, 64], [96, 64]]", "data.pixels_per_batch=12288",
        "data.finish_sizes_net_px=[[96, 96]]", "data.finish_share=0.3", "warm_up_steps=2", "log_every=1",
        "validation.images=1", "validation.width_net_px=96", "validation.height_net_px=64", *more,
    ]  # fmt: skip
    return ["stage1", *(part for value in values if not value.startswith("--") for part in ("--set", value)),
            *(value for value in values if value.startswith("--"))]  # fmt: skip


def command(*rest: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "train_pose.py"), *rest], capture_output=True, text=True, env=environment, timeout=240
    )
