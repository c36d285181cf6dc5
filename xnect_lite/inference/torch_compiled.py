"""torch.compile. The first picture of each size takes as long as the compiler needs: up to a minute."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from xnect_lite.errors import XnectError
from xnect_lite.inference.base import PictureNetwork, named
from xnect_lite.inference.devices import channels_last, choose_device, choose_precision, device_title, precision_name


class CompiledBackend:
    """The network through torch's compiler, with its weights frozen in. Works on a copy."""

    name = "compiled"

    def __init__(self, net: nn.Module, device: str = "auto", precision: str = "auto") -> None:
        self._device = choose_device(device)
        self._dtype = choose_precision(precision, self._device)
        own = channels_last(PictureNetwork(copy.deepcopy(net)).eval().to(self._device))
        self._net = torch.compile(own, dynamic=False, options={"freezing": True})
        self._sizes: set[torch.Size] = set()
        self.device_name, self.precision = device_title(self._device), precision_name(self._dtype)
        self.on_gpu = self._device.type == "cuda"

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """See base.Backend. Raises XnectError where the compiler cannot be run."""
        if images.shape in self._sizes:
            return self._run(images)
        try:
            outputs = self._run(images)
        except Exception as error:  # the compiler's errors have no common class
            cause = str(error).strip().splitlines() or [type(error).__name__]
            raise XnectError(
                "--backend compiled",
                f"torch.compile failed ({cause[0]})",
                "Install a C++ compiler (for a GPU also Triton), or choose another --backend",
            ) from error
        self._sizes.add(images.shape)
        return outputs

    @torch.no_grad()  # freezing needs it; inference mode would make every caller's mode part of the compiled code
    def _run(self, images: Tensor) -> dict[str, Tensor]:
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32):
            return named(self._net(images.contiguous().to(self._device, non_blocking=True)))
