"""Training canvases: random views of the packed pictures, alone or in 2x2 mosaics, made in batches on the device.

The few numbers that define a canvas (which pictures, which affine maps, which colours) are drawn on the host with NumPy,
so that a run can be resumed exactly; all pixels are made on the device. Labels are moved with the pixels.
"""

from __future__ import annotations

import numpy as np
import torch

from xnect_lite.data.augment_config import AugmentConfig
from xnect_lite.data.canvas import area_weights, canvas_people, canvas_pixels, to_labels
from xnect_lite.data.labels import Labels
from xnect_lite.data.packed import PackedSet
from xnect_lite.data.paste import Paster
from xnect_lite.data.photometric import photometric
from xnect_lite.data.views import draw_plan
from xnect_lite.errors import XnectError

_QUEUES = ("queue", "synthetic_queue", "human_queue")
_OTHERS, _RENDERS, _HUMAN = range(3)


class CanvasSampler:
    """Draws batches of canvases and their labels from a packed set.

    Pictures with people are visited in shuffled epochs; ``rng`` and ``state()`` make a run resumable exactly. With a
    ``synthetic_share`` > 0, renders and photographs have epochs of their own, and so much of what is drawn is rendered. With a
    ``human_share`` > 0, so have photographs of people whom a human labelled: so many of the photographs drawn are of them.
    """

    def __init__(
        self,
        packed: PackedSet,
        config: AugmentConfig,
        stride: int,
        rng: np.random.Generator,
        synthetic_share: float = 0.0,
        human_share: float = 0.0,
    ) -> None:
        self.packed, self.config, self.stride, self.rng = packed, config, stride, rng
        counts = np.diff(packed.people_start)
        with_people, self._without = np.flatnonzero(counts > 0), np.flatnonzero(counts == 0)
        if len(with_people) == 0:
            raise XnectError(
                "the training set", "holds no picture with a labelled person", "Check data.photos, data.sets and data.limit"
            )
        self._shares = {_RENDERS: synthetic_share, _HUMAN: human_share}
        pool = np.full(len(with_people), _OTHERS)
        if human_share > 0:
            pool[_human_labelled(packed)[with_people]] = _HUMAN
        if synthetic_share > 0:
            pool[packed.synthetic[with_people]] = _RENDERS
        self._pools = {k: with_people[pool == k] for k in range(len(_QUEUES)) if k == _OTHERS or self._shares[k] > 0}
        photographs = with_people[pool != _RENDERS]
        for key, k, others, kinds in (
            ("synthetic_share", _RENDERS, photographs, "renders and photographs"),
            ("human_share", _HUMAN, self._pools[_OTHERS], "photographs labelled by humans and others"),
        ):
            if k in self._pools and not (len(self._pools[k]) and len(others)):
                cause = f"is {self._shares[k]}, but there are not both {kinds}"
                raise XnectError(f"data.{key}", cause, "Add what is missing, or set it to 0")
        self._queues = {k: np.zeros(0, np.int64) for k in self._pools}
        self._paster = Paster(packed)

    def state(self) -> dict:
        """The position in the data, for a checkpoint."""
        return {**{_QUEUES[k]: queue.copy() for k, queue in self._queues.items()}, "rng": self.rng.bit_generator.state}

    def restore(self, state: dict) -> None:
        """Go on from ``state``."""
        self._queues = {k: np.asarray(state[_QUEUES[k]], np.int64) for k in self._queues}
        self.rng.bit_generator.state = state["rng"]

    def batch(self, count: int, width: int, height: int) -> tuple[torch.Tensor, Labels]:
        """``count`` canvases: (B, 3, height, width) float 0..255 RGB and their labels."""
        packed, config, rng = self.packed, self.config, self.rng
        plan = draw_plan(packed, config, rng, self._next_image, count, (width, height))
        image = canvas_pixels(packed, plan)
        people = [canvas_people(packed, plan, b) for b in range(count)]
        ignore, negative = area_weights(packed, plan, self.stride)
        for b in self._paster.chosen(plan, config, rng):
            pastes = self._paster.draw(people[b], (width, height), config, rng)
            people[b], hidden = self._paster.paste(image[b], people[b], plan.to_source[b, 0], pastes)
            for x0, y0, x1, y1 in (np.clip(hidden, 0, (width, height) * 2) / self.stride).tolist():
                ignore[b, int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = True
        return photometric(image, config, rng), to_labels(people, ignore, negative)

    def _next_image(self) -> int:
        if len(self._without) and self.rng.random() < self.config.background:
            return int(self.rng.choice(self._without))
        pool = next((k for k in (_RENDERS, _HUMAN) if k in self._pools and self.rng.random() < self._shares[k]), _OTHERS)
        if len(self._queues[pool]) == 0:
            self._queues[pool] = self.rng.permutation(self._pools[pool])
        image, self._queues[pool] = int(self._queues[pool][0]), self._queues[pool][1:]
        return image


def _human_labelled(packed: PackedSet) -> np.ndarray:
    """(N,) whether a picture shows somebody labelled by a human."""
    labelled = np.isfinite(packed.people.human_px).any((1, 2))
    before = np.concatenate([[0], np.cumsum(labelled)])
    return np.diff(before[packed.people_start]) > 0
