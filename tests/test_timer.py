"""The stage timer: clock stages, device stages, the window over frames."""

from __future__ import annotations

import time

import torch

from xnect_lite.timer import StageTimer, TimingWindow


def test_stages_add_up_and_a_new_frame_starts_empty():
    timer = StageTimer()
    for name in ("one", "two", "one"):
        with timer.stage(name):
            time.sleep(0.002)
    done = timer.finish_frame()
    assert list(done) == ["one", "two"] and done["one"] >= 4.0 > 3.0 > 1.9
    assert timer.finish_frame() == {}


def test_a_device_stage_is_waited_for_so_that_the_next_stage_does_not_pay_for_it(monkeypatch):
    """A fake device that is busy for 20 ms after its work was queued."""
    finished = []

    class Event:
        def __init__(self, enable_timing):
            assert enable_timing

        def record(self):
            self.at = time.perf_counter()

        def synchronize(self):
            time.sleep(0.02)
            finished.append(self)

        def elapsed_time(self, end):
            assert end in finished, "read before the device had finished"
            return 20.0

    monkeypatch.setattr(torch.cuda, "Event", Event)
    timer = StageTimer()
    with timer.stage("network", cuda=True):
        pass
    with timer.stage("grouping"):
        pass
    done = timer.finish_frame()
    assert done["network"] == 20.0 and done["grouping"] < 15.0


def test_window_leaves_out_the_warm_up_and_forgets_old_frames():
    window = TimingWindow(length=3, warm_up=2)
    for ms in (1000.0, 1000.0, 1.0, 2.0, 3.0, 4.0):
        window.add({"network": ms})
    row = window.statistics()["network"]
    assert (row.p50_ms, row.count) == (3.0, 3)
