"""Pictures of a film by frame: the right one, soon, whichever way the user scrubs."""

from __future__ import annotations

import threading
import time
from fractions import Fraction

import av
import numpy as np
import pytest

from xnect_lite.capture import open_source
from xnect_lite.errors import XnectError
from xnect_lite.runners.pictures import PictureReader

FPS, COUNT = 25, 60


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Sixty frames with few key frames; frame n is of brightness 40 + 3 n."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.options = {"g": "30", "crf": "5"}
        for n in range(COUNT):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 + 3 * n, np.uint8), format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


class Reading:
    """A reader, and waiting for its pictures."""

    def __init__(self, open_at, t_s):
        self.told = threading.Event()
        self.reader = PictureReader(open_at, np.asarray(t_s), lambda _: self.told.set())

    def number(self, frame):
        """Which of the film's pictures stands for this frame."""
        deadline = time.monotonic() + 20
        while (image := self.reader.get(frame)) is None:
            self.told.wait(0.5)
            self.told.clear()
            assert time.monotonic() < deadline and not self.reader.problem, self.reader.problem
        return round((float(image.mean()) - 40) / 3)


@pytest.fixture
def read(film):
    readings = []

    def make(t_s=None, open_at=lambda s: open_source(str(film), start_s=s or None)):
        readings.append(Reading(open_at, np.arange(COUNT) / FPS if t_s is None else t_s))
        return readings[-1]

    yield make
    for reading in readings:
        reading.reader.close()
        assert not reading.reader._thread.is_alive()


@pytest.mark.parametrize(
    "order",
    [
        [0, 1, 2, 3, 20],  # played, and on
        [59, 58, 57, 56],  # stepping back
        [30, 0, 59, 29, 31, 5],  # scrubbed
    ],
)
def test_every_frame_has_its_own_picture(read, order):
    reading = read()
    assert [reading.number(frame) for frame in order] == order


def test_frames_that_the_recording_dropped_have_no_picture_of_their_own(read):
    """A take that kept frames 0, 3, 6, ... shows those pictures, not the first twenty."""
    reading = read(np.arange(0, COUNT, 3) / FPS)
    assert [reading.number(frame) for frame in (0, 1, 5, 19, 4)] == [0, 3, 15, 57, 12]


def test_a_film_that_ends_before_its_take_stays_at_its_last_picture(read):
    reading = read(np.arange(COUNT + 10) / FPS)
    assert reading.number(59) == 59 and reading.number(65) == 59


def test_a_film_that_cannot_be_opened_says_why(read):
    def fail(second):
        raise XnectError("film.mp4", "is gone", "Find it")

    reading = read(open_at=fail)
    assert reading.reader.get(0) is None
    assert reading.told.wait(10) and "is gone" in reading.reader.problem


def test_memory_does_not_grow_with_the_film(read, monkeypatch):
    monkeypatch.setattr("xnect_lite.runners.pictures._KEPT_BYTES", 20 * 64 * 48 * 3)
    reading = read()
    for frame in range(COUNT):
        reading.number(frame)
    assert len(reading.reader._kept) <= 21
