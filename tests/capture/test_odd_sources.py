"""Sources that misbehave: cameras that disappear, stutter or send junk; odd pixel formats; the drawn people."""

from __future__ import annotations

import threading
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from played_pictures import HEIGHT, WIDTH, FakeCapture, number_of, picture

from xnect_lite.capture import CameraInfo, LiveSource, SyntheticSource, is_synthetic, open_source
from xnect_lite.capture.live import to_rgb
from xnect_lite.errors import XnectError


class Socket:
    """Where a fake device is plugged in: each opening takes the next device, None is nobody there."""

    def __init__(self, *devices: FakeCapture | None) -> None:
        self.devices = list(devices)
        self.opened: list[FakeCapture] = []

    def __call__(self) -> FakeCapture:
        device = self.devices.pop(0) if len(self.devices) > 1 else self.devices[0]
        if device is None:
            raise XnectError("fake", "cannot be opened", "Plug it in")
        self.opened.append(device)
        return device


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xnect_lite.capture.live._LOST_S", 0.05)
    monkeypatch.setattr("xnect_lite.capture.live._REOPEN_S", 0.02)


@pytest.mark.parametrize("can_end", [True, False], ids=["stream", "camera"])
def test_a_device_that_disappears_and_comes_back_goes_on(can_end):
    socket = Socket(FakeCapture(count=3), None, None, FakeCapture(count=3), None)
    with LiveSource("fake", socket, can_end=can_end, timeout_s=5.0, reconnect_s=5.0) as source:
        frames = [source.read() for _ in range(6)]
        assert source.warning == "fake was gone once and came back"
    assert [f.index for f in frames] == list(range(6))
    assert (np.diff([f.t_s for f in frames]) > 0).all()
    assert all(device.released.is_set() for device in socket.opened), "every handle is given back"


@pytest.mark.parametrize(("can_end", "reconnect_s"), [(True, 0.3), (False, 0.3), (False, 0.0)])
def test_a_device_that_stays_away_ends_the_stream_or_is_an_error_in_time(can_end, reconnect_s):
    with LiveSource(
        "fake", Socket(FakeCapture(count=2), None), can_end=can_end, timeout_s=0.2, reconnect_s=reconnect_s
    ) as source:
        source.read(), source.read()
        if can_end:
            assert source.read() is None
            assert source.read() is None, "stays ended"
            assert source.warning == "fake broke off and did not come back for 0.5 s"
        else:
            with pytest.raises(XnectError, match=f"sent no picture for {0.2 + reconnect_s:g} s"):
                source.read()


def test_a_film_that_somebody_serves_ends_and_is_not_opened_anew():
    film = FakeCapture(count=4)
    film.get = lambda prop: 4.0 if prop == cv2.CAP_PROP_FRAME_COUNT else 30.0
    socket = Socket(film, FakeCapture())
    with LiveSource("fake", socket, can_end=True, reconnect_s=5.0) as source:
        assert len(list(source)) == 4
    assert len(socket.opened) == 1


def test_closing_frees_a_reader_that_waits_for_a_lost_camera():
    source = LiveSource("fake", Socket(FakeCapture(count=1), None), can_end=False, timeout_s=30, reconnect_s=30)
    source.read()
    answers: list[object] = []
    reader = threading.Thread(target=lambda: answers.append(source.read()))
    reader.start()
    source.close()
    reader.join(20)
    assert answers == [None]


def test_a_named_camera_that_comes_back_under_another_number_is_found(monkeypatch):
    plugged, opened = [CameraInfo(0, "Desk cam")], []

    class Device(FakeCapture):
        def __init__(self, number: int, backend: int) -> None:
            super().__init__(count=3)
            opened.append(number)
            plugged[:] = [CameraInfo(0, "Other"), CameraInfo(4, "Desk cam")]  # from now on

        def set(self, prop: int, value: float) -> bool:
            return True

    monkeypatch.setattr("xnect_lite.capture.cameras.list_cameras", lambda: plugged)
    monkeypatch.setattr("xnect_lite.capture.devices.cv2.VideoCapture", Device)
    with open_source("camera:desk", timeout_s=5.0, reconnect_s=5.0) as source:
        assert [source.read().index for _ in range(5)] == list(range(5))
    assert opened == [0, 4]


def test_junk_between_pictures_is_left_out():
    class Junk(FakeCapture):
        def retrieve(self):
            _, image = super().retrieve()
            junk = [(False, None), (True, None), (True, np.zeros((0, 0, 3), np.uint8)), (True, np.zeros(7)), (True, image)]
            return junk[(self.taken - 1) % 5]

    with LiveSource("fake", lambda: Junk(count=15), can_end=True) as source:
        assert [number_of(f.image) for f in source] == [4, 9, 11]  # every fifth


@pytest.mark.parametrize(
    ("turn", "grey"),
    [
        (lambda bgr: bgr, False),
        (lambda bgr: cv2.cvtColor(bgr, cv2.COLOR_BGR2BGRA), False),
        (lambda bgr: bgr.astype(np.uint16) << 8, False),  # 16 bits
        (lambda bgr: bgr[..., 0], True),
        (lambda bgr: bgr[..., :1], True),
        (lambda bgr: bgr[..., 0].astype(np.uint16) << 8, True),  # infrared and depth cameras
    ],
    ids=["BGR", "BGRA", "BGR 16", "grey", "grey with an axis", "grey 16"],
)
def test_pixel_formats_of_drivers(turn, grey):
    rgb = to_rgb(True, turn(picture(5)[..., ::-1]))
    np.testing.assert_array_equal(rgb, np.repeat(picture(5)[..., 2:], 3, axis=2) if grey else picture(5))


@pytest.mark.parametrize("image", [np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4, 3)), np.zeros((2, 2, 2, 2), np.uint8)])
def test_what_is_no_picture(image):
    assert to_rgb(True, image) is None


@pytest.mark.parametrize(
    ("codec", "form", "name"),
    [
        ("ffv1", "yuv420p10le", "10 bit.mkv"),
        ("ffv1", "gray", "grey.mkv"),
        ("ffv1", "gray16le", "grey 16 bit.mkv"),
        ("ffv1", "bgra", "bgra.mkv"),
        ("png", "rgba", "rgba.mov"),
        ("rawvideo", "yuyv422", "webcam.avi"),
    ],
)
def test_pixel_formats_of_videos(tmp_path: Path, codec, form, name):
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, form
        for k in range(4):
            frame = av.VideoFrame.from_ndarray(picture(k + 3), format="rgb24").reformat(format=form)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with open_source(tmp_path / name) as source:
        frames = list(source)
    assert len(frames) == 4 and all(f.image.shape == (HEIGHT, WIDTH, 3) and f.image.dtype == np.uint8 for f in frames)
    if "gray" not in form:
        assert [number_of(f.image) for f in frames] == [3, 4, 5, 6]


@pytest.mark.parametrize(
    ("suffix", "shape"), [(".png", (HEIGHT, WIDTH)), (".png", (HEIGHT, WIDTH, 4)), (".bmp", (HEIGHT, WIDTH))]
)
def test_grey_and_transparent_pictures(tmp_path: Path, suffix, shape):
    cv2.imwrite(str(tmp_path / f"one{suffix}"), np.full(shape, 77, np.uint8))
    with open_source(tmp_path / f"one{suffix}") as source:
        assert (source.read().image == 77).all()


def test_pictures_may_change_size(tmp_path: Path):
    for k, size in enumerate([(64, 48), (48, 64), (10, 10)]):
        cv2.imwrite(str(tmp_path / f"{k}.png"), picture(k, *size))
    with open_source(tmp_path) as source:
        assert [f.size for f in source] == [(64, 48), (48, 64), (10, 10)]


# --- drawn people


@pytest.mark.parametrize(("spec", "people"), [("synthetic", 2), ("synthetic:1", 1), ("Synthetic:6", 6)])
def test_drawn_people(spec, people):
    assert is_synthetic(spec)
    with open_source(spec, start_s=1.0, end_s=1.1) as source:
        frames = list(source)
        joints = source.joints_cam_m(1.0)
    assert [f.t_s for f in frames] == pytest.approx([1.0, 1 + 1 / 30, 1 + 2 / 30])
    assert frames[0].size == source.size == (960, 540)
    assert joints.shape == (people, 24, 3) and (joints[..., 2] > 3).all()
    bare = SyntheticSource(1)._background
    assert (frames[0].image != bare).any(-1).mean() > 0.01 * people, "somebody is to be seen"
    again = SyntheticSource(people, 1.0)
    np.testing.assert_array_equal(again.read().image, frames[0].image)


def test_drawn_people_never_leave_the_picture_and_cross():
    source = SyntheticSource(2)
    joints = np.stack([source.joints_cam_m(t) for t in np.arange(0, 10, 0.1)])
    xy = joints[..., :2] / joints[..., 2:] * 960 + (480, 270)
    assert (xy > -0.5).all() and (xy < (959.5, 539.5)).all()
    assert len(np.unique(np.sign(np.diff(joints[:, :, 14, 0], axis=1)))) == 2, "now one is on the left, now the other"


@pytest.mark.parametrize("spec", ["synthetic:0", "synthetic:7"])
def test_too_many_drawn_people(spec):
    with pytest.raises(XnectError, match="not within 1 to 6"):
        open_source(spec)


def test_drawn_people_end():
    with pytest.raises(XnectError, match="before the start"):
        open_source("synthetic", start_s=10.0)
