"""What a fabric's finest map becomes: a map per joint, or the length of a vector per joint and cell ("vector in pixel")."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xnect_lite.models.fabric.config import CellConfig


def squashed(vectors: Tensor, dim: int) -> Tensor:
    """|v|^2 / (1 + |v|^2) over ``dim``: a score from 0 to 1."""
    square = (vectors * vectors).sum(dim)
    return square / (1 + square)


class MapOutput(nn.Sequential):
    """ReLU and a 1x1 to one map per joint."""

    def __init__(self, channels: int, joints: int) -> None:
        super().__init__(nn.ReLU(), nn.Conv2d(channels, joints, 1))


class VectorOutput(nn.Module):
    """ReLU and a 1x1 to a vector per joint; channel = joint * dim + component."""

    def __init__(self, channels: int, joints: int, dim: int) -> None:
        super().__init__()
        self.layers = MapOutput(channels, joints * dim)
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, joints, h, w), 0..1."""
        return squashed(self.layers(x).unflatten(1, (-1, self.dim)), 2)


class VolumeOutput(nn.Module):
    """A 1x1 to a vector per channel, ReLU, then one 1x1x1 over channels that all components share.

    The last is kept as a 1x1 on every component by itself: the same sums, and a kernel of four axes like all others.
    """

    def __init__(self, channels: int, joints: int, dim: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(channels, channels * dim, 1)
        self.combine = nn.Conv2d(channels, joints, 1)
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, joints, h, w), 0..1."""
        volume = torch.relu(self.expand(x)).unflatten(1, (-1, self.dim))
        batch, channels, dim, height, width = volume.shape
        vectors = self.combine(volume.transpose(1, 2).reshape(batch * dim, channels, height, width))
        return squashed(vectors.unflatten(0, (batch, dim)), 1)


def build_output(config: CellConfig, joints: int) -> nn.Module:
    """The output layer that ``config`` asks for."""
    finest = config.channels[0]
    if not config.vector_in_pixel:
        return MapOutput(finest, joints)
    kind = VectorOutput if config.convolution_mode == "2D" else VolumeOutput
    return kind(finest, joints, config.vector_dim)
