"""Training state on disk: written beside, then renamed, so that a run killed while saving keeps its last checkpoint.

State files are read with ``weights_only=True``: tensors and plain values, nothing that executes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from xnect_lite.errors import XnectError


def prepare_folder(out: Path, resume: bool) -> None:
    """Make the run's folder. Raises XnectError if it cannot be, or holds a run that would be overwritten."""
    if (out / "state.pt").exists() and not resume:
        raise XnectError(str(out), "holds a run already", "Go on with it by --resume, or choose another folder by --set out=")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise XnectError(str(out), f"cannot be made ({error.strerror})", "Choose another folder with --set out=") from error


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` (tensors, numbers, strings, lists, dicts) so that the file is either the old one or the new one.

    Raises XnectError if it cannot be written, the disk being full for instance; the old file is then as it was.
    """
    part = path.with_suffix(path.suffix + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())  # the name must not reach the disk before the content
        os.replace(part, path)
    except (OSError, RuntimeError) as error:  # torch's zip writer turns some of the system's errors into its own
        part.unlink(missing_ok=True)
        cause = f"cannot be written ({str(error).splitlines()[0]})"
        raise XnectError(str(path), cause, "Make room; the last checkpoint is intact: same command with --resume") from error


def load_state(path: Path) -> dict[str, Any]:
    """Read a state written by `save_state`. Raises XnectError if it is not one."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise XnectError(str(path), "does not exist", "Start the run without --resume") from error
    except Exception as error:  # the unpickler raises many kinds
        raise XnectError(str(path), f"is no training state ({type(error).__name__})", "Remove it to start afresh") from error


def noise_state(device: torch.device) -> list[torch.Tensor]:
    """Where torch's generators stand: networks draw from them as they learn (masks, dropout)."""
    states = [torch.get_rng_state()]
    return [*states, torch.cuda.get_rng_state(device)] if device.type == "cuda" else states


def restore_noise(device: torch.device, states: list[torch.Tensor]) -> None:
    """Go on drawing where `noise_state` stood. On another kind of device the numbers there are others anyway."""
    torch.set_rng_state(states[0])
    if device.type == "cuda" and len(states) > 1:
        torch.cuda.set_rng_state(states[1], device)


class Ema:
    """Exponential moving average of a network's weights and buffers; the decay warms up so that early steps fade fast.

    ``net`` must keep its tensors: what replaces them (moving it to another device, for instance) comes before.
    """

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.decay, self.updates = decay, 0
        now = net.state_dict(keep_vars=True)
        self.values = {k: v.detach().clone() for k, v in now.items()}
        # Walking the network at every step would take milliseconds.
        self._averaged, self._copied = (
            ([self.values[k] for k in names], [now[k] for k in names])
            for names in ([k for k, v in now.items() if v.is_floating_point() == floating] for floating in (True, False))
        )

    @torch.no_grad()
    def update(self) -> None:
        """Move towards the network's present weights."""
        self.updates += 1
        keep = min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(*self._averaged, 1 - keep)
        if self._copied[0]:
            torch._foreach_copy_(*self._copied)

    @torch.no_grad()
    def restore(self, values: dict[str, torch.Tensor], updates: int) -> None:
        """Go on from a checkpoint. Raises KeyError or RuntimeError if it is another network's."""
        for name, value in self.values.items():
            value.copy_(values[name])
        self.updates = updates

    def is_finite(self) -> bool:
        """Whether every weight is a number. Waits for the device."""
        return bool(torch.stack([value.isfinite().all() for value in self.values.values()]).all())
