"""How alpha and beta come about; keys and words are those of the published configurations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from xnect_lite.files.values import CountOrAll, Range, Rate, Seed

Strategy = Literal["None", "random", "sync", "first_order_gradient", "second_order_gradient"]
Ratio = Annotated[int, Range(1, 1000)]


@dataclass(frozen=True)
class SearchConfig:
    """None: all alike, fixed. random: drawn once, fixed. sync: learned with the weights, by their optimiser and on their data.

    first_order_gradient, second_order_gradient: by an optimiser of their own, on a part of the data that the weights never see.
    """

    arch_search_strategy: Strategy = "sync"
    random_seed: Seed = 2  # of random
    # of the two gradient strategies
    arch_lr: Rate = 0.03
    arch_weight_decay: Annotated[float, Range(0, 10)] = 0.01
    arch_search_epoch: CountOrAll = 0  # the epoch the search begins; before it the weights learn on both parts of the data
    split_for_train: Ratio = 2  # the data are split so between weights ..
    split_for_archvalid: Ratio = 1  # .. and architecture

    @property
    def by_gradient(self) -> bool:
        """Whether alpha and beta have an optimiser and data of their own."""
        return self.arch_search_strategy.endswith("_gradient")
