"""The slot between a source and a pipeline: newest frame wins, drops are counted, errors arrive, stopping is quick."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest

from xnect_lite.capture import Source
from xnect_lite.errors import XnectError
from xnect_lite.runners.live import LatestFrame
from xnect_lite.types import Frame


class ListSource(Source):
    """Frames at given times; ``sent`` is set once all were read. Ends, fails, or waits until it is closed."""

    fps, warning, name, size = 30.0, None, "list", (4, 4)

    def __init__(self, times_s: Sequence[float], *, live: bool = False, then: str = "end") -> None:
        self.live, self.frame_count = live, len(times_s)
        self._times_s, self._then = times_s, then
        self._next = 0
        self.sent = threading.Event()
        self.closed = threading.Event()

    def read(self) -> Frame | None:
        if self._next < len(self._times_s):
            k, self._next = self._next, self._next + 1
            return Frame(np.zeros((4, 4, 3), np.uint8), self._times_s[k], k)
        self.sent.set()
        if self._then == "fail":
            raise XnectError("list", "was unplugged", "Plug it in")
        if self._then == "wait":
            self.closed.wait(10)
        return None

    def close(self) -> None:
        self.closed.set()


def test_the_newest_frame_wins_and_the_others_are_counted():
    source = ListSource([0.0, 0.1, 0.2, 0.3], then="wait", live=True)
    with LatestFrame(source) as latest:
        assert source.sent.wait(20)
        assert latest.get().index == 3
        assert (latest.received, latest.dropped) == (4, 3)


def test_the_last_frame_is_given_before_the_end():
    source = ListSource([0.0, 0.1])
    with LatestFrame(source) as latest:
        assert source.sent.wait(20)
        assert [f.index for f in latest] == [1]
        assert latest.get() is None


def test_a_frame_is_given_once_and_waiting_can_time_out():
    with LatestFrame(ListSource([0.0], then="wait", live=True)) as latest:
        assert latest.get(2).index == 0
        with pytest.raises(TimeoutError, match="no frame from list"):
            latest.get(0.05)


def test_an_error_of_the_source_reaches_the_consumer_after_the_last_frame():
    source = ListSource([0.0], then="fail")
    with LatestFrame(source) as latest:
        assert source.sent.wait(20)
        assert latest.get().index == 0
        for _ in range(2):
            with pytest.raises(XnectError, match="was unplugged"):
                latest.get()


@pytest.mark.parametrize("live", [True, False])
def test_stopping_twice_joins_closes_and_frees_a_waiting_consumer(live):
    source = ListSource(np.arange(1000) / 2, live=live, then="wait")
    latest = LatestFrame(source, realtime=True)
    answers: list[object] = []
    latest.get()
    consumer = threading.Thread(target=lambda: [answers.append(f) for f in latest])
    consumer.start()
    begin = time.monotonic()
    latest.stop()
    latest.stop()
    consumer.join(20)
    assert time.monotonic() - begin < 5, "the source would wait for ten seconds, or play for eight minutes"
    assert not consumer.is_alive()
    assert source.closed.is_set()
    assert latest.get() is None


def test_a_file_is_played_at_its_own_uneven_pace():
    times_s = [5.0, 5.05, 5.2, 5.25]
    came: list[float] = []
    begin = time.monotonic()
    with LatestFrame(ListSource(times_s), realtime=True) as latest:
        for frame in latest:
            came.append(time.monotonic())
            assert latest.age_s(frame) < 2
    assert latest.dropped == 0
    late = np.array(came) - begin - (np.array(times_s) - 5)
    assert (late >= 0).all() and (late < 2).all(), "never early; how late is up to the machine"


def test_a_slow_consumer_of_a_file_at_its_own_pace_drops_frames():
    with LatestFrame(ListSource(np.arange(30) / 100), realtime=True) as latest:
        indices = []
        for frame in latest:
            indices.append(frame.index)
            time.sleep(0.05)
    assert len(indices) < 15
    assert latest.dropped == 30 - len(indices)
    assert indices == sorted(indices)
    assert indices[-1] == 29


def test_age_is_what_a_viewer_sees_as_lag():
    with LatestFrame(ListSource([3.0], then="wait", live=True)) as latest:
        frame = latest.get()
        time.sleep(0.05)
        assert 0.05 <= latest.age_s(frame) < 5
