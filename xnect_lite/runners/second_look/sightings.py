"""What was detected in every frame of a clip, kept on disk until all of it is known."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator

import numpy as np

from xnect_lite.pipeline import Detection
from xnect_lite.runners.second_look.cuts import summary
from xnect_lite.stages.tracking.clothing import clothing
from xnect_lite.types import Frame, People

_KEPT = ("joints_px", "joint_score", "person_score", "bones_ray_m", "locations_ray_m", "map_depth_mm")


class Sightings:
    """Detections in order, without their pictures. An hour of three people takes about 3 GB of the disk."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._frames: list[tuple[float, int, tuple[int, int]]] = []
        self.summaries: list[np.ndarray] = []
        """Of every picture, see `cuts`."""

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, detection: Detection) -> None:
        """Take in the next frame. Joints that lifting inferred count as not found."""
        frame, people = detection.frame, detection.people
        found = people.joint_score > 0
        people = dataclasses.replace(people, joints_px=np.where(found[..., None], people.joints_px, np.nan).astype(np.float32))
        for values in (*(getattr(people, name) for name in _KEPT), clothing(frame.image, detection.people)):
            np.save(self._file, values)
        self._frames.append((frame.t_s, frame.index, frame.size))
        self.summaries.append(summary(frame.image))

    def __iter__(self) -> Iterator[tuple[Frame, People, np.ndarray]]:
        """Frame (its picture is black), people as they were detected, and their clothes; in order."""
        self._file.seek(0)
        for t_s, index, (width, height) in self._frames:
            columns = {name: np.load(self._file) for name in _KEPT}
            clothes = np.load(self._file)
            image = np.broadcast_to(np.uint8(0), (height, width, 3))
            yield Frame(image, t_s, index), dataclasses.replace(People.empty(len(clothes)), **columns), clothes

    def close(self) -> None:
        """Give the disk back."""
        self._file.close()
