"""How many people a second a single-person network takes, as DynConv's speed test asks it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xnect_lite.data.crops.person import CropPerson
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.single import SinglePredictor, batches
from xnect_lite.models.dynamic.counting import MacCount, counting


@dataclass(frozen=True)
class SingleTiming:
    """seconds for ``people``; count: multiply-adds of the warm-up."""

    seconds: float
    people: int
    warm_up_people: int
    count: MacCount

    def figures(self) -> dict[str, float]:
        """As printed."""
        return {
            "elapsed_s": self.seconds, "people": self.people, "people_per_s": self.people / self.seconds,
            "warm_up_people": self.warm_up_people,
        }  # fmt: skip


def time_single(predictor: SinglePredictor, people: Sequence[CropPerson], batch: int, with_loader: bool) -> SingleTiming:
    """The first half of the batches warms up and is counted, the other half is timed, with what reads pictures or without.

    Raises XnectError for fewer than two batches.
    """
    total = -(-len(people) // batch)
    if total < 2:
        raise XnectError(f"{len(people)} people", f"make no two batches of {batch}", "Use a smaller --batch, or more people")
    first = total // 2 * batch
    with counting(predictor.net) as count:
        _run(predictor, (crops for crops, _ in batches(people[:first], predictor.size, batch)))
    rest: Iterable[Tensor] = (crops for crops, _ in batches(people[first:], predictor.size, batch))
    if not with_loader:
        rest = list(rest)
    begin = time.perf_counter()
    _run(predictor, rest)
    return SingleTiming(time.perf_counter() - begin, len(people) - first, first, count)


def _run(predictor: SinglePredictor, crops: Iterable[Tensor]) -> None:
    for some in crops:
        predictor.maps(some)
    if predictor.device.type == "cuda":
        torch.cuda.synchronize(predictor.device)
