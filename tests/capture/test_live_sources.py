"""Live sources: streams, cameras that hang, fail and come back, their one thread."""

from __future__ import annotations

import threading
import time

import pytest
from played_pictures import FakeCapture

from xnect_lite.capture import LiveSource, open_source
from xnect_lite.errors import XnectError


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
