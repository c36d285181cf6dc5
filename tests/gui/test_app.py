"""The app as a process of its own: exit codes, one-line errors, a screenshot without a screen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from take_fakes import make_take

ROOT = Path(__file__).parents[2]
HELPERS = Path(__file__).parents[1] / "helpers"
_WITH_FAKE_NETWORK = """
import sys
sys.path.insert(0, {here!r})
from gui_fakes import FakePipeline
from xnect_lite.cli.app import run
sys.exit(run(sys.argv[1:], make_pipeline=FakePipeline))
"""


def _environment():
    return {**os.environ, "QT_QPA_PLATFORM": "offscreen"}


def _app(*words):
    return subprocess.run(
        [sys.executable, str(ROOT / "app.py"), *words], capture_output=True, text=True, timeout=180, env=_environment()
    )


def _app_with_fake_network(*words):
    code = _WITH_FAKE_NETWORK.format(here=str(HELPERS))
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=180, env=_environment(), cwd=ROOT
    )


@pytest.fixture
def pictures(tmp_path):
    """A folder of five pictures, which plays like a clip."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(5):
        cv2.imwrite(str(folder / f"{i}.png"), np.full((90, 160, 3), 60 + i, np.uint8))
    return folder


def test_help_answers_at_once():
    before = os.times()
    done = _app("--help")
    after = os.times()
    assert done.returncode == 0 and "--screenshot" in done.stdout
    # processor time, which other work on the machine hardly stretches: .14 s on a Zen 4 core; importing torch alone takes 1.7
    assert after.children_user + after.children_system - before.children_user - before.children_system < 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--source", "none.mp4"], "none.mp4: no such file, folder or camera"),
        (["--weights", "none.safetensors"], "no such weight file"),
        (["--set", "camera.statur_m=2"], "camera.stature_m"),
        (["--screenshot", "/none/a.png", "--weights", __file__], "folder"),
    ],
)
def test_what_is_known_to_be_wrong_is_one_line(words, said):
    done = _app(*words)
    assert done.returncode == 2 and said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and not done.stdout


def test_screenshot_and_take(pictures, tmp_path):
    file, takes = tmp_path / "a.png", tmp_path / "takes"
    done = _app_with_fake_network(
        "--source", str(pictures), "--screenshot", str(file), "--after", "0.5", "--size", "1000x600",
        "--record", "--takes", str(takes),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    picture = cv2.imread(str(file))
    assert picture.shape == (600, 1000, 3) and picture.std() > 10
    (take,) = takes.iterdir()
    assert (take / "take.json").exists() and (take / "poses.npz").exists()


def test_a_take_is_shown_and_the_app_ends_well(tmp_path):
    take = make_take(tmp_path / "2026-11-21_14-03-22_dance", {1: set(range(20))}, 20)
    file = tmp_path / "a.png"
    done = _app_with_fake_network(str(take), "--screenshot", str(file), "--after", "0.5", "--size", "1000x600")
    assert done.returncode == 0, done.stderr
    assert cv2.imread(str(file)).shape == (600, 1000, 3)


def test_a_camera_that_is_not_there_is_found_by_the_worker(tmp_path):
    done = _app_with_fake_network("--source", "97", "--screenshot", str(tmp_path / "a.png"))
    assert done.returncode == 2 and "camera 97" in done.stderr and "Traceback" not in done.stderr


def test_weights_that_do_not_load_are_found_by_the_worker(pictures, tmp_path):
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"nonsense")
    done = _app(
        "--source", str(pictures), "--weights", str(weights), "--device", "cpu", "--screenshot", str(tmp_path / "a.png")
    )
    assert done.returncode == 2 and "no safetensors file" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no such signals here")
def test_asked_to_end_the_app_finishes_its_take(tmp_path):
    """As a system does that shuts down, or a terminal that is closed."""
    code = _WITH_FAKE_NETWORK.format(here=str(HELPERS))
    words = ["--source", "synthetic:1", "--record", "--takes", str(tmp_path / "takes")]
    app = subprocess.Popen(
        [sys.executable, "-c", code, *words], env=_environment(), cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    while not any(p.stat().st_size > 30_000 for p in (tmp_path / "takes").glob("*/poses.journal")):
        assert time.monotonic() < deadline and app.poll() is None
        time.sleep(0.05)
    app.send_signal(signal.SIGTERM)
    _, error = app.communicate(timeout=60)
    assert app.returncode == 0 and "Traceback" not in error
    (take,) = (tmp_path / "takes").iterdir()
    assert (take / "poses.npz").exists() and not (take / "poses.journal").exists()
