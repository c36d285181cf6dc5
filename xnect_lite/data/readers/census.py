"""What a data set holds: counted while it is read, in the words of the command line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from xnect_lite.data.sample import Sample
from xnect_lite.skeleton import JOINTS, NUM_JOINTS


@dataclass
class Census:
    """Running counts.

    joints, hidden: (24,) people whose joint is labelled, and of these, whose joint cannot be seen.
    """

    pictures: int = 0
    without_people: int = 0
    people: int = 0
    people_3d: int = 0
    ignore_boxes: int = 0
    joints: np.ndarray = field(default_factory=lambda: np.zeros(NUM_JOINTS, np.int64))
    hidden: np.ndarray = field(default_factory=lambda: np.zeros(NUM_JOINTS, np.int64))

    def count(self, samples: Iterable[Sample]) -> None:
        """Add these samples."""
        for sample in samples:
            labels = sample.people
            known = labels.weight_2d > 0
            self.pictures += 1
            self.without_people += len(labels) == 0
            self.people += len(labels)
            self.people_3d += int((labels.weight_3d > 0).any(1).sum())
            self.ignore_boxes += len(sample.ignore_xyxy)
            self.joints += known.sum(0)
            self.hidden += (known & ~labels.visible).sum(0)

    def figures(self) -> dict[str, int | dict[str, int]]:
        """The counts by name, joints by theirs."""
        return {
            "pictures": self.pictures,
            "pictures without people": int(self.without_people),
            "people": self.people,
            "people with 3D": self.people_3d,
            "ignore boxes": self.ignore_boxes,
            "labelled joints": int(self.joints.sum()),
            "of these hidden": int(self.hidden.sum()),
            "per joint": {name: int(n) for name, n in zip(JOINTS, self.joints, strict=True)},
        }
