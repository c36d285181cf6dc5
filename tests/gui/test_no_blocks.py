"""The window never keeps the user waiting: no work of the GUI thread takes a tenth of a second.

Measured is the processor time of the GUI thread from one tick to the next, which other work on the machine does not stretch.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from gui_fakes import FakePipeline, make_people
from PyQt6.QtCore import QTimer

from xnect_lite.gui.settings.dialog import show_settings
from xnect_lite.record.journal import records_of
from xnect_lite.record.take_folder import take_of_records, write_info, write_poses
from xnect_lite.types import Frame, PoseResult

MOST_S = 0.1
MINUTES, PEOPLE, FPS = 3, 4, 30


class Watch:
    """Notes the longest stretch of work between two ticks of a timer."""

    def __init__(self):
        self.longest_s, self._last_s = 0.0, time.thread_time()
        self._timer = QTimer()
        self._timer.timeout.connect(self._tick)
        self._timer.start(1)

    def _tick(self):
        now_s = time.thread_time()
        self.longest_s, self._last_s = max(self.longest_s, now_s - self._last_s), now_s

    def forget(self):
        self.longest_s, self._last_s = 0.0, time.thread_time()


@pytest.fixture(scope="module")
def long_take(tmp_path_factory):
    folder = tmp_path_factory.mktemp("takes") / "2026-11-28_01-00-00_long"
    folder.mkdir()
    people = make_people([(1000 * i, 0, 4000) for i in range(PEOPLE)], (640, 360))
    one = records_of(PoseResult(Frame(np.zeros((2, 2, 3), np.uint8), 0.0, 0), people, 640.0))
    count = MINUTES * 60 * FPS
    records = np.tile(one, count)
    records["frame_index"] = np.repeat(np.arange(count), PEOPLE)
    records["t_s"] = records["frame_index"] / FPS
    rng = np.random.default_rng(0)
    records["joints_mm"] += rng.normal(0, 5, records["joints_mm"].shape)
    records = records[rng.random(len(records)) > 0.01]  # so that there is something to be bridged
    write_poses(folder, take_of_records(records))
    write_info(folder, {"schema_version": 2, "state": "finished", "size": [640, 360], "focal_px": 640.0})
    return folder


def test_while_a_camera_plays_and_settings_are_open(qtbot, player_window):
    window = player_window(FakePipeline(work_s=0.02))
    with qtbot.waitSignal(window.result_shown, timeout=20000):
        window.start()
    window.actions_by_name["latency"].trigger()
    qtbot.wait(300)
    watch = Watch()
    qtbot.wait(1500)
    assert 0 < watch.longest_s < MOST_S
    show_settings(window)
    qtbot.wait(200)
    watch.forget()
    qtbot.wait(500)
    assert watch.longest_s < MOST_S


def test_while_a_long_take_is_opened_scrubbed_played_and_mended(qtbot, player_window, long_take):
    window = player_window()
    qtbot.wait(300)
    watch = Watch()
    window.open_take(long_take)
    assert window.player.is_working, "it is long enough to be read aside"
    qtbot.waitUntil(lambda: window.player.is_open, timeout=60000)
    qtbot.wait(100)
    for frame in range(0, len(window.player.playback), 500):
        window.player.seek(frame)
        qtbot.wait(5)
    window.player.toggle()
    qtbot.wait(500)
    window.choose(1)
    window.mending.cut()
    qtbot.waitUntil(lambda: len(window.people.rows) == PEOPLE + 1, timeout=60000)
    window.mending.undo()
    qtbot.waitUntil(lambda: len(window.people.rows) == PEOPLE, timeout=60000)
    assert 0 < watch.longest_s < MOST_S
