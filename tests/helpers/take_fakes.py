"""Takes made of drawn people: who is where and when is known, nothing is loaded."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from gui_fakes import make_people

from xnect_lite.record.take import TakeRecorder
from xnect_lite.types import Frame, PoseResult

SIZE, FPS = (160, 90), 25.0


def make_take(folder: Path, seen: Mapping[int, set[int]], frames: int = 40, film: Path | None = None) -> Path:
    """A finished take in ``folder``. ``seen``: identity -> the frames it is seen in; ``film``: the file it was made of."""
    job = {"key": "k", "source": str(film)} if film else None
    recorder = TakeRecorder(folder, source="clip.mp4", fps=FPS, min_person_s=0.0, job=job)
    for n in range(frames):
        ids = [identity for identity in sorted(seen) if n in seen[identity]]
        places = [(-800.0 + 700 * identity + 10 * n, 100.0, 4000.0) for identity in ids]
        people = make_people(places, SIZE, swing=float(np.sin(n / 5)))
        people = dataclasses.replace(people, ids=np.array(ids, np.int64))
        image = np.full((SIZE[1], SIZE[0], 3), 30 + n, np.uint8)
        recorder.add(PoseResult(Frame(image, n / FPS, n), people, float(max(SIZE))))
    recorder.close()
    return folder


def make_film(folder: Path, frames: int = 40) -> Path:
    """A folder of pictures that plays like a clip; picture n is of brightness 30 + n."""
    folder.mkdir(parents=True)
    for n in range(frames):
        cv2.imwrite(str(folder / f"{n:03d}.png"), np.full((SIZE[1], SIZE[0], 3), 30 + n, np.uint8))
    return folder
