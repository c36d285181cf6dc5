"""People that the refiner learns from in tests, and a Stage I that knows the truth."""

from __future__ import annotations

import torch
from oracle import oracle

from xnect_lite.models.refiner import GRID, MAP_CHANNELS
from xnect_lite.skeleton import NUM_JOINTS
from xnect_lite.stages.refining.crops import bells
from xnect_lite.train.refiner.data import RefineSet
from xnect_lite.train.refiner.run import TARGET_SIZE
from xnect_lite.types import Frame, Maps


class Remembering:
    """A Stage I that is always right, and its maps."""

    def __init__(self, samples, move_net_px: float = 0.0) -> None:
        self.answer, self.maps = oracle(samples, (512, 320), move_net_px), []

    def __call__(self, frame: Frame, timer) -> Maps:
        self.maps.append(self.answer(frame, timer))
        return self.maps[-1]


def some_people(count: int = 3, seed: int = 0) -> RefineSet:
    """Nobody in particular."""
    generator = torch.Generator().manual_seed(seed)
    crops = torch.randint(-127, 128, (count, MAP_CHANNELS, GRID, GRID), dtype=torch.int8, generator=generator)
    crops[:, :NUM_JOINTS] = crops[:, :NUM_JOINTS].abs()
    places = [torch.rand(count, NUM_JOINTS, 2, generator=generator) - 0.5 for _ in range(3)]
    places[0][:, 3], places[2][:, 5] = torch.nan, torch.nan
    score, weight = (torch.rand(count, NUM_JOINTS, generator=generator) for _ in range(2))
    score[:, 3] = 0
    return RefineSet(crops, places[0], score, places[1], weight, places[2], torch.rand(count, generator=generator))


def bell_people(count: int = 8, seed: int = 0) -> RefineSet:
    """People whose heatmaps have one bell each, at the truth, where they were found as well."""
    generator = torch.Generator().manual_seed(seed)
    truth = 0.6 * torch.rand(count, NUM_JOINTS, 2, generator=generator) - 0.3
    crops = torch.zeros(count, MAP_CHANNELS, GRID, GRID)
    crops[:, :NUM_JOINTS] = bells(truth, TARGET_SIZE) * 127
    weight = torch.linspace(0.1, 1, NUM_JOINTS).expand(count, -1).clone()
    return RefineSet(crops.round().to(torch.int8), truth.clone(), weight.clone(), truth, weight, truth.clone(),
                     torch.full((count,), 0.3))  # fmt: skip
