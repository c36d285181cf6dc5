"""Training canvases: random views of the packed pictures, alone or in 2x2 mosaics, made in batches on the device.

The few numbers that define a canvas (which pictures, which affine maps, which colours) are drawn on the host with NumPy,
so that a run can be resumed exactly; all pixels are made on the device. Labels are moved with the pixels.
"""

from __future__ import annotations

import numpy as np
import torch

from xnect_lite.data.archives.packed import PackedSet, send
from xnect_lite.data.canvases.canvas import area_weights, canvas_people, canvas_pixels, to_labels
from xnect_lite.data.canvases.config import AugmentConfig
from xnect_lite.data.canvases.paste import Paster
from xnect_lite.data.canvases.paste_pixels import paint
from xnect_lite.data.canvases.photometric import photometric
from xnect_lite.data.canvases.views import Subjects, draw_plan
from xnect_lite.data.labels import Labels
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
        self._subjects, self._paster = Subjects.of(packed), Paster(packed)

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
        plan = draw_plan(self._subjects, config, rng, self._next_images, count, (width, height))
        people = canvas_people(packed, plan)
        composites = self._paster.compose(people, plan, self._paster.draw(people, plan, config, rng))
        order = np.argsort(-composites.people.counts(count), kind="stable")  # most people first: `Labels.canvases_with`
        plan, composites = plan.canvases(order), composites.renumbered(np.argsort(order))
        image = canvas_pixels(packed, plan)
        paint(packed, image, composites.layers)
        ignore, negative = area_weights(packed, plan, self.stride)
        if len(composites.hidden_on):
            ignore |= send(composites.hidden(ignore.shape, self.stride), ignore.device)
        return photometric(image, config, rng), to_labels(composites.people, ignore, negative)

    def _next_images(self, count: int) -> np.ndarray:
        """(count,) the pictures that come next."""
        rng = self.rng
        images = np.zeros(count, np.int64)
        pool = np.full(count, _OTHERS)
        for k in (_HUMAN, _RENDERS):  # a share of the photographs, then one of everything
            if k in self._pools:
                pool[rng.random(count) < self._shares[k]] = k
        background = rng.random(count) < self.config.background if len(self._without) else np.zeros(count, bool)
        images[background] = rng.choice(self._without, int(background.sum())) if background.any() else 0
        for k in self._pools:
            here = np.flatnonzero(~background & (pool == k))
            images[here] = self._take(k, len(here))
        return images

    def _take(self, pool: int, count: int) -> np.ndarray:
        """The next pictures of a pool's shuffled epochs."""
        parts, missing = [self._queues[pool]], count - len(self._queues[pool])
        while missing > 0:
            parts.append(self.rng.permutation(self._pools[pool]))
            missing -= len(parts[-1])
        queue = np.concatenate(parts)
        self._queues[pool] = queue[count:]
        return queue[:count]


def _human_labelled(packed: PackedSet) -> np.ndarray:
    """(N,) whether a picture shows somebody labelled by a human."""
    labelled = np.isfinite(packed.people.human_px).any((1, 2))
    before = np.concatenate([[0], np.cumsum(labelled)])
    return np.diff(before[packed.people_start]) > 0
