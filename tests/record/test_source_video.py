"""The film beside the poses: every frame is in it, whoever is slow; a killed recorder leaves one that plays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import av
import numpy as np
import pytest
from recorded import walking_result

from xnect_lite.cli.main import main
from xnect_lite.record.source_video import SourceVideo, mend_video
from xnect_lite.record.take import TakeRecorder, export_take, load_take
from xnect_lite.types import Frame


def picture(number: int) -> np.ndarray:
    """A bar that is as wide as the number of the frame."""
    image = np.full((48, 64, 3), 16, np.uint8)
    image[:, : 1 + number % 60] = 230
    return image


def frame(number: int, fps: float = 30.0, start_s: float = 100.0) -> Frame:
    return Frame(picture(number), start_s + number / fps, number)


def read(path: Path) -> tuple[np.ndarray, list[int]]:
    """Times of the pictures, and the numbers that they show."""
    with av.open(str(path)) as file:
        pictures = [(p.time, int((p.to_ndarray(format="gray")[24] > 120).sum()) - 1) for p in file.decode(video=0)]
    return np.array([time_s for time_s, _ in pictures]), [number for _, number in pictures]


def test_every_frame_of_the_source_is_in_the_film_at_its_time(tmp_path):
    """The pipeline looks at every third frame only; time begins with the film."""
    recorder = TakeRecorder(tmp_path / "t", source="camera 0", fps=30.0, video=True)
    for number in range(60):
        recorder.add_video(frame(number))
        if number % 3 == 0:
            result = walking_result(number, (1,))
            recorder.add(type(result)(frame(number), result.people, result.focal_px))
    summary = recorder.close()
    times_s, numbers = read(tmp_path / "t" / "video.mp4")
    assert numbers == list(range(60)) and times_s == pytest.approx(np.arange(60) / 30, abs=1e-4)
    info = load_take(tmp_path / "t").info
    assert info["video"] == {"file": "video.mp4", "start_s": 100.0, "frames": 60, "lost": 0}
    assert tmp_path / "t" / "video.mp4" in summary.files
    assert summary.remarks == (
        "38 of 58 frames were dropped, but its video has them: xnect-lite process with this folder makes a take of every frame",
    )


def test_take_show_says_what_was_dropped(tmp_path, capsys):
    with TakeRecorder(tmp_path / "t", source="camera 0", fps=30.0) as recorder:
        for number in range(0, 60, 2):
            recorder.add(walking_result(number, (1,)))
    assert main(["take", "show", str(tmp_path / "t")]) == 0
    assert "29 of 59 frames were dropped: the pipeline was slower than the source" in capsys.readouterr().out


def test_without_the_video_nothing_is_kept(tmp_path):
    with TakeRecorder(tmp_path / "t", source="camera 0", fps=30.0) as recorder:
        recorder.add_video(frame(0))
        recorder.add(walking_result(0, (1,)))
    assert not (tmp_path / "t" / "video.mp4").exists() and "video" not in load_take(tmp_path / "t").info


def test_whoever_captures_never_waits(tmp_path, monkeypatch):
    """Encoding hangs: frames are counted as lost once the memory for them is full, and `add` comes back at once."""
    monkeypatch.setattr("xnect_lite.record.source_video._MOST_WAITING_BYTES", 10 * picture(0).nbytes)
    film = SourceVideo(tmp_path / "video.mp4", 30.0)
    real = film._writer.add
    monkeypatch.setattr(film._writer, "add", lambda *a: (time.sleep(0.05), real(*a)))
    begin = time.perf_counter()
    for number in range(100):
        film.add(frame(number))
    assert time.perf_counter() - begin < 0.5
    film.close()
    assert film.frames == 100 and 80 <= film.lost < 100
    assert len(read(tmp_path / "video.mp4")[1]) == 100 - film.lost == film.about()["frames"]


def test_a_disk_that_refuses_the_film_does_not_end_the_take(tmp_path):
    recorder = TakeRecorder(tmp_path / "t", source="camera 0", fps=30.0, video=True)
    (tmp_path / "t" / "video.mp4").mkdir()  # where no file can be written
    for number in range(40):
        recorder.add_video(frame(number))
        recorder.add(walking_result(number, (1,)))
    summary = recorder.close()
    assert summary.frames == 40 and "40 of 40 frames are missing in the film: it could not be written" in summary.remarks
    assert load_take(tmp_path / "t").info["video"]["file"] is None


KILLED = """
import sys
sys.path[:0] = sys.argv[2:]
from test_source_video import frame, walking_result
from xnect_lite.record.take import TakeRecorder
from xnect_lite.record.overlay import OverlayWriter
recorder = TakeRecorder(sys.argv[1], source="camera 0", fps=30.0, video=True)
overlay = OverlayWriter(recorder.folder / "overlay.mp4", 30.0)
for number in range(100000):
    recorder.add_video(frame(number))
    recorder.add(walking_result(number, (1,)))
    overlay.add(walking_result(number, (1,), picture=frame(number).image))
    print(number, flush=True)
"""


def test_a_killed_recording_is_finished_with_its_films(tmp_path):
    here = Path(__file__).parent
    program = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path / "t"), str(here), str(here.parent / "helpers")],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in program.stdout:
        if int(line) >= 200:
            os.kill(program.pid, signal.SIGKILL)
            break
    program.wait()
    export_take(tmp_path / "t")
    for name, least in (("video.mp4", 100), ("overlay.mp4", 100)):
        with av.open(str(tmp_path / "t" / name)) as file:
            assert file.duration, "a length is known: players can seek"
            count = sum(1 for _ in file.decode(video=0))
        assert count >= least, "all but the last seconds are there"
    info = json.loads((tmp_path / "t" / "take.json").read_text())
    assert info["state"] == "finished" and info["video"]["start_s"] == 100.0
    assert "video.mp4: mended" in (tmp_path / "t" / "log.txt").read_text()


def test_what_is_no_video_is_left_alone(tmp_path):
    (tmp_path / "video.mp4").write_bytes(b"nothing")
    assert not mend_video(tmp_path / "video.mp4")
    assert (tmp_path / "video.mp4").read_bytes() == b"nothing" and len(list(tmp_path.iterdir())) == 1
