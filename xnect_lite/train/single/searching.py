"""Search within a single-person run: which people teach the weights, which the architecture, and the architecture's step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from xnect_lite.data.crops.person import CropPerson
from xnect_lite.models.fabric.fabric import searched_parameters
from xnect_lite.train.search.begin import split
from xnect_lite.train.search.gradient import ArchitectureStep, Loss
from xnect_lite.train.single.config import SingleConfig
from xnect_lite.train.single.data import Batch, epoch_batches, steps_per_epoch
from xnect_lite.train.stage1.processes import Processes


class Searching:
    """Strategies without data of their own (None, random, sync) leave everything to the weights."""

    def __init__(
        self, net: nn.Module, config: SingleConfig, people: Sequence[CropPerson], loss: Loss, processes: Processes
    ) -> None:
        self.config, self.processes = config, processes
        self._everybody = people
        self._step: ArchitectureStep | None = None
        if config.search.by_gradient and searched_parameters(net):
            weights, architecture = split(len(people), config.search, config.seed)
            self._people = [people[i] for i in weights], [people[i] for i in architecture]
            self._step = ArchitectureStep(net, loss, config.search, processes.average)

    def active(self, epoch: int) -> bool:
        """Whether the architecture learns in this epoch, on its own part of the data."""
        return self._step is not None and epoch >= self.config.search.arch_search_epoch

    def steps(self, epoch: int) -> int:
        """The weights' steps of this epoch."""
        people, config = self._weights(epoch)
        return steps_per_epoch(len(people), config.batch, self.processes.count)

    def batches(self, epoch: int, done: int) -> Iterator[Batch]:
        """The weights' batches of this epoch, from the ``done``-th on."""
        people, config = self._weights(epoch)
        return epoch_batches(people, config, epoch, done, self.processes.rank, self.processes.count)

    def held_out(self, epoch: int, done: int) -> Iterator[Batch]:
        """The architecture's batches beside them, again from the first when they are used up; none where it does not learn."""
        if not self.active(epoch):
            return
        config = replace(self.config, batch=self.config.batch * self.config.search.split_for_archvalid)
        rank, processes = self.processes.rank, self.processes.count
        count = steps_per_epoch(len(self._people[1]), config.batch, processes)
        while True:
            yield from epoch_batches(self._people[1], config, epoch, done % count, rank, processes)
            done = 0

    def step(self, batch: Batch, held_out: Batch, rate: float) -> None:
        """One step of alpha and beta."""
        assert self._step is not None
        self._step.step(batch, held_out, rate)

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {} if self._step is None else self._step.optimizer.state_dict()

    def restore(self, state: dict[str, Any]) -> None:
        """Raises ValueError if it is another search's."""
        if (self._step is None) != (not state):
            raise ValueError("it was searched in another way")
        if self._step is not None:
            self._step.optimizer.load_state_dict(state)

    def _weights(self, epoch: int) -> tuple[Sequence[CropPerson], SingleConfig]:
        if not self.active(epoch):
            return self._everybody, self.config
        return self._people[0], replace(self.config, batch=self.config.batch * self.config.search.split_for_train)
