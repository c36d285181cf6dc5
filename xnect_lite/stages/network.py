"""Stage I at run time: a frame in, maps out. Letterboxing and colour order belong here, devices to the back ends."""

from __future__ import annotations

import dataclasses
from typing import Protocol

import cv2
import numpy as np
import torch

from xnect_lite.config import NetworkConfig, checked
from xnect_lite.inference.base import Backend
from xnect_lite.inference.choose import open_backend
from xnect_lite.inference.sparse import SparseBackend
from xnect_lite.models.xnect import XNect
from xnect_lite.timer import StageTimer
from xnect_lite.types import PAD_RGB, Frame, Letterbox, Maps, RunsOn


def net_size(config: NetworkConfig, frame_size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of the network input: landscape for wide frames, portrait for tall ones."""
    long, short = config.long_side_net_px, config.short_side_net_px
    return (long, short) if frame_size[0] >= frame_size[1] else (short, long)


def letterbox_image(image: np.ndarray, box: Letterbox) -> np.ndarray:
    """(H, W, 3) uint8 RGB -> (net_height, net_width, 3), scaled and centred on grey exactly as ``box`` says."""
    height, width = image.shape[:2]
    if box.scale < 0.35:  # halved first: whole pixels average five times as fast
        image = cv2.resize(image, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    if box.scale < 0.7:  # average whole pixels first: bilinear alone would skip some
        size = (max(1, round(width * box.scale)), max(1, round(height * box.scale)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    sx, sy = width * box.scale / image.shape[1], height * box.scale / image.shape[0]
    matrix = np.array([[sx, 0, 0.5 * sx + box.pad_x - 0.5], [0, sy, 0.5 * sy + box.pad_y - 0.5]], np.float64)
    pad = (PAD_RGB,) * 3
    return cv2.warpAffine(
        image, matrix, (box.net_width, box.net_height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=pad
    )


class FrameNetwork(Protocol):
    """What a pipeline takes for its network, and what that runs on, for overlays and reports."""

    @property
    def runs_on(self) -> RunsOn: ...

    def __call__(self, frame: Frame, timer: StageTimer) -> Maps:
        """The maps of one frame."""
        ...


class Predictor:
    """Runs Stage I on single frames.

    ``runs_on`` says what it runs on, for overlays and reports.

    Args:
        config: weight file, device, back end, precision and input size.
        net: a network in memory, in place of the weight file.
        backend: one that is open already, in place of both.

    Raises:
        XnectError: for a weight file, device or back end that cannot be had.
    """

    def __init__(self, config: NetworkConfig, net: XNect | None = None, backend: Backend | None = None) -> None:
        self.config = checked(config, "network.")
        self._backend = backend or open_backend(config, net)
        self.runs_on = RunsOn(config.backbone, self._backend.device_name, self._backend.name, self._backend.precision)

    @torch.inference_mode()
    def __call__(self, frame: Frame, timer: StageTimer | None = None) -> Maps:
        """Maps of one frame, still on the device.

        Args:
            frame: an RGB picture, of any size; it is letterboxed.
            timer: takes the times of preprocess and network.
        """
        timer = timer or StageTimer()
        with timer.stage("preprocess"):
            box = Letterbox.fit(*frame.size, *net_size(self.config, frame.size))
            image = torch.from_numpy(letterbox_image(frame.image, box))
        with timer.stage("network", cuda=self._backend.on_gpu):
            maps = to_maps(self._backend(image[None]), box)
        if isinstance(self._backend, SparseBackend):
            return dataclasses.replace(maps, effort=self._backend.effort(box))
        return maps


def to_maps(outputs: dict[str, torch.Tensor], box: Letterbox, index: int = 0) -> Maps:
    """Row ``index`` of the network's outputs as Maps: single precision, probabilities instead of logits."""
    one = {name: value[index].float() for name, value in outputs.items()}
    return Maps(
        heatmaps=one["heatmaps"].sigmoid(),
        centre=one["centre"][0].sigmoid(),
        pafs=one["pafs"],
        locations=one["locations"],
        depth=one["depth"][0],
        stride=box.net_width // one["heatmaps"].shape[-1],
        letterbox=box,
    )
