"""The flow, from picture to skeletons with names. Live and offline runs use this same object.

capture → network → grouping → refining → lifting → tracking → filtering → fitting → view | record
Frame     Maps      People     +joints    +3D       +ids       +smooth     Skeletons
          └───────── Detector ─────────┘
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from xnect_lite.camera.depth_map import read_depth_mm
from xnect_lite.camera.floor import FloorEstimator
from xnect_lite.camera.intrinsics import Camera, camera_for
from xnect_lite.camera.statures import Sizes, assumed_stature_m
from xnect_lite.config import PipelineConfig, checked
from xnect_lite.stages.detector import Detector
from xnect_lite.stages.facing import FacingKeeper
from xnect_lite.stages.filtering import PoseFilter, cutoff_factor
from xnect_lite.stages.fitting.fitter import Fitter
from xnect_lite.stages.lifting.lift import lift_people
from xnect_lite.stages.lifting.network import open_lift
from xnect_lite.stages.network import FrameNetwork
from xnect_lite.stages.tracking.clothing import clothing
from xnect_lite.stages.tracking.tracker import Tracker
from xnect_lite.timer import StageTimer
from xnect_lite.types import Effort, Frame, People, PoseResult, RunsOn


@dataclasses.dataclass(frozen=True, slots=True)
class Detection:
    """What a frame says by itself: its people, lifted, without names.

    Attributes:
        frame: which they were found in.
        people: nameless.
        camera: of that frame.
        timings_ms: stage name -> milliseconds.
        effort: what a network that skips computed; None = one that does not.
    """

    frame: Frame
    people: People
    camera: Camera
    timings_ms: Mapping[str, float]
    effort: Effort | None = None


class Pipeline:
    """Everything between capture and view. One caller at a time; two pipelines share nothing.

    Args:
        config: settings; the defaults without it.
        predictor: what makes maps of frames, in place of the network that ``config.network`` names.

    Raises:
        XnectError: when weights or device cannot be had, and for a value out of its range in ``config``.
    """

    def __init__(self, config: PipelineConfig | None = None, predictor: FrameNetwork | None = None) -> None:
        self.config = checked(config or PipelineConfig())
        self._detect = Detector.open(self.config, predictor)
        self._lift = open_lift(self.config.lifting)
        self._tracker, self._facing = Tracker(self.config.tracking), FacingKeeper()
        fitting, filtering = self.config.fitting, self.config.filtering
        self._filter = PoseFilter(filtering)
        self._sizes = Sizes(self.config.camera)
        self._fitter = Fitter(
            fitting, self._sizes.stature_m, cutoff_factor(filtering.smoothing), assumed_stature_m(self.config.camera)
        )
        self._floor = FloorEstimator(self.config.camera)
        self._long_side: int | None = None
        self._detecting, self._following = StageTimer(), StageTimer()

    @property
    def runs_on(self) -> RunsOn:
        """Backbone, device, back end and precision of the network."""
        return self._detect.runs_on

    def reset(self) -> None:
        """Forget everybody: a new take or a new source starts."""
        for stage in (self._tracker, self._facing, self._filter, self._fitter, self._floor, self._sizes):
            stage.reset()
        self._long_side = None

    def cut(self) -> None:
        """The film is cut before the next frame: nobody is where they were, and only clothes tell who is who."""
        self._tracker.cut()
        self._facing.reset()
        self._filter.reset()

    def set_stature(self, identity: int, stature_m: float) -> None:
        """How tall one person is, from the next frame on: size and distance follow.

        Args:
            identity: as in `People.ids`, from 1.
            stature_m: metres, from head top to sole.
        """
        self._sizes.set(identity, stature_m)

    def process(self, frame: Frame) -> PoseResult:
        """Find everyone in one frame.

        Frames should come in order of time; one that does not counts as one frame later. Frames may change size: people go on
        where the picture merely got larger or smaller.

        Args:
            frame: an RGB picture and its time in seconds.

        Raises:
            XnectError: for a size the camera's intrinsics do not fit.
        """
        return self.follow(self.detect(frame))

    def detect(self, frame: Frame) -> Detection:
        """The part that looks at one frame alone and remembers nothing: who is there, in 2D and in 3D.

        May run on one thread while another runs `follow` on the frame before. Raises what `process` does.
        """
        timer, config = self._detecting, self.config
        camera = camera_for(frame.size, config.camera)
        people, maps = self._detect(frame, timer)
        with timer.stage("lifting"):
            people = self._lifted(people, camera)
            if config.camera.depth_map:
                people = dataclasses.replace(people, map_depth_mm=read_depth_mm(maps, people, camera))
        return Detection(frame, people, camera, timer.finish_frame(), maps.effort)

    def lift(self, frame: Frame, people: People) -> Detection:
        """What `detect` would say had it found these people in 2D; costs no look of the network.

        Args:
            frame: they are in.
            people: with joints in pixels, their scores, and what the location maps say there.
        """
        camera = camera_for(frame.size, self.config.camera)
        return Detection(frame, self._lifted(people, camera), camera, {})

    def _lifted(self, people: People, camera: Camera) -> People:
        return lift_people(people, camera, assumed_stature_m(self.config.camera), self._lift)

    def follow(self, detection: Detection, clothes: np.ndarray | None = None) -> PoseResult:
        """The part that remembers: everybody's name, motion and skeleton. Detections should come in order of time.

        Args:
            detection: of one frame.
            clothes: (P, 2, 3) what `tracking.clothing` says of the people, for whoever has read it off the frame before.
        """
        timer, config, frame, people = self._following, self.config, detection.frame, detection.people
        camera = detection.camera
        zoom = self._zoom(frame)
        with timer.stage("tracking"):
            worn = clothing(frame.image, people) if clothes is None else clothes
            people = self._tracker.update(_zoomed(people, zoom), frame.t_s, worn)
            if config.tracking.facing:
                people = self._facing.update(people, frame.t_s)
        with timer.stage("filtering"):
            people = self._filter.update(people, frame.t_s)
        people = _zoomed(people, 1 / zoom)
        with timer.stage("fitting"):
            people = self._fitter.update(people, camera, frame.t_s, self._floor.floor.up_cam)
            floor = self._floor.update(people, frame.t_s)
            self._sizes.update(people, floor)
        timings_ms = {**detection.timings_ms, **timer.finish_frame()}
        return PoseResult(frame, people, camera.fx, timings_ms, floor, detection.effort)

    def _zoom(self, frame: Frame) -> float:
        """Pixels of the first frame per pixel of this one: what remembers people by pixels sees them all at one size."""
        long_side = max(frame.size)
        self._long_side = self._long_side or long_side
        return self._long_side / long_side


def _zoomed(people: People, zoom: float) -> People:
    """People as they were seen in a picture ``zoom`` times as large."""
    return people if zoom == 1.0 else dataclasses.replace(people, joints_px=(people.joints_px + 0.5) * zoom - 0.5)
