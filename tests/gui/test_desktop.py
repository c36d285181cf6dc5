"""The app on a screen, driven by keys alone as a user would: another program presses them, and files tell what came of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from take_fakes import make_film

from xnect_lite.record.take_folder import load_take, read_info

pybvh = pytest.importorskip("pybvh", reason="the reader that is not ours")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which("Xvfb") and shutil.which("xdotool")), reason="needs Xvfb and xdotool"),
]
ROOT, HELPERS = Path(__file__).parents[2], Path(__file__).parents[1] / "helpers"
_APP = f"""
import sys
sys.path.insert(0, {str(HELPERS)!r})
from gui_fakes import FakePipeline
from xnect_lite.cli.app import run
sys.exit(run(sys.argv[1:], make_pipeline=lambda config: FakePipeline(config, work_s=0.01)))
"""
PATIENCE_S = 90


def _until(holds, what):
    deadline = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.1)
    return found


class Desktop:
    """A screen, the app on it, and keys."""

    def __init__(self, tmp_path, scale="1", size="1366x768x24"):
        read_end, write_end = os.pipe()
        self.screen = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write_end), "-screen", "0", size, "-nolisten", "tcp", "-noreset"], pass_fds=[write_end],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(write_end)
        with os.fdopen(read_end) as told:
            display = f":{told.readline().strip()}"
        kept = {
            key: value for key, value in os.environ.items() if key not in ("QT_QPA_PLATFORM", "WAYLAND_DISPLAY", "XAUTHORITY")
        }
        self.environment = {**kept, "DISPLAY": display, "QT_SCALE_FACTOR": scale, "XDG_CACHE_HOME": str(tmp_path / "cache")}
        self.takes, self.settings, self.app = tmp_path / "takes", tmp_path / "settings.ini", None

    def start(self, *words):
        own = ["--takes", str(self.takes), "--settings", str(self.settings)]
        self.app = subprocess.Popen([sys.executable, "-c", _APP, *own, *words], env=self.environment, cwd=ROOT)
        _until(lambda: self._windows("xnect_lite"), "the window is there")

    def press(self, *keys):
        for key in keys:
            subprocess.run(["xdotool", "key", key], env=self.environment, check=True)
            time.sleep(0.15)

    def focus(self, name):
        window = _until(lambda: self._windows(name), f"a window {name} is there")[-1]
        subprocess.run(["xdotool", "windowfocus", window], env=self.environment, check=True)
        time.sleep(0.3)

    def end(self, how=signal.SIGTERM):
        if self.app is not None and self.app.poll() is None:
            self.app.send_signal(how)
            self.app.wait(60)

    def close(self):
        self.end(signal.SIGKILL)
        self.screen.terminate()
        self.screen.wait()

    def _windows(self, name):
        words = ["xdotool", "search", "--onlyvisible", "--name", name]
        return subprocess.run(words, env=self.environment, capture_output=True, text=True).stdout.split()


@pytest.fixture
def desktop(tmp_path):
    desktop = Desktop(tmp_path)
    yield desktop
    desktop.close()


def _takes(desktop):
    return sorted(
        path.parent for path in desktop.takes.glob("*/take.json") if read_info(path.parent).get("state") == "finished"
    )


def test_a_video_is_processed_mended_exported_and_read_back(desktop, tmp_path):
    desktop.start(str(make_film(tmp_path / "dance.mp4")))
    desktop.focus("Open video")
    desktop.press("Return")
    (take,) = _until(lambda: _takes(desktop), "the take is whole")
    desktop.focus("dance – xnect_lite")
    assert len(load_take(take).every_frame_t_s) == 40 and load_take(take).ids == [1, 2]
    desktop.press("Right", "Right", "Right", "Right", "Right")
    desktop.press("n", "c")  # the first person is somebody else from the sixth frame on
    _until(lambda: read_info(take).get("steps"), "the cut is kept")
    assert load_take(take).ids == [1, 2, 3] and load_take(take).frame_index[load_take(take).id == 3].min() == 5
    desktop.press("ctrl+z")
    _until(lambda: not read_info(take).get("steps"), "it is taken back")
    desktop.press("ctrl+e")
    desktop.focus("Export")
    desktop.press("Return")
    _until(lambda: (take / "export" / "export.json").exists(), "the files are written")
    assert len(pybvh.read_bvh_file(str(take / "export" / "person02.bvh")).root_pos) == 40
    desktop.end()
    assert desktop.app.returncode == 0


def test_a_recording_that_is_killed_is_finished_at_the_next_start(desktop):
    desktop.start("--source", "synthetic:2")
    desktop.focus("xnect_lite")
    time.sleep(1.0)
    desktop.press("r")
    journal = _until(lambda: list(desktop.takes.glob("*/poses.journal")), "a take is being recorded")[0]
    _until(lambda: journal.stat().st_size > 60_000, "frames are in it")
    desktop.end(signal.SIGKILL)
    desktop.start()
    desktop.focus("xnect_lite")
    desktop.press("ctrl+Return")  # what the message offers
    (take,) = _until(lambda: _takes(desktop), "the take is finished")
    assert (take / "person01.bvh").exists() and (take / "video.mp4").stat().st_size > 0
