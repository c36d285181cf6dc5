"""Run the pipeline over the pictures of a data set, saved as it goes: it can be interrupted, and goes on where it was."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from tqdm import tqdm

from xnect_lite.camera.intrinsics import camera_for
from xnect_lite.camera.statures import assumed_stature_m
from xnect_lite.config import CameraConfig, PipelineConfig
from xnect_lite.evaluate.joint_lists import JointList
from xnect_lite.evaluate.predictions import Found, PredictionFile
from xnect_lite.pipeline import Pipeline
from xnect_lite.stages.detector import Detector
from xnect_lite.stages.lifting.lift import lift_people
from xnect_lite.stages.lifting.network import open_lift
from xnect_lite.stages.mirrored import mean_of_mirrored
from xnect_lite.stages.network import Predictor
from xnect_lite.timer import StageTimer
from xnect_lite.types import PAD_RGB, Frame, People


@dataclass(frozen=True)
class Picture:
    """One picture to look at. ``record``: its name in the predictions; ``read``: its RGB pixels.

    window_xyxy: the part to look at, whole pixels, may reach beyond the picture; None = all of it.
    choose: which of the people found are reported, from their (P, 24, 2) pixels; None = all.
    focal_px: of the camera, None = not known. t_s: when it was taken.
    """

    record: str
    read: Callable[[], np.ndarray]
    window_xyxy: tuple[int, int, int, int] | None = None
    choose: Callable[[np.ndarray], np.ndarray] | None = None
    focal_px: float | None = None
    t_s: float = 0.0


class Finder(Protocol):
    """What finds people in frames. ``remembers``: what it says of a frame depends on those before it."""

    remembers: bool

    def begin(self, focal_px: float | None) -> None:
        """A new clip begins; pictures that are no clip are one each."""

    def __call__(self, frame: Frame) -> People: ...


class StillFinder:
    """Network, grouping, refining and lifting on each picture by itself; with ``flip_test`` on its mirror image, too."""

    remembers = False

    def __init__(self, config: PipelineConfig, predictor: Predictor, flip_test: bool = False) -> None:
        self._config, self._flip_test = config, flip_test
        self._detector, self._lift = Detector.open(config, predictor), open_lift(config.lifting)
        self._camera = config.camera

    def begin(self, focal_px: float | None) -> None:
        """See `Finder`."""
        self._camera = calibrated(self._config.camera, focal_px)

    def __call__(self, frame: Frame) -> People:
        """See `Finder`."""
        if self._flip_test:
            mirrored = dataclasses.replace(frame, image=np.ascontiguousarray(frame.image[:, ::-1]))
            both = [self._detector.network(one, StageTimer()) for one in (frame, mirrored)]
            people = self._detector.people_on(mean_of_mirrored(*both))
        else:
            people = self._detector(frame).people
        return lift_people(people, camera_for(frame.size, self._camera), assumed_stature_m(self._camera), self._lift)


class ClipFinder:
    """The whole pipeline, frame after frame as it runs live: with tracking, filtering and fitting."""

    remembers = True

    def __init__(self, config: PipelineConfig, predictor: Predictor) -> None:
        self._config, self._predictor = config, predictor
        self._pipeline: Pipeline | None = None

    def begin(self, focal_px: float | None) -> None:
        """See `Finder`."""
        camera = calibrated(self._config.camera, focal_px)
        self._pipeline = Pipeline(dataclasses.replace(self._config, camera=camera), self._predictor)

    def __call__(self, frame: Frame) -> People:
        """See `Finder`."""
        assert self._pipeline is not None, "begin() comes first"
        return self._pipeline.process(frame).people


def calibrated(camera: CameraConfig, focal_px: float | None) -> CameraConfig:
    """The camera with this focal length, unless the user said something of the lens."""
    if focal_px is None or camera.intrinsics or camera.focal_px or camera.fov_deg:
        return camera
    return dataclasses.replace(camera, focal_px=focal_px)


@dataclass
class Run:
    """People of every picture, and the milliseconds each picture took that was looked at now (not its reading)."""

    found: dict[str, Found]
    ms: list[float] = field(default_factory=list)


def find_all(
    clips: Sequence[Sequence[Picture]], finder: Finder, joints: JointList, with_3d: bool, file: PredictionFile | None = None,
    progress: bool = True,
) -> Run:  # fmt: skip
    """Look at all pictures, clip by clip; those that ``file`` holds already are not looked at again.

    A finder that remembers begins an unfinished clip anew.
    """
    run = Run(dict(file.done) if file else {})
    total = sum(map(len, clips))
    for clip in clips:
        if finder.remembers and not all(picture.record in run.found for picture in clip):
            for picture in clip:
                run.found.pop(picture.record, None)
    if file:
        file.keep(run.found)
    with tqdm(total=total, initial=len(run.found), unit="picture", disable=None if progress else True, file=sys.stderr) as bar:
        for clip in clips:
            todo = [(i, picture) for i, picture in enumerate(clip) if picture.record not in run.found]
            if finder.remembers and todo:
                finder.begin(clip[0].focal_px)
            for i, picture in todo:
                if not finder.remembers:
                    finder.begin(picture.focal_px)
                people, ms = _look(picture, i, finder)
                run.ms.append(ms)
                run.found[picture.record] = joints.found(people, with_3d)
                if file:
                    file.add(picture.record, run.found[picture.record])
                bar.update()
    return run


def _look(picture: Picture, index: int, finder: Finder) -> tuple[People, float]:
    image, corner = cut_out(picture.read(), picture.window_xyxy)
    begin = time.perf_counter()
    people = finder(Frame(image, picture.t_s, index))
    ms = (time.perf_counter() - begin) * 1e3
    people = dataclasses.replace(people, joints_px=people.joints_px + np.asarray(corner, np.float32))
    people = people.take(np.isfinite(people.joints_px).any((1, 2)))
    return (people.take(picture.choose(people.joints_px)) if picture.choose else people), ms


def cut_out(image: np.ndarray, window_xyxy: tuple[int, int, int, int] | None) -> tuple[np.ndarray, tuple[int, int]]:
    """The window's pixels, grey beyond the picture, and its upper left corner."""
    if window_xyxy is None:
        return image, (0, 0)
    x0, y0, x1, y1 = window_xyxy
    out = np.full((max(1, y1 - y0), max(1, x1 - x0), 3), PAD_RGB, np.uint8)
    top, left, bottom, right = max(y0, 0), max(x0, 0), min(y1, image.shape[0]), min(x1, image.shape[1])
    if top < bottom and left < right:
        out[top - y0 : bottom - y0, left - x0 : right - x0] = image[top:bottom, left:right]
    return out, (x0, y0)


@contextmanager
def kept(path: str | None, open_file: Callable[[Path], PredictionFile]) -> Iterator[PredictionFile | None]:
    """The file to save in, closed at the end; None if none was named."""
    if path is None:
        yield None
        return
    file = open_file(Path(path))
    try:
        yield file
    finally:
        file.close()
