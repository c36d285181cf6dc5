"""Plain torch: runs everywhere, and what the other back ends are compared with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xnect_lite.inference.base import PictureNetwork, named
from xnect_lite.inference.devices import channels_last, choose_device, choose_precision, device_title, precision_name


class TorchBackend:
    """Channels-last, under autocast for fp16 and bf16. The network is moved to the device, not copied."""

    name = "torch"

    def __init__(self, net: nn.Module, device: str = "auto", precision: str = "auto") -> None:
        self._device = choose_device(device)
        self._dtype = choose_precision(precision, self._device)
        self._net = PictureNetwork(channels_last(net.eval().to(self._device))).eval()
        self.device_name, self.precision = device_title(self._device), precision_name(self._dtype)
        self.on_gpu = self._device.type == "cuda"

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """See base.Backend."""
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32):
            return named(self._net(images.to(self._device, non_blocking=True)))
