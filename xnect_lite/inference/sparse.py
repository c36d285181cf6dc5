"""Stage I with masks, really skipping what they leave out: on a CPU by gathered rows, on a GPU by kernels of our own."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn

from xnect_lite.errors import XnectError
from xnect_lite.inference.base import Backend, PictureNetwork, named
from xnect_lite.inference.devices import channels_last, choose_device, choose_precision, device_title, precision_name
from xnect_lite.models.compress import count, fuse
from xnect_lite.models.dynamic.fixed import with_share
from xnect_lite.models.dynamic.gpu import gpu_core
from xnect_lite.models.dynamic.sparse import sparse_core
from xnect_lite.models.xnect import XNect
from xnect_lite.types import Effort, Letterbox

_TRIALS = 3


class SparseBackend:
    """Computes active pixels only, on the CPU unless a GPU is asked for. ``effort`` says what the last picture cost."""

    name = "sparse"

    def __init__(self, net: nn.Module, device: str = "auto", precision: str = "auto") -> None:
        if not isinstance(net, XNect) or net.ledger is None:
            raise XnectError(
                "--backend sparse", "these weights have no masks", "Use --backend auto, or weights trained with dynamic.target"
            )
        self._device = choose_device("cpu" if device == "auto" else device)
        self.on_gpu = self._device.type == "cuda"
        self._dtype = choose_precision(precision, self._device)
        self._dense = net if net.arch.get("form") == "fused" else fuse(net)
        skipping = gpu_core(self._dense) if self.on_gpu else sparse_core(self._dense)
        self._sparse = channels_last(skipping.to(self._device)).to(self._dtype)
        self._net = PictureNetwork(_InType(self._sparse, self._dtype)).eval()
        self.device_name, self.precision = device_title(self._device), precision_name(self._dtype)
        self._size, self._all_macs = (0, 0), 0

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """See base.Backend."""
        size = (images.shape[1], images.shape[2])
        if size != self._size:
            self._size, self._all_macs = size, count(self._dense, torch.zeros(1, 3, *size)).macs
        return named(self._net(images.to(self._device, non_blocking=True)))

    def effort(self, letterbox: Letterbox) -> Effort:
        """What the last call cost per picture, and where its first, placed as ``letterbox`` says, was looked at closely."""
        ledger = self._sparse.ledger
        assert ledger is not None
        pictures = len(ledger.spent[0].mask)
        saved = sum(one.conditional() - float(one.executed()) for one in ledger.spent) / pictures
        ponder = ledger.ponder_cost().cpu().numpy()
        return Effort(round(self._all_macs - saved), self._all_macs, ponder, len(ledger.spent), letterbox)

    def realised_share(self) -> float:
        """Of the last call: executed over conditional multiply-adds, what the budget is about."""
        ledger = self._sparse.ledger
        assert ledger is not None
        return sum(float(one.executed()) for one in ledger.spent) / sum(one.conditional() for one in ledger.spent)

    def at_share(self, share: float) -> SparseBackend:
        """The same network with masks of a chosen share, for measuring."""
        return SparseBackend(with_share(self._dense, share), str(self._device), self.precision)


class _InType(nn.Module):
    def __init__(self, net: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.net, self.dtype = net, dtype

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return self.net(image.to(self.dtype))


def faster_of(sparse: SparseBackend, other: Backend, target: float, size: tuple[int, int]) -> tuple[Backend, str]:
    """Whichever takes less time for a picture of ``size`` (height, width) of which the target share is active, and why."""
    image = torch.zeros(1, *size, 3, dtype=torch.uint8)
    at_target = sparse.at_share(target)
    milliseconds = []
    for backend in (at_target, other):
        backend(image)
        times = []
        for _ in range(_TRIALS):
            begin = time.perf_counter()
            backend(image)
            times.append(1e3 * (time.perf_counter() - begin))
        milliseconds.append(min(times))
    skipping, whole = milliseconds
    better = sparse if skipping < whole else other
    words = f"skipping takes {skipping:.0f} ms at the target share {target:g}, {other.name} {other.precision} {whole:.0f} ms"
    return better, f"{words}: taking {better.name}"
