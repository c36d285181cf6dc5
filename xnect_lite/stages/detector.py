"""From a picture to people, in 2D, each frame by itself: network, grouping, refining."""

from __future__ import annotations

from typing import NamedTuple

from xnect_lite.config import GroupingConfig, PipelineConfig
from xnect_lite.stages.grouping.group import group_people
from xnect_lite.stages.network import FrameNetwork, Predictor
from xnect_lite.stages.refining.refine import Refine, open_refine, unrefined
from xnect_lite.timer import StageTimer
from xnect_lite.types import Frame, Maps, People, RunsOn


class Detected(NamedTuple):
    """The people of one frame, unlifted and nameless, and the maps that they were found on."""

    people: People
    maps: Maps


class Detector:
    """Finds people in single frames and remembers nothing.

    Args:
        network: what makes maps of a frame.
        grouping: how peaks and limbs become people.
        refine: the second look at everybody's maps; the default takes none.
    """

    def __init__(self, network: FrameNetwork, grouping: GroupingConfig | None = None, refine: Refine = unrefined) -> None:
        self.network, self.grouping, self.refine = network, grouping or GroupingConfig(), refine

    @classmethod
    def open(cls, config: PipelineConfig, network: FrameNetwork | None = None) -> Detector:
        """The detector that ``config`` describes, on ``network`` if one is open already.

        Raises XnectError when weights or device cannot be had.
        """
        return cls(network or Predictor(config.network), config.grouping, open_refine(config.refining))

    @property
    def runs_on(self) -> RunsOn:
        """What the network runs on."""
        return self.network.runs_on

    def __call__(self, frame: Frame, timer: StageTimer | None = None) -> Detected:
        """Everyone in one frame.

        Args:
            frame: an RGB picture.
            timer: takes the times of preprocess, network, grouping and refining.
        """
        timer = timer or StageTimer()
        maps = self.network(frame, timer)
        return Detected(self.people_on(maps, timer), maps)

    def people_on(self, maps: Maps, timer: StageTimer | None = None) -> People:
        """Everyone on maps that were made before.

        Args:
            maps: of one frame, the mean over several passes for instance.
            timer: takes the times of grouping and refining.
        """
        timer = timer or StageTimer()
        with timer.stage("grouping"):
            people = group_people(maps, self.grouping)
        with timer.stage("refining"):
            return self.refine(people, maps)
