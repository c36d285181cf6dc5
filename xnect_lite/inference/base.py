"""What every back end is, and the form of the network that all of them run."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from xnect_lite.models.heads import OUTPUT_CHANNELS


class Backend(Protocol):
    """Runs Stage I. One caller at a time, from any thread; results belong to the caller and are never written to again.

    name:         as in choose.BACKENDS.
    device_name:  'CPU' or the GPU's name.
    precision:    'fp32', 'fp16', 'bf16', or 'int8' with the precision of the layers left unquantised, such as 'int8+bf16'.
    on_gpu:       whether the results lie on a GPU and may still be under way there.
    """

    name: str
    device_name: str
    precision: str
    on_gpu: bool

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """(B, H, W, 3) uint8 RGB on the CPU, sides multiples of 16 -> {output: (B, channels, H/stride, W/stride)} float32,
        in the names and order of OUTPUT_CHANNELS; heatmaps and centre as logits.
        """
        ...


class PictureNetwork(nn.Module):
    """A Stage I network that takes pictures as they are; what is traced for every export.

    With the turn to channels-first and float inside, whoever runs an exported file hands it the picture's bytes.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(B, H, W, 3) uint8 RGB -> maps in OUTPUT_CHANNELS' order."""
        maps = self.net(image.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last))
        return tuple(maps[name] for name in OUTPUT_CHANNELS)


def named(outputs: tuple[Tensor, ...] | list[Tensor]) -> dict[str, Tensor]:
    """Outputs in OUTPUT_CHANNELS' order -> {name: output} in float32."""
    return {name: value.float() for name, value in zip(OUTPUT_CHANNELS, outputs, strict=True)}
