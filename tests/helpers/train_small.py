"""train_pose.py with a network small enough for several processes on a laptop. Run by the tests, also under torchrun.

With KILL_AT_SAVE=n in the environment, the n-th checkpoint is cut off by SIGKILL after half of it was written.
"""

from __future__ import annotations

import os
import signal
import sys

import pytest
import torch
from small_network import register

import train_pose


def kill_at_save(number: int) -> None:
    """Let the process die as if by kill -9 in the middle of writing its ``number``-th checkpoint."""
    save, calls = torch.save, []

    def save_half(state, file):
        calls.append(1)
        save(state, file)
        if len(calls) == number:
            file.flush()
            os.truncate(file.fileno(), file.tell() // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    torch.save = save_half


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        register(patch)
        if "KILL_AT_SAVE" in os.environ:
            kill_at_save(int(os.environ["KILL_AT_SAVE"]))
        sys.exit(train_pose.main(sys.argv[1:]))
