"""From the maps of parts to the maps of all joints: what several parts predict is summed or averaged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn


class Gather(nn.Module):
    """owners[p]: output channel of each of part p's channels, in their order. how: of channels that several parts make."""

    picks: Tensor
    shares: Tensor

    def __init__(self, owners: Sequence[Sequence[int]], channels: int, how: Sequence[Literal["sum", "mean"]] | str) -> None:
        super().__init__()
        hows = [how] * channels if isinstance(how, str) else list(how)
        made: list[list[int]] = [[] for _ in range(channels)]
        position = 0
        for part in owners:
            for channel in part:
                made[channel].append(position)
                position += 1
        most = max(map(len, made))
        picks = torch.zeros(most, channels, dtype=torch.long)
        shares = torch.zeros(most, channels)
        for channel, positions in enumerate(made):
            for k, where in enumerate(positions):
                picks[k, channel] = where
                shares[k, channel] = 1 / len(positions) if hows[channel] == "mean" else 1.0
        self.register_buffer("picks", picks, persistent=False)
        self.register_buffer("shares", shares, persistent=False)
        self.most = most

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """Per part (B, its channels, h, w) -> (B, channels, h, w)."""
        maps = torch.cat(list(parts), 1)
        if self.most == 1:
            return maps[:, self.picks[0]]
        total = maps[:, self.picks[0]] * self.shares[0].view(1, -1, 1, 1)
        for k in range(1, self.most):
            total = total + maps[:, self.picks[k]] * self.shares[k].view(1, -1, 1, 1)
        return total
