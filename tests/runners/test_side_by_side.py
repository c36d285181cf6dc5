"""Two frames at a time, one in each half of the pipeline: same answers, same order, one frame later, errors in their turn."""

from __future__ import annotations

import threading
import types

import numpy as np
import pytest

from xnect_lite.errors import XnectError
from xnect_lite.runners.cores import is_pipelined, usable_cores
from xnect_lite.runners.side_by_side import detections, results
from xnect_lite.types import Frame


class Halves:
    """A pipeline that writes down who does what. ``bad``: the frame that cannot be looked at."""

    def __init__(self, pipelined: str, bad: int = -1) -> None:
        self.config = types.SimpleNamespace(network=types.SimpleNamespace(pipelined=pipelined))
        self.bad, self.threads, self.log = bad, set[str](), list[tuple[str, int]]()

    def detect(self, frame: Frame) -> int:
        self.threads.add(threading.current_thread().name)
        self.log.append(("detect", frame.index))
        if frame.index == self.bad:
            raise XnectError("frame", "is bad", "Leave it out")
        return frame.index

    def follow(self, detection: int) -> int:
        self.log.append(("follow", detection))
        return 10 * detection


def frames(count: int) -> list[Frame]:
    return [Frame(np.zeros((2, 2, 3), np.uint8), index / 30, index) for index in range(count)]


@pytest.mark.parametrize("pipelined", ["always", "never"])
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_every_frame_once_in_order(pipelined, count):
    halves = Halves(pipelined)
    assert list(results(frames(count), halves)) == [10 * index for index in range(count)]
    assert halves.threads == (set() if not count else {"network_0"} if pipelined == "always" else {"MainThread"})


def test_the_network_is_at_the_next_frame_while_this_one_is_followed():
    """Detection of frame 1 waits until frame 0 is being followed, which would never come about in one thread."""
    halves, followed = Halves("always"), threading.Event()
    plain = halves.detect

    def detect(frame: Frame) -> int:
        if frame.index == 1:
            assert followed.wait(10)
        return plain(frame)

    halves.detect = detect
    given = detections(frames(3), halves)
    assert next(given) == 0
    followed.set()
    assert list(given) == [1, 2]


def test_a_result_waits_for_no_more_than_one_frame_after_its_own():
    asked = []

    def watched():
        for frame in frames(5):
            asked.append(frame.index)
            yield frame

    for result in results(watched(), Halves("always")):
        assert max(asked) <= result // 10 + 1


@pytest.mark.parametrize("pipelined", ["always", "never"])
def test_what_goes_wrong_is_told_after_the_results_before_it(pipelined):
    given = results(frames(6), Halves(pipelined, bad=3))
    assert [next(given) for _ in range(3)] == [0, 10, 20]
    with pytest.raises(XnectError, match="is bad"):
        next(given)


def test_a_loop_that_ends_early_leaves_no_thread():
    given = results(frames(6), Halves("always"))
    next(given)
    given.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("network")]


def test_one_core_does_one_thing_at_a_time(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0}, raising=False)
    assert usable_cores() == 1 and not is_pipelined("auto") and is_pipelined("always")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1}, raising=False)
    assert is_pipelined("auto") and not is_pipelined("never")
