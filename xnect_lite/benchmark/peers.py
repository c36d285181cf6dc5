"""This pipeline beside other systems: the same pictures, the same metric, the same machine, one run.

Accuracy on labels, and time against the number of people: a system that needs a pass for each person shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import cv2
import numpy as np
from tqdm import tqdm

from xnect_lite.benchmark.clock import time_in_turns, time_on_cpu
from xnect_lite.config import PipelineConfig
from xnect_lite.data.sample import Sample
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.finding import StillFinder
from xnect_lite.evaluate.keypoints import KeypointScore, extent
from xnect_lite.evaluate.photos import inside_picture
from xnect_lite.pipeline import Pipeline
from xnect_lite.skeleton import joint_box
from xnect_lite.stages.network import Predictor
from xnect_lite.types import PAD_RGB, Frame

PEOPLE = (1, 2, 5, 10)
_CANVAS = 1280, 720
_SLOTS = 5, 2
_ROOM = 0.15  # around a person cut out, of its height
_SMALLEST_PX = 100.0
_UNTIL_SURE = 6  # frames after which tracking reports whoever is there


class Peer(Protocol):
    """A system that finds people in 2D. ``what``: its network, input and passes, in words."""

    name: str
    what: str

    def find(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(P, 24, 2) pixels of everybody in an RGB picture, NaN = not found or no joint of its, and (P,) scores."""


class Ours:
    """This pipeline on single pictures: network, grouping, refining, lifting."""

    def __init__(self, config: PipelineConfig, predictor: Predictor) -> None:
        self.name, self._finder = f"xnect-lite {config.network.backbone}", StillFinder(config, predictor)
        sides = f"{config.network.long_side_net_px} x {config.network.short_side_net_px}"
        self.what = f"one pass at {sides}, {predictor.runs_on.backend} {predictor.runs_on.precision}; also 3D"

    def find(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Peer`."""
        people = self._finder(Frame(image, 0.0, 0))
        return people.joints_px, people.person_score


class OursLive(Ours):
    """Everything that the app does with a frame: also tracking, filtering, fitting. Frames are a 30th of a second apart."""

    def __init__(self, config: PipelineConfig, predictor: Predictor) -> None:
        super().__init__(config, predictor)
        self.what += ", tracking, filtering, fitting"
        self._pipeline, self._frames = Pipeline(config, predictor), 0

    def find(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Peer`."""
        self._frames += 1
        people = self._pipeline.process(Frame(image, self._frames / 30, self._frames)).people
        return people.joints_px, people.person_score


def accuracy(
    peers: Sequence[Peer], samples: Sequence[Sample], exact: bool, progress: bool = False
) -> dict[str, dict[str, float]]:
    """Name -> PCK@0.2 on joints that humans labelled and, of ``exact`` labels, keypoint AP; all in percent.

    Labels that a teacher made are no measure of that teacher, so AP needs labels that none of the peers had a hand in.
    """
    scores = {peer.name: KeypointScore() for peer in peers}
    for sample in tqdm(list(samples), desc="accuracy", unit="picture", disable=None if progress else True):
        image, labels = sample.read_image(), sample.people
        known = np.where(labels.weight_2d[..., None] > 0, labels.joints_px, np.nan)
        shown = np.where(inside_picture(known, sample.size)[..., None], known, np.nan)
        for peer in peers:
            px, confidence = peer.find(image)
            scores[peer.name].add_pck(labels.human_px, known, px)
            if exact:
                scores[peer.name].add_ap(shown, px, confidence, np.zeros(len(px), bool))
    out = {}
    for name, score in scores.items():
        figures = score.figures()
        ap = 100 * figures["ap"] if exact else np.nan
        out[name] = {"pck": 100 * figures["pck"], "pck_people": int(figures["pck_people"]), "ap": ap}
    return out


def latency(
    peers: Sequence[Peer], pictures: dict[int, np.ndarray], iterations: int, on_turn: Callable[[], object] = lambda: None
) -> dict[str, dict[str, float]]:
    """Name -> median milliseconds for each number of people, the last over the first, and how many of the most it found.

    All peers and pictures take turns, so that a busy machine is busy for all of them.
    """
    passes = [(peer, count) for peer in peers for count in pictures]
    times = time_in_turns(
        [partial(peer.find, pictures[count]) for peer, count in passes], time_on_cpu, iterations,
        on_turn=on_turn,
    )  # fmt: skip
    medians = {key: float(np.median(ms)) for key, ms in zip(((p.name, n) for p, n in passes), times, strict=True)}
    out, few, many = {}, min(pictures), max(pictures)
    for peer in peers:
        row: dict[str, float] = {f"ms, {n} {'person' if n == 1 else 'people'}": medians[peer.name, n] for n in pictures}
        row[f"{many} over {few}"] = medians[peer.name, many] / medians[peer.name, few]
        row[f"found of {many}"] = max(len(peer.find(pictures[many])[0]) for _ in range(_UNTIL_SURE))
        out[peer.name] = row
    return out


def crowds(samples: Sequence[Sample], numbers: Sequence[int] = PEOPLE) -> dict[int, np.ndarray]:
    """Number -> a picture of so many people, all about as tall: cut out of pictures and put side by side on grey.

    Raises XnectError if there are too few people who stand alone.
    """
    most = max(numbers)
    cuts: list[np.ndarray] = []
    for sample in samples:
        if len(cuts) == most:
            break
        if len(sample.people) == 1 and not len(sample.ignore_xyxy):
            joints = np.where(sample.people.weight_2d[0][:, None] > 0, sample.people.joints_px[0], np.nan)
            if extent(joints)[1] >= _SMALLEST_PX:
                cuts.append(_cut(sample.read_image(), joints))
    if len(cuts) < most:
        cause = f"{len(cuts)} of {most} people needed stand alone in a picture, at least {_SMALLEST_PX:.0f} px tall"
        raise XnectError("pictures to time on", cause, "Give more pictures: a larger --limit, or another folder")
    out = {}
    for number in numbers:
        canvas = np.full((_CANVAS[1], _CANVAS[0], 3), PAD_RGB, np.uint8)
        for slot, cut in enumerate(cuts[:number]):
            _put(canvas, cut, slot)
        out[number] = canvas
    return out


def _cut(image: np.ndarray, joints_px: np.ndarray) -> np.ndarray:
    low, high = joint_box(joints_px)
    room = _ROOM * (high[1] - low[1])
    x0, y0 = np.maximum(np.floor(low - room), 0).astype(int)
    x1, y1 = np.ceil(high + room).astype(int)
    return image[y0 : y1 + 1, x0 : x1 + 1]


def _put(canvas: np.ndarray, cut: np.ndarray, slot: int) -> None:
    """Into the n-th slot, as large as fits."""
    width, height = _CANVAS[0] // _SLOTS[0], _CANVAS[1] // _SLOTS[1]
    scale = min(width / cut.shape[1], height / cut.shape[0])
    size = max(1, int(cut.shape[1] * scale)), max(1, int(cut.shape[0] * scale))
    row, column = divmod(slot, _SLOTS[0])
    x, y = column * width + (width - size[0]) // 2, row * height + (height - size[1]) // 2
    canvas[y : y + size[1], x : x + size[0]] = cv2.resize(cut, size, interpolation=cv2.INTER_AREA)
