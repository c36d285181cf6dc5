"""One contract for all sources of frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from played_pictures import COUNT, HEIGHT, WIDTH, FakeCapture, number_of, picture, write_pictures, write_video

from xnect_lite.capture import LiveSource, Source, SyntheticSource, open_source


class DrawnPictures(SyntheticSource):
    """The synthetic source, but its drawings are those that the other sources show."""

    def _draw(self, t_s: float) -> np.ndarray:
        return picture(round(t_s * self.fps))


@pytest.fixture(params=["mp4", "mkv", "avi", "folder", "pattern", "http", "fake camera", "synthetic"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    """Every kind of source, with the same pictures in it."""
    kind = request.param
    if kind in ("mp4", "mkv", "avi"):
        opened: Source = open_source(str(write_video(tmp_path / f"take.{kind}")))
    elif kind == "folder":
        opened = open_source(str(write_pictures(tmp_path / "take")))
    elif kind == "pattern":
        opened = open_source(str(write_pictures(tmp_path / "take") / "frame_*.png"))
    elif kind == "http":
        opened = open_source(request.getfixturevalue("mjpeg_server") + "/camera.mjpg", reconnect_s=0)
    elif kind == "synthetic":
        opened = DrawnPictures(end_s=(COUNT - 0.5) / 30)
        opened.size = (WIDTH, HEIGHT)
    else:
        opened = LiveSource("fake", FakeCapture, can_end=True)
    yield opened
    opened.close()


def test_every_source_gives_its_frames_in_order_and_ends(source: Source):
    frames = list(source)
    assert source.read() is None, "stays ended"
    assert source.warning is None
    numbers = [number_of(f.image) for f in frames]
    assert numbers == sorted(numbers)
    assert numbers[0] == 0
    # A network stream is allowed to lose its last picture: nothing tells where it ends.
    assert COUNT - 1 <= len(frames) <= COUNT
    for k, frame in enumerate(frames):
        assert frame.index == k
        assert frame.size == source.size == (WIDTH, HEIGHT)
        assert frame.image.dtype == np.uint8
        assert frame.image.flags.c_contiguous
        assert frame.image[4, 4, 0] > 150, "red is the first channel and the corner is at the top left"
    times = [f.t_s for f in frames]
    assert times[0] == 0
    assert (np.diff(times) > 0).all()


def test_every_source_says_what_it_is(source: Source):
    assert source.name
    assert source.live == isinstance(source, LiveSource)
    assert source.frame_count == (None if source.live else COUNT)
    assert source.live or source.fps in (10, 30)


def test_every_source_closes_twice_and_then_gives_nothing(source: Source):
    with source as opened:
        assert opened.read() is not None
    source.close()
    assert source.read() is None
