"""The whole pass as one CUDA graph per input size: one launch a frame, static buffers, no wait for the GPU.

Not run yet: no GPU was at hand. Its tests skip without one.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from xnect_lite.inference.base import PictureNetwork
from xnect_lite.inference.by_size import BySize
from xnect_lite.inference.devices import channels_last, choose_device, choose_precision, device_title, precision_name
from xnect_lite.models.heads import OUTPUT_CHANNELS

_WARM_UP_PASSES = 3  # cuDNN chooses its kernels in these; a graph must not be captured while it does


@dataclass(frozen=True)
class _Captured:
    """Buffers that the graph reads and writes: always the same memory."""

    graph: torch.cuda.CUDAGraph
    host: Tensor  # pinned
    image: Tensor
    outputs: tuple[Tensor, ...]
    uploaded: torch.cuda.Event  # the last upload has left ``host``


class CudaGraphBackend:
    """Channels-last, convolutions' weights kept in half precision, replayed from a graph. Works on a copy."""

    name = "cudagraph"
    on_gpu = True

    def __init__(self, net: nn.Module, device: str = "cuda", precision: str = "auto") -> None:
        self._device = choose_device(device)
        self._dtype = choose_precision(precision, self._device)
        own = channels_last(PictureNetwork(copy.deepcopy(net)).eval().to(self._device))
        for module in own.modules():
            if isinstance(module, nn.Conv2d):  # norms stay in single precision: a variance may not fit fp16
                module.to(self._dtype)
        self._net = own
        self._graphs: BySize[_Captured] = BySize(self._capture)
        self.device_name, self.precision = device_title(self._device), precision_name(self._dtype)

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """See base.Backend. The results lie on the GPU and may still be under way on its current stream."""
        with torch.cuda.device(self._device):
            held = self._graphs[tuple(images.shape)]
            held.uploaded.synchronize()  # done long since, unless calls come faster than uploads
            held.host.copy_(images)
            held.image.copy_(held.host, non_blocking=True)
            held.uploaded.record()
            held.graph.replay()
            return {name: value.to(torch.float32, copy=True) for name, value in zip(OUTPUT_CHANNELS, held.outputs, strict=True)}

    def _capture(self, shape: tuple[int, ...]) -> _Captured:
        image = torch.zeros(shape, dtype=torch.uint8, device=self._device)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream), torch.backends.cudnn.flags(enabled=True, benchmark=True):
            for _ in range(_WARM_UP_PASSES):
                self._run(image)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with (
            torch.backends.cudnn.flags(enabled=True, benchmark=True),
            torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"),
        ):
            outputs = self._run(image)
        host = torch.zeros(shape, dtype=torch.uint8).pin_memory()
        return _Captured(graph, host, image, outputs, torch.cuda.Event())

    def _run(self, image: Tensor) -> tuple[Tensor, ...]:
        # Autocast's cache of weights would outlive the capture; there is nothing for it to keep here.
        with torch.autocast("cuda", self._dtype, enabled=self._dtype != torch.float32, cache_enabled=False):
            return self._net(image)
