"""The processes of one training run: a single one, or as many as torchrun started (DDP: NCCL on GPUs, gloo on CPUs)."""

from __future__ import annotations

import datetime
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from xnect_lite.errors import XnectError
from xnect_lite.inference.devices import choose_device

_PATIENCE = datetime.timedelta(hours=3)  # the others wait while the first process validates


class Processes:
    """Which of the processes this is, and what they tell one another.

    Numbers and texts travel over gloo, never over the GPUs: agreeing on something does not wait for work queued there.

    rank: 0 writes, logs and validates. count: of processes. device: this one's own.
    """

    def __init__(self, device: str) -> None:
        self.rank, self.count = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
        self.device = choose_device(device)
        if self.count > 1 and self.device.type == "cuda":
            self.device = choose_device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}")
            torch.cuda.set_device(self.device)

    @property
    def first(self) -> bool:
        """Whether this is the process that writes, logs and validates."""
        return self.rank == 0

    @contextmanager
    def connected(self) -> Iterator[None]:
        """For as long as the processes talk. Raises XnectError in those that go on while another one has ended."""
        if self.count == 1:
            yield
            return
        distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo", timeout=_PATIENCE)
        self._control = distributed.new_group(backend="gloo", timeout=_PATIENCE)
        yield
        distributed.destroy_process_group()  # not after an error: the others may be waiting for this one

    def exchange(self, numbers: Sequence[float]) -> np.ndarray:
        """(count, len(numbers)) what every process gave, in order of rank."""
        mine = torch.tensor([numbers], dtype=torch.float64)
        if self.count == 1:
            return mine.numpy()
        rows = [torch.empty_like(mine) for _ in range(self.count)]
        with _ended_others():
            distributed.all_gather(rows, mine, group=self._control)
        return torch.cat(rows).numpy()

    def gather_text(self, text: str) -> list[str]:
        """What every process gave, in order of rank."""
        if self.count == 1:
            return [text]
        data = np.frombuffer(text.encode(), np.uint8)
        longest = int(self.exchange([len(data)]).max())
        padded = torch.zeros(longest, dtype=torch.uint8)
        padded[: len(data)] = torch.from_numpy(data.copy())
        rows = [torch.empty_like(padded) for _ in range(self.count)]
        with _ended_others():
            distributed.all_gather(rows, padded, group=self._control)
        return [bytes(row.numpy()).rstrip(b"\0").decode() for row in rows]

    def average(self, tensors: list[Tensor]) -> None:
        """Set the tensors, alike in shape everywhere, to their mean over the processes, in one message."""
        if self.count == 1 or not tensors:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors]) / self.count
        with _ended_others():
            distributed.all_reduce(flat)
        for tensor, mean in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(mean.view_as(tensor))

    def wrap(self, net: nn.Module) -> nn.Module:
        """The network for the forward pass: its gradients become the mean over all processes."""
        if self.count == 1:
            return net
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # broadcast_buffers has another name in newer versions of torch
            # Every process begins with the first one's weights. Running statistics are averaged by the step itself.
            return DistributedDataParallel(net, [self.device] if self.device.type == "cuda" else None, broadcast_buffers=False)


@contextmanager
def _ended_others() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise XnectError(
            "another process of this run", "has ended", "Its own message says why; then the same command with --resume"
        ) from error
