"""Takes made of drawn people: who is where and when is known, nothing is loaded."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import av
import numpy as np
from gui_fakes import make_people

from xnect_lite.record.bvh import BvhOptions
from xnect_lite.record.take import TakeRecorder
from xnect_lite.types import Frame, PoseResult

SIZE, FPS = (160, 90), 25.0


def make_take(folder: Path, seen: Mapping[int, set[int]], frames: int = 40, film: Path | None = None) -> Path:
    """A finished take in ``folder``. ``seen``: identity -> the frames it is seen in; ``film``: the file it was made of."""
    job = {"key": "k", "source": str(film)} if film else None
    recorder = TakeRecorder(folder, source="clip.mp4", fps=FPS, min_person_s=0.0, job=job, bvh=BvhOptions(fps=FPS))
    for n in range(frames):
        ids = [identity for identity in sorted(seen) if n in seen[identity]]
        places = [(-800.0 + 700 * identity + 10 * n, 100.0, 4000.0) for identity in ids]
        people = make_people(places, SIZE, swing=float(np.sin(n / 5)))
        people = dataclasses.replace(people, ids=np.array(ids, np.int64))
        image = np.full((SIZE[1], SIZE[0], 3), 30 + n, np.uint8)
        recorder.add(PoseResult(Frame(image, n / FPS, n), people, float(max(SIZE))))
    recorder.close()
    return folder


def make_film(file: Path, frames: int = 40) -> Path:
    """A video; picture n is of brightness 30 + 3 n."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=int(FPS))
        stream.width, stream.height, stream.pix_fmt = SIZE[0], SIZE[1], "yuv420p"
        stream.options = {"crf": "3", "g": "12"}
        for n in range(frames):
            image = np.full((SIZE[1], SIZE[0], 3), 30 + 3 * n, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return file


def picture_number(image: np.ndarray) -> int:
    """Which picture of `make_film` this is."""
    return round((float(image.mean()) - 30) / 3)
