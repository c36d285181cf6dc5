"""Sources of frames: one contract for all of them, then what is particular to each."""

from __future__ import annotations

import contextlib
import shutil
import struct
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from xnect_lite.capture import (
    CameraInfo,
    LiveSource,
    Source,
    SyntheticSource,
    VideoSource,
    find_camera,
    list_cameras,
    natural_order,
    open_source,
)
from xnect_lite.errors import XnectError

WIDTH, HEIGHT, COUNT = 64, 48, 12


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """(H, W, 3) RGB whose blue tells its number, with a red corner at the top left."""
    image = np.full((height, width, 3), (0, 0, 20 * number), np.uint8)
    image[: height // 2, : width // 2, 0] = 255
    return image


def number_of(image: np.ndarray) -> int:
    """Which `picture` this is, lossy coding or not."""
    return round(float(np.median(image[-HEIGHT // 3 :, -WIDTH // 3 :, 2])) / 20)


def write_video(
    path: Path,
    times_s: list[float] | None = None,
    *,
    count: int = COUNT,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    noise: bool = False,
    options: dict[str, str] | None = None,
) -> Path:
    """A short video; 10 frames a second unless ``times_s`` says otherwise. ``noise`` makes it too large to fit a few blocks."""
    times_s = [k / 10 for k in range(count)] if times_s is None else times_s
    rng = np.random.default_rng(0)
    avi = path.suffix == ".avi"  # counts frames, not milliseconds, and knows no B-frames
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream("mpeg4" if avi else "libx264", rate=10, options={"g": "4"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        ticks = 10 if avi else 1000
        stream.codec_context.time_base = Fraction(1, ticks)
        for k, t_s in enumerate(times_s):
            image = picture(k % 12, *size)
            if noise:
                image = rng.integers(0, 256, image.shape, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = round(t_s * ticks), Fraction(1, ticks)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_pictures(folder: Path, count: int = COUNT) -> Path:
    folder.mkdir()
    for k in range(count):
        cv2.imwrite(str(folder / f"frame_{k}.png"), picture(k)[..., ::-1])
    return folder


class FakeCapture:
    """A camera or stream that gives ``count`` pictures, then hangs, ends, or fails for a while."""

    def __init__(self, count: int = COUNT, then: str = "end", period_s: float = 0.005) -> None:
        self.count, self.then, self.period_s = count, then, period_s
        self.taken = self.failures = 0
        self.released = threading.Event()
        self.resume = threading.Event()
        self.thread_ids: set[int] = set()

    def isOpened(self) -> bool:
        return True

    def get(self, prop: int) -> float:
        return 30.0

    def grab(self) -> bool:
        self.thread_ids.add(threading.get_ident())
        time.sleep(self.period_s)
        if self.taken >= self.count:
            if self.then == "hang":
                self.resume.wait(10)
                self.count += 1
            elif self.then == "hiccup" and self.failures < 3:
                self.failures += 1
                return False
            elif self.then == "hiccup":
                self.count += 1
            else:
                return False
        self.taken += 1
        return True

    def retrieve(self) -> tuple[bool, np.ndarray | None]:
        return True, picture(min(self.taken - 1, 11))[..., ::-1].copy()

    def release(self) -> None:
        self.released.set()


class MjpegHandler(BaseHTTPRequestHandler):
    """Pictures one after the other, as network cameras send them."""

    def do_GET(self) -> None:
        if self.path == "/text":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"no video here")
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            for k in range(COUNT):
                jpeg = cv2.imencode(".jpg", picture(k)[..., ::-1])[1].tobytes()
                self.wfile.write(
                    b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg) + jpeg + b"\r\n"
                )
                time.sleep(0.01)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def mjpeg_server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), MjpegHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


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


# --- video files


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


# --- pictures


def test_pictures_are_sorted_with_numbers_counted():
    names = ["f10.png", "f2.png", "f1.png", "a.png"]
    assert [p.name for p in natural_order([Path(n) for n in names])] == ["a.png", "f1.png", "f2.png", "f10.png"]


def test_an_unreadable_picture_leaves_a_gap(tmp_path: Path):
    folder = write_pictures(tmp_path / "take", 4)
    (folder / "frame_1.png").write_bytes(b"broken")
    (folder / "notes.txt").write_text("not a picture")
    with open_source(folder) as source:
        frames = list(source)
        assert [f.index for f in frames] == [0, 2, 3]
        np.testing.assert_allclose([f.t_s for f in frames], [0, 2 / 30, 3 / 30])
        assert "frame_1.png" in (source.warning or "")


def test_one_picture_is_a_source_of_one_frame(tmp_path: Path):
    folder = write_pictures(tmp_path / "take", 1)
    with open_source(folder / "frame_0.png") as source:
        assert len(list(source)) == 1


@pytest.mark.parametrize("spec", ["", "*.png"])
def test_folder_or_pattern_without_pictures(tmp_path: Path, spec):
    with pytest.raises(XnectError, match="no picture"):
        open_source(tmp_path / spec)


# --- cameras and streams


@pytest.mark.parametrize("spec", ["no/such/film.mp4", "webcam that nobody has"])
def test_nothing_of_that_name(spec):
    with pytest.raises(XnectError, match="no such file, folder or camera"):
        open_source(spec)


@pytest.mark.parametrize("spec", ["97", "camera:97", "/dev/video97"])
def test_no_camera_of_that_number(spec, capfd: pytest.CaptureFixture[str]):
    with pytest.raises(XnectError, match="camera 97: cannot be opened"):
        open_source(spec)
    assert capfd.readouterr().err == "", "OpenCV's own words would only confuse"


def test_no_camera_of_that_name():
    with pytest.raises(XnectError, match="no camera of that name"):
        open_source("camera:Zweites Gesicht 3000")


CAMERAS = [
    CameraInfo(0, "Integrated Camera", "usb-1.1"),
    CameraInfo(2, "Studio Cam", "usb-1.2"),
    CameraInfo(4, "Studio Cam Pro", "usb-1.3"),
    CameraInfo(6, "Twin", "usb-2.1"),
    CameraInfo(8, "Twin", "usb-2.2"),
]


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("Integrated Camera", 0),
        ("integrated", 0),  # part of one name only
        ("studio cam", 2),  # the whole name wins over a part
        ("USB-2.2", 8),  # the path tells twins apart
        ("Phone", None),
        ("", None),
    ],
)
def test_camera_by_name(text, index):
    found = find_camera(text, CAMERAS)
    assert (found.index if found else None) == index


@pytest.mark.parametrize("text", ["Twin", "studio"])
def test_camera_names_that_fit_several(text):
    with pytest.raises(XnectError, match="several cameras"):
        find_camera(text, CAMERAS)


def test_listing_cameras_opens_none_and_never_fails():
    assert all(isinstance(c, CameraInfo) for c in list_cameras())


@pytest.mark.parametrize("path", ["/text", "/gone"])
def test_address_without_a_stream(mjpeg_server, path):
    url = mjpeg_server + path if path == "/text" else "http://127.0.0.1:9/gone"  # port 9: nobody listens
    with pytest.raises(XnectError, match="no video stream answers"):
        open_source(url, timeout_s=2)


def test_a_live_source_has_no_start(mjpeg_server):
    with pytest.raises(XnectError, match="cannot start later"):
        open_source(mjpeg_server + "/camera.mjpg", start_s=3.0)


def test_a_live_source_can_have_an_end():
    with LiveSource("fake", lambda: FakeCapture(count=10**6, period_s=0.01), can_end=False, end_s=0.2) as source:
        times = [f.t_s for f in source]
    assert 1 <= len(times) <= 21
    assert times[-1] < 0.2


def test_a_camera_that_hangs_is_an_error_in_time_and_may_come_back():
    camera = FakeCapture(count=3, then="hang")
    source = LiveSource("fake", lambda: camera, can_end=False, timeout_s=0.5)
    assert [source.read().index for _ in range(3)] == [0, 1, 2]
    begin = time.monotonic()
    with pytest.raises(XnectError, match=r"fake: sent no picture for 0.5 s"):
        source.read()
    assert time.monotonic() - begin < 5, "the camera hangs for ten"
    camera.resume.set()
    assert source.read().index == 3
    source.close()
    assert camera.released.is_set()


def test_a_camera_that_fails_for_a_moment_goes_on():
    camera = FakeCapture(count=2, then="hiccup")
    with LiveSource("fake", lambda: camera, can_end=False, timeout_s=5.0) as source:
        assert [source.read().index for _ in range(4)] == [0, 1, 2, 3]
    assert camera.failures == 3


def test_a_camera_that_is_unplugged_is_an_error():
    with (
        LiveSource("fake", lambda: FakeCapture(count=2), can_end=False, timeout_s=0.1) as source,
        pytest.raises(XnectError, match="sent no picture"),
    ):
        list(source)


def test_a_camera_that_hangs_while_it_opens_is_an_error():
    with pytest.raises(XnectError, match="sent no picture"):
        LiveSource("fake", lambda: FakeCapture(count=0, then="hang"), can_end=False, open_timeout_s=0.1)


def test_closing_frees_a_reader_that_waits():
    camera = FakeCapture(count=1, then="hang")
    source = LiveSource("fake", lambda: camera, can_end=False, timeout_s=30)
    source.read()
    answers: list[object] = []
    reader = threading.Thread(target=lambda: answers.append(source.read()))
    reader.start()
    time.sleep(0.05)
    begin = time.monotonic()
    source.close()
    reader.join(20)
    assert answers == [None]
    assert time.monotonic() - begin < 5, "the camera hangs for ten, and the reader would wait for thirty"
    camera.resume.set()
    assert camera.released.wait(20), "given back as soon as the driver answers"


def test_a_device_is_only_ever_touched_by_one_thread():
    camera = FakeCapture()
    with LiveSource("fake", lambda: camera, can_end=True) as source:
        list(source)
    assert len(camera.thread_ids) == 1
    assert threading.get_ident() not in camera.thread_ids
