"""The flow, from picture to skeletons with names. Live and offline runs use this same object.

    capture → network → grouping → lifting → tracking → filtering → fitting → view | record
    Frame     Maps      People     +3D       +ids       +smooth     Skeletons

Fitting (one skeleton of constant bone lengths per person) is not there yet; its place is after filtering.
"""

from __future__ import annotations

from xnect_lite.config import PipelineConfig
from xnect_lite.filtering import PoseFilter
from xnect_lite.grouping import group_people
from xnect_lite.intrinsics import camera_for
from xnect_lite.lift_network import open_lift
from xnect_lite.lifting import lift_people
from xnect_lite.network import Predictor
from xnect_lite.runtime.timer import StageTimer
from xnect_lite.tracking import Tracker
from xnect_lite.types import Frame, PoseResult


class Pipeline:
    """Everything between capture and view. One caller at a time; two pipelines share nothing.

    Raises XnectError when weights or device cannot be had.
    """

    def __init__(self, config: PipelineConfig | None = None, predictor: Predictor | None = None) -> None:
        self.config = config or PipelineConfig()
        self._network = predictor or Predictor(self.config.network)
        self._lift = open_lift(self.config.lifting)
        self._tracker = Tracker(self.config.tracking)
        self._filter = PoseFilter(self.config.filtering)
        self._timer = StageTimer()

    @property
    def device_name(self) -> str:
        """What the network runs on."""
        return self._network.device_name

    @property
    def precision(self) -> str:
        """fp32, fp16, bf16 or int8."""
        return self._network.precision

    @property
    def backend(self) -> str:
        """Name of the inference back end."""
        return self._network.backend

    @property
    def backbone(self) -> str:
        """Name of the backbone."""
        return self.config.network.backbone

    def reset(self) -> None:
        """Forget everybody: a new take or a new source starts."""
        self._tracker.reset()
        self._filter.reset()

    def process(self, frame: Frame) -> PoseResult:
        """Find everyone in one frame. Frames must come in order of time."""
        timer, config = self._timer, self.config
        maps = self._network(frame, timer)
        with timer.stage("grouping"):
            people = group_people(maps, config.grouping)
        with timer.stage("lifting"):
            people = lift_people(people, frame.size, config.camera, self._lift)
        with timer.stage("tracking"):
            people = self._tracker.update(people, frame.t_s)
        with timer.stage("filtering"):
            people = self._filter.update(people, frame.t_s)
        camera = camera_for(frame.size, config.camera)
        return PoseResult(frame, people, camera.fx, timer.finish_frame())
