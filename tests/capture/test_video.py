"""Video files: time stamps, excerpts, turned, damaged and wrong ones."""

from __future__ import annotations

import shutil
import struct
import threading
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from played_pictures import HEIGHT, WIDTH, number_of, picture, write_pictures, write_video

from xnect_lite.capture import VideoSource, open_source
from xnect_lite.errors import XnectError


def test_video_time_stamps_are_the_real_ones(tmp_path: Path):
    times_s = [0.0, 0.033, 0.1, 0.5, 0.533, 1.2]
    with open_source(write_video(tmp_path / "uneven.mp4", times_s)) as source:
        np.testing.assert_allclose([f.t_s for f in source], times_s, atol=1e-3)


def test_video_time_counts_from_the_first_frame(tmp_path: Path):
    with open_source(write_video(tmp_path / "late.mkv", [5.0, 5.1, 5.3])) as source:
        np.testing.assert_allclose([f.t_s for f in source], [0, 0.1, 0.3], atol=1e-3)


@pytest.mark.parametrize(
    ("start_s", "end_s", "numbers"),
    [
        (None, None, range(12)),
        (0.5, None, range(5, 12)),  # between two key frames
        (0.8, None, range(8, 12)),  # on a key frame
        (None, 0.3, range(3)),  # the end is not part of it
        (0.35, 0.75, range(4, 8)),  # between frames
        (0.0, 99.0, range(12)),  # longer than the file
    ],
)
@pytest.mark.parametrize("kind", ["mp4", "mkv", "folder"])
def test_excerpts(tmp_path: Path, kind, start_s, end_s, numbers):
    if kind == "folder":
        spec, options = write_pictures(tmp_path / "take"), {"fps": 10.0}
    else:
        spec, options = write_video(tmp_path / f"take.{kind}"), {}
    with open_source(spec, start_s=start_s, end_s=end_s, **options) as source:
        frames = list(source)
        assert source.read() is None
        assert source.warning is None
        assert abs(source.frame_count - len(numbers)) <= 1
    assert [number_of(f.image) for f in frames] == list(numbers)
    assert [f.index for f in frames] == list(range(len(numbers)))
    np.testing.assert_allclose([f.t_s for f in frames], np.array(numbers) / 10, atol=1e-3)


@pytest.mark.parametrize(
    ("start_s", "end_s", "cause"),
    [
        (5.0, None, "before the start"),
        (2.0, 1.0, "not after the start"),
    ],
)
def test_excerpts_that_hold_nothing(tmp_path: Path, start_s, end_s, cause):
    with pytest.raises(XnectError, match=cause):
        open_source(write_video(tmp_path / "take.mp4"), start_s=start_s, end_s=end_s)


# The transformation matrix of an MP4 track, as phones write it, and where the stored top left corner is to be seen.
TURNS = {
    "as stored": ((1, 0, 0, 1), (4, 4), (WIDTH, HEIGHT)),
    "clockwise": ((0, 1, -1, 0), (4, -4), (HEIGHT, WIDTH)),
    "upside down": ((-1, 0, 0, -1), (-4, -4), (WIDTH, HEIGHT)),
    "anticlockwise": ((0, -1, 1, 0), (-4, 4), (HEIGHT, WIDTH)),
}


@pytest.mark.parametrize("turn", TURNS)
def test_video_is_turned_upright(tmp_path: Path, turn):
    (a, b, c, d), (row, column), size = TURNS[turn]
    path = write_video(tmp_path / "phone.mp4")
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40  # version 0: the matrix comes 40 bytes after the name
    assert struct.unpack_from(">9i", data, place) == (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    struct.pack_into(">9i", data, place, a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    with open_source(path) as source:
        assert source.size == size
        frame = source.read()
        assert frame is not None
        assert frame.size == size
        red = frame.image[..., 0]
        assert red[row, column] > 150
        assert (red > 150).mean() == pytest.approx(0.25, abs=0.05)


def test_video_with_oblong_pixels_is_shown_in_its_true_shape(tmp_path: Path):
    path = tmp_path / "camcorder.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for k in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(k), format="rgb24")))
        container.mux(stream.encode(None))
    with open_source(path) as source:
        assert source.size == (round(WIDTH * 4 / 3), HEIGHT)


@pytest.mark.parametrize(("kept", "least"), [(0.9, 30), (0.5, 10)])
def test_truncated_video_gives_what_it_has_and_says_so(tmp_path: Path, kept, least):
    path = write_video(tmp_path / "cut.mp4", count=60, noise=True, size=(128, 96), options={"movflags": "faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with open_source(path) as source:
        frames = list(source)
        assert least <= len(frames) < 60
        assert source.warning is not None
        assert "cut short" in source.warning


def test_video_with_a_hole_goes_on_after_it(tmp_path: Path):
    path = write_video(tmp_path / "scratched.mp4", count=60, noise=True, size=(128, 96), options={"movflags": "faststart"})
    data = bytearray(path.read_bytes())
    start = int(len(data) * 0.5)
    data[start : start + len(data) // 20] = bytes(len(data) // 20)
    path.write_bytes(data)
    with open_source(path) as source:
        times = [f.t_s for f in source]
        assert times[-1] == pytest.approx(5.9, abs=0.15)
        assert len(times) > 45


def test_video_closed_by_another_thread_ends(tmp_path: Path):
    source = open_source(write_video(tmp_path / "take.mp4", count=200))
    read: list[int] = []
    reader = threading.Thread(target=lambda: read.extend(f.index for f in source))
    reader.start()
    source.close()
    reader.join(5)
    assert not reader.is_alive()
    assert source.read() is None


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("text.mp4", b"This is a letter, not a film.\n" * 50, "not a video"),
        ("letter.txt", b"FFmpeg would show this as a terminal.\n" * 50, "not a video"),
        ("empty.mp4", b"", "not a video"),
        ("noise.avi", bytes(range(256)) * 20, "not a video"),
        ("noise.png", bytes(range(256)) * 20, "no picture that can be decoded"),
    ],
)
def test_files_that_are_no_video(tmp_path: Path, name, content, cause):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(XnectError, match=cause) as caught:
        open_source(tmp_path / name)
    assert name in str(caught.value)


def test_a_song_with_a_cover_is_no_video(tmp_path: Path):
    path = tmp_path / "song.mp3"
    with av.open(str(path), "w", options={"id3v2_version": "0", "write_id3v1": "0"}) as container:
        stream = container.add_stream("mp3", rate=44100)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1152 * 20), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 44100
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    cover = b"\0image/jpeg\0\3\0" + cv2.imencode(".jpg", picture(0))[1].tobytes()
    tag = b"APIC" + struct.pack(">IH", len(cover), 0) + cover
    sevens = bytes(len(tag) >> shift & 0x7F for shift in (21, 14, 7, 0))  # ID3 counts in bytes of seven bits
    path.write_bytes(b"ID3\3\0\0" + sevens + tag + path.read_bytes())
    with av.open(str(path)) as container:
        assert container.streams.video, "FFmpeg takes the cover for a video"
    with pytest.raises(XnectError, match="not a video"):
        open_source(path)


def test_a_colon_in_a_file_name_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_video(tmp_path / "plain.mp4", count=3)
    try:
        shutil.copy(tmp_path / "plain.mp4", tmp_path / "take:1.mp4")
    except OSError:
        pytest.skip("this system allows no colon in a file name")
    monkeypatch.chdir(tmp_path)
    with VideoSource("take:1.mp4") as source:
        assert len(list(source)) == 3
