"""Being asked to end, however: what was recorded is finished, what was not is not said to be kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import pytest
from films import SMALL, film
from films import weights as weights

from xnect_lite.record.take import TakeRecorder
from xnect_lite.record.take_folder import read_info
from xnect_lite.signals import WorkerEnd, ending_by, interrupt

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a system that can kill")


def started(tmp_path: Path, weights: Path, *flags: object, films: int = 1, frames: int = 600) -> subprocess.Popen[str]:
    """A `process` that has recorded at least one frame of each film."""
    paths = [film(tmp_path / f"{k}.mp4", frames) for k in range(films)]
    words = ["process", *paths, "-o", tmp_path / "takes", "--weights", weights, *SMALL, *flags]
    running = subprocess.Popen(
        [sys.executable, "-m", "xnect_lite.cli", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"}, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and running.poll() is None:
        sizes = [path.stat().st_size for path in (tmp_path / "takes").glob("*/poses.journal")]
        if len(sizes) == films and min(sizes) > 20_000:
            break
        time.sleep(0.02)
    return running


def test_asked_to_end_it_finishes_the_take_and_says_which(tmp_path, weights):
    running = started(tmp_path, weights)
    running.send_signal(signal.SIGTERM)
    _, error = running.communicate(timeout=60)
    (take,) = (tmp_path / "takes").glob("*_0")
    assert running.returncode == 130 and error.strip().splitlines()[-1] == (
        f"interrupted; {take} holds what was recorded so far"
    )
    assert read_info(take)["state"] == "finished" and "complete" not in read_info(take)["job"]
    assert {"take.json", "poses.npz", "log.txt", "overlay.mp4"} == {path.name for path in take.iterdir()}
    with av.open(str(take / "overlay.mp4")) as video:
        shown = sum(1 for _ in video.decode(video=0))
    assert 0 <= read_info(take)["frames"]["recorded"] - shown <= 1, "it may have been between the two"
    assert shown < 600
    assert not list((tmp_path / "takes").glob(".*")), "no lock left"


def test_several_jobs_all_finish_their_takes(tmp_path, weights):
    running = started(tmp_path, weights, "--jobs", 2, films=2)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: the workers hear it as well, and their parent once more
    _, error = running.communicate(timeout=90)
    takes = sorted((tmp_path / "takes").glob("*_[01]"))
    assert running.returncode == 130 and "Traceback" not in error
    last = error.strip().splitlines()[-1]
    assert last.startswith("interrupted; ") and all(f"{take} holds what was recorded so far" in last for take in takes)
    assert [read_info(take)["state"] for take in takes] == ["finished"] * 2
    assert all((take / "poses.npz").exists() and not (take / "poses.journal").exists() for take in takes)


def test_the_overlay_of_a_killed_program_can_be_played(tmp_path, weights):
    running = started(tmp_path, weights, frames=900)
    deadline = time.monotonic() + 120
    journal = next((tmp_path / "takes").glob("*/poses.journal"))
    while journal.stat().st_size < 200_000 and time.monotonic() < deadline:
        time.sleep(0.02)
    running.kill()
    running.communicate()
    with av.open(str(journal.parent / "overlay.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) >= 20


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("words", [["--help"], ["--version"], ["weights", "list"], ["take", "show", "--json", "TAKE"]])
def test_a_full_standard_output_is_one_line(tmp_path, words):
    TakeRecorder(tmp_path / "t").close()
    words = [str(tmp_path / "t") if word == "TAKE" else word for word in words]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}  # with it, argparse is silent
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "xnect_lite.cli", *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
            env=environment | ({"PYTHONUNBUFFERED": "1"} if words[0] == "weights" else {}),
        )  # fmt: skip
    assert done.returncode == 2
    assert (
        done.stderr
        == "standard output: cannot be written (No space left on device). Free some disk space, or write to a file\n"
    )


def test_a_reader_that_has_seen_enough_is_no_error():
    program = "import sys; from xnect_lite.cli.main import main; sys.exit(main(['--help']))"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", program], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_signal_interrupts_but_those_that_are_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with ending_by(interrupt):
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.01)
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(1)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_worker_is_interrupted_once_in_a_job_and_goes_at_once_between_jobs():
    end = WorkerEnd()
    with pytest.raises(KeyboardInterrupt), end.busy():
        try:
            end(signal.SIGINT, None)
        finally:
            end(signal.SIGTERM, None)  # the second is not heard: it saves what it has
            saved = True
    assert saved
    with pytest.raises(SystemExit):
        end(signal.SIGTERM, None)
    with pytest.raises(KeyboardInterrupt), end.busy():
        pytest.fail("no new job")
