"""The micro-batches of a step. Each has a sampler of its own, so that a step is the same whoever computes which of them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import torch

from xnect_lite.data.archives.packed import PackedSet
from xnect_lite.data.canvases.sampler import CanvasSampler
from xnect_lite.data.labels import Labels
from xnect_lite.train.stage1.config import Stage1Config
from xnect_lite.train.stage1.processes import Processes


class Slots:
    """This process's share of the step's micro-batches: ``accumulate`` of processes × ``accumulate``.

    Micro-batch k of a step comes from sampler k, seeded by the run's seed and k. So N processes, and one process that
    accumulates N micro-batches, see the same pictures.
    """

    def __init__(self, packed: PackedSet, config: Stage1Config, stride: int, processes: Processes) -> None:
        self.config, self.processes = config, processes
        self.total = processes.count * config.accumulate
        first = processes.rank * config.accumulate
        self.samplers = {
            k: CanvasSampler(
                packed,
                config.augment,
                stride,
                _generator(config.seed, k),
                config.data.synthetic_share,
                config.data.human_share,
            )
            for k in range(first, first + config.accumulate)
        }

    def draw(self, k: int, finishing: bool) -> tuple[torch.Tensor, Labels]:
        """The next canvases of micro-batch ``k``, (B, 3, H, W) 0..255, and their labels; whole pictures when ``finishing``."""
        sampler = self.samplers[k]
        sizes = self.config.data.finish_sizes_net_px if finishing else self.config.data.sizes_net_px
        width, height = sizes[int(sampler.rng.integers(len(sizes)))]
        if finishing:
            sampler.config = replace(self.config.augment, mosaic=0.0, whole_picture=0.6)
        count = max(1, round(self.config.data.pixels_per_batch / (width * height)))
        return sampler.batch(count, width, height)

    def state(self) -> dict[str, str]:
        """The positions of all processes' samplers, for a checkpoint. Every process must call it."""
        own = [sampler.state() for sampler in self.samplers.values()]
        texts = self.processes.gather_text(json.dumps(own, default=np.ndarray.tolist))
        first, *others = [sampler for text in texts for sampler in json.loads(text)]
        return {"sampler": json.dumps(first), "slots": json.dumps(others)}

    def restore(self, state: dict, step: int) -> int:
        """Go on from `state`; returns how many positions it held.

        With more micro-batches per step than then, the additional ones begin at places of their own, which depend on
        ``step``; with fewer, positions are left behind. States without "slots" were saved by one process.
        """
        saved = [json.loads(state["sampler"]), *json.loads(state.get("slots", "[]"))]
        for k, sampler in self.samplers.items():
            if k < len(saved):
                sampler.restore(saved[k])
            else:
                sampler.rng = _generator(self.config.seed, k, step)
        return len(saved)


def _generator(seed: int, slot: int, step: int = 0) -> np.random.Generator:
    return np.random.default_rng((seed, slot, step) if slot else seed)
