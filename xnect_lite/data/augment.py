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

_QUEUES = ("queue", "synthetic_queue")


class CanvasSampler:
    """Draws batches of canvases and their labels from a packed set.

    Pictures with people are visited in shuffled epochs; ``rng`` and ``state()`` make a run resumable exactly. With a
    ``synthetic_share`` > 0, renders and photographs have epochs of their own, and so much of what is drawn is rendered.
    """

    def __init__(
        self,
        packed: PackedSet,
        config: AugmentConfig,
        stride: int,
        rng: np.random.Generator,
        synthetic_share: float = 0.0,
    ) -> None:
        self.packed, self.config, self.stride, self.rng = packed, config, stride, rng
        counts = np.diff(packed.people_start)
        self._with_people, self._without = np.flatnonzero(counts > 0), np.flatnonzero(counts == 0)
        if len(self._with_people) == 0:
            raise XnectError(
                "the training set", "holds no picture with a labelled person", "Check data.photos, data.sets and data.limit"
            )
        self._share = synthetic_share
        self._pools = [self._with_people]
        if synthetic_share > 0:
            rendered = packed.synthetic[self._with_people]
            self._pools = [self._with_people[~rendered], self._with_people[rendered]]
            if not all(map(len, self._pools)):
                raise XnectError(
                    "data.synthetic_share", f"is {synthetic_share}, but there are not both renders and photographs",
                    "Add what is missing, or set it to 0",
                )  # fmt: skip
        self._queues = [np.zeros(0, np.int64) for _ in self._pools]
        self._paster = Paster(packed)

    def state(self) -> dict:
        """The position in the data, for a checkpoint."""
        queues = dict(zip(_QUEUES, (queue.copy() for queue in self._queues), strict=False))
        return {**queues, "rng": self.rng.bit_generator.state}

    def restore(self, state: dict) -> None:
        """Go on from ``state``."""
        names = _QUEUES[: len(self._queues)]
        self._queues, self.rng.bit_generator.state = [np.asarray(state[n], np.int64) for n in names], state["rng"]

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
        pool = int(self.rng.random() < self._share) if len(self._pools) > 1 else 0
        if len(self._queues[pool]) == 0:
            self._queues[pool] = self.rng.permutation(self._pools[pool])
        image, self._queues[pool] = int(self._queues[pool][0]), self._queues[pool][1:]
        return image
