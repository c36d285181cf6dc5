"""Films with odd headers: titles that are no Unicode, pixels of absurd shape, pictures of absurd size."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from cases import ATTACKS, CASES, needs_cases
from played_pictures import HEIGHT, WIDTH, picture, write_video

from xnect_lite.capture import open_source
from xnect_lite.errors import XnectError


@pytest.mark.parametrize("suffix", [".avi", ".mkv", ".mp4"])
def test_a_title_that_is_no_unicode(tmp_path: Path, suffix):
    """Old programs wrote titles in the letters of their country."""
    path = tmp_path / f"old{suffix}"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "PLACE"
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for k in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(k), format="rgb24")))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    assert data.count(b"PLACE") >= 1
    path.write_bytes(data.replace(b"PLACE", b"caf\xe9!"))
    with open_source(path) as source:
        assert len(list(source)) == 5


@pytest.mark.parametrize("shape", [Fraction(40, 1), Fraction(1, 50)])
def test_pixels_of_absurd_shape_are_taken_for_square_and_told(tmp_path: Path, shape):
    path = tmp_path / "wide.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.sample_aspect_ratio = shape
        for k in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(k), format="rgb24")))
        container.mux(stream.encode(None))
    with open_source(path) as source:
        assert source.size == (WIDTH, HEIGHT) and len(list(source)) == 3
        assert source.warning is not None and "not believed" in source.warning


def test_pictures_larger_than_the_limit_are_refused_by_the_header(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("xnect_lite.capture.video.MOST_PIXELS", WIDTH * HEIGHT - 1)
    monkeypatch.setattr("xnect_lite.capture.video.VideoSource._pictures", lambda _: pytest.fail("decoded"))
    with pytest.raises(XnectError, match=f"has pictures of {WIDTH} x {HEIGHT}; at most"):
        open_source(write_video(tmp_path / "a.mp4"))


@needs_cases
@pytest.mark.parametrize("name", ["attacks/latin1_title.avi", "attacks/media_fuzz93.webm", "sar_huge.mp4"])
def test_films_found_to_bring_it_down(name):
    with open_source(CASES / name) as source:
        assert len(list(source)) >= 9 and max(source.size) < 1000
    assert ATTACKS.is_dir()
