"""Many files into takes: what fails is told and the rest done, what is done is recognised, and who runs it does not matter."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import av
import numpy as np
import pytest
from films import SMALL, film, run
from untrained import untrained_weights

from xnect_lite.capture import SyntheticSource
from xnect_lite.cli.main import main
from xnect_lite.config import NetworkConfig, PipelineConfig
from xnect_lite.errors import XnectError
from xnect_lite.pipeline import Pipeline
from xnect_lite.record.take import TakeRecorder
from xnect_lite.record.take_folder import load_take, new_take_folder, read_info, remove_take
from xnect_lite.runners.ahead import read_ahead
from xnect_lite.runners.batch import make_jobs, run_job, takes_of
from xnect_lite.runners.offline import process_source
from xnect_lite.types import Frame


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def config(weights: Path) -> PipelineConfig:
    network = NetworkConfig("selecsls42", str(weights), "cpu", "torch", "fp32", 128, 64)
    return PipelineConfig(network=network)


@pytest.fixture(scope="module")
def pipeline(config: PipelineConfig) -> Pipeline:
    return Pipeline(config)


def silent(frames: int, total: int | None) -> None:
    pass


# -- decoding ahead --------------------------------------------------------------------------------------------------


def test_every_frame_comes_once_and_in_order_however_slow_the_reader_is():
    got = []
    for frame in read_ahead(SyntheticSource(1, end_s=0.5), depth=2):
        time.sleep(0.002)
        got.append(frame.index)
    assert got == list(range(15))


def test_an_error_comes_after_the_frames_before_it():
    class Breaking(SyntheticSource):
        def read(self) -> Frame | None:
            if self._index == 3:
                raise XnectError("tape", "is torn", "Mend it")
            return super().read()

    got = []
    with pytest.raises(XnectError, match="torn"):
        for frame in read_ahead(Breaking(1)):
            got.append(frame.index)
    assert got == [0, 1, 2]


def test_ending_early_ends_the_thread_and_leaves_the_source_open():
    source = SyntheticSource(1)
    frames = read_ahead(source, depth=2)
    next(frames)
    frames.close()
    assert source.read() is not None and source._index < 8


# -- one file --------------------------------------------------------------------------------------------------------


def test_a_source_without_frames_leaves_no_folder(tmp_path, pipeline):
    empty = SyntheticSource(1, start_s=9.0, end_s=9.0)
    with pytest.raises(XnectError, match="no frames in the part"):
        process_source(empty, pipeline, tmp_path / "take")
    assert not (tmp_path / "take").exists()


@pytest.mark.parametrize("verb", ["process", "run", "bench pipeline"])
def test_a_source_that_is_missing_is_one_line_before_the_network_is_loaded(tmp_path, verb, monkeypatch, capsys):
    for module in ("cli.run", "cli.bench_pipeline", "runners.engines"):
        monkeypatch.setattr(f"xnect_lite.{module}.open_pipeline", lambda _: pytest.fail("loaded"))
    monkeypatch.chdir(tmp_path)
    assert main([*verb.split(), "nothing_here.mp4"]) == 2
    assert capsys.readouterr().err == "nothing_here.mp4: no such file, folder or camera. Check the spelling\n"
    assert not list(tmp_path.iterdir())


def test_a_start_past_the_end_leaves_no_folder(tmp_path, weights):
    done = run("process", film(tmp_path / "a.mp4"), "-o", tmp_path / "takes", "--start", 99, "--weights", weights, *SMALL)
    assert done.returncode == 2 and "ends at 0.60 s" in done.stderr
    assert not (tmp_path / "takes").exists()


def test_an_overlay_that_cannot_be_written_is_one_line_and_the_take_is_kept(tmp_path, pipeline, monkeypatch):
    def refuse(*_: object) -> None:
        raise av.error.OSError(28, "No space left on device", "overlay.mp4")

    monkeypatch.setattr("xnect_lite.record.video.VideoWriter._open", refuse)
    with pytest.raises(XnectError, match=r"overlay.mp4: cannot be written \(No space left on device\)\. .*--no-overlay"):
        process_source(SyntheticSource(1, end_s=0.2), pipeline, tmp_path / "take")
    assert len(load_take(tmp_path / "take").every_frame_t_s) == 1


@pytest.mark.parametrize("sizes", [[(64, 48), (48, 64), (64, 48)], [(65, 49), (64, 48), (10, 10)], [(1, 1), (3, 3)]], ids=str)
def test_frames_that_change_size_make_one_take_and_one_video(tmp_path, pipeline, sizes):
    class Odd(SyntheticSource):
        def _draw(self, t_s: float) -> np.ndarray:
            width, height = sizes[round(t_s * 30) % len(sizes)]
            return np.full((height, width, 3), 99, np.uint8)

    report = process_source(Odd(1, end_s=0.2), pipeline, tmp_path / "take")
    assert report.frames == 6
    with av.open(str(tmp_path / "take/overlay.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == 6


# -- many files ------------------------------------------------------------------------------------------------------


def test_keys_tell_files_excerpts_and_settings_apart(tmp_path, config):
    one, other = film(tmp_path / "a.mp4"), film(tmp_path / "b.mp4")

    def key(path: Path, changed: PipelineConfig = config, **options) -> str:
        return make_jobs([str(path)], tmp_path, changed, **options)[0].key

    smoother = dataclasses.replace(config, filtering=dataclasses.replace(config.filtering, enabled=False))
    keys = [key(one), key(other), key(one, start_s=0.1), key(one, end_s=0.3), key(one, overlay=False), key(one, smoother)]
    assert len(set(keys)) == len(keys) and all(keys)
    assert key(one) == keys[0], "the same again"
    os.utime(one, (1, 1))
    assert key(one) != keys[0], "the file was written anew"
    assert make_jobs(["0", "synthetic"], tmp_path, config)[0].key == "", "a camera is never the same twice"
    assert [job.key for job in make_jobs(["~nobody-of-this-name/a.mp4", "a" * 300], tmp_path, config)] == ["", ""]
    assert len(make_jobs([str(one), str(one)], tmp_path, config)) == 1


def test_a_finished_take_is_recognised_and_a_half_done_one_is_done_anew_and_removed(tmp_path, pipeline, config):
    (job,) = make_jobs([str(film(tmp_path / "a.mp4"))], tmp_path / "takes", config)

    def stop(frames: int, total: int | None) -> None:
        if frames:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_job(job, pipeline, stop)
    half, complete = takes_of(job.takes)[job.key]
    assert not complete and len(load_take(half).every_frame_t_s) == 1, "what was recorded is kept"
    outcome = run_job(job, pipeline, silent)
    assert outcome.status == "done" and not half.exists()
    assert takes_of(job.takes) == {job.key: (Path(outcome.folder), True)}
    assert read_info(Path(outcome.folder))["job"]["complete"] is True


@pytest.mark.slow
def test_one_bad_file_does_not_stop_the_others_and_a_second_run_does_only_what_is_left(tmp_path, weights):
    good, bad = film(tmp_path / "good.mp4"), tmp_path / "bad.mp4"
    bad.write_bytes(b"")
    words = ("process", good, bad, tmp_path / "gone.mp4", "-o", tmp_path / "takes", "--json", "--weights", weights, *SMALL)
    first = run(*words)
    assert first.returncode == 2 and "Traceback" not in first.stderr
    summary = json.loads(first.stdout)
    assert (summary["done"], summary["recognised"], summary["failed"]) == (1, 0, 2)
    assert [s["status"] for s in summary["sources"]] == ["done", "failed", "failed"]
    assert "bad.mp4" in summary["sources"][1]["error"] and "gone.mp4" in summary["sources"][2]["error"]
    last = first.stderr.strip().splitlines()[-2:]
    assert "bad.mp4: is not a video" in last[0] and "gone.mp4: no such file" in last[1]

    film(bad)  # mended
    words = ("process", good, bad, "-o", tmp_path / "takes", "--json", "--weights", weights, *SMALL)
    second = json.loads(run(*words).stdout)
    assert (second["done"], second["recognised"], second["failed"]) == (1, 1, 0)
    assert second["sources"][0]["folder"] == summary["sources"][0]["folder"]
    assert json.loads(run(*words, "--again").stdout)["done"] == 2


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a system that can kill")
def test_a_batch_that_was_killed_goes_on_where_it_stopped(tmp_path, weights):
    films = [film(tmp_path / f"{k}.mp4", frames) for k, frames in enumerate((6, 150))]
    words = [sys.executable, "-m", "xnect_lite.cli", "process", *films, "-o", tmp_path / "takes", "--weights", weights, *SMALL]
    batch = subprocess.Popen(list(map(str, words)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 180
    while not list((tmp_path / "takes").glob("*_1/take.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    batch.kill()
    batch.wait()
    done = {complete for _, complete in takes_of(tmp_path / "takes").values()}
    assert done == {True, False}
    again = json.loads(run(*words[3:5], films[1], *words[6:], "--json").stdout)
    assert [s["status"] for s in again["sources"]] == ["recognised", "done"]
    assert again["sources"][1]["frames"] == 150
    assert {complete for _, complete in takes_of(tmp_path / "takes").values()} == {True}
    assert len(list((tmp_path / "takes").iterdir())) == 2, "nothing half-done is left"


def _several(tmp_path: Path, weights: Path, *flags: object) -> dict:
    (tmp_path / "other").mkdir()
    films = [film(tmp_path / name, 5 + k) for k, name in enumerate(("0.mp4", "1.mp4", "other/1.mp4"))]
    (tmp_path / "bad.mp4").write_bytes(b"no film")
    done = run(
        "process", *films, tmp_path / "bad.mp4", "-o", tmp_path / "takes", "--json", "--weights", weights, *SMALL, *flags
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    return json.loads(done.stdout)


def _check(summary: dict, tmp_path: Path) -> None:
    assert (summary["done"], summary["failed"]) == (3, 1)
    frames = {Path(s["source"]).relative_to(tmp_path).as_posix(): s.get("frames") for s in summary["sources"]}
    assert frames == {"0.mp4": 5, "1.mp4": 6, "other/1.mp4": 7, "bad.mp4": None}
    assert len(takes_of(tmp_path / "takes")) == 3


@pytest.mark.slow
def test_several_processes(tmp_path, weights):
    _check(_several(tmp_path, weights, "--jobs", 2), tmp_path)


@pytest.mark.slow
def test_a_local_ray(tmp_path, weights):
    pytest.importorskip("ray", reason="needs the extra 'cluster'")
    _check(_several(tmp_path, weights, "--engine", "ray", "--jobs", 2, "--no-overlay"), tmp_path)


def test_ray_that_is_not_installed_is_said_in_one_line(tmp_path, weights):
    code = "import sys; sys.modules['ray'] = None; from xnect_lite.cli.main import main; sys.exit(main(sys.argv[1:]))"
    words = ["process", film(tmp_path / "a.mp4"), "-o", tmp_path / "takes", "--engine", "ray", "--weights", weights, *SMALL]
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, timeout=180)
    assert done.returncode == 2 and "pip install -e '.[cluster]'" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("jobs", [0, -1])
def test_less_than_one_job(jobs):
    done = run("process", "a.mp4", "--jobs", jobs)
    assert done.returncode == 2 and "less than 1" in done.stderr


# -- several programs at once ----------------------------------------------------------------------------------------


def test_two_programs_on_one_file_make_one_take_and_the_second_says_why(tmp_path, pipeline, config, weights):
    (job,) = make_jobs([str(film(tmp_path / "a.mp4"))], tmp_path / "takes", config)
    second = []

    def meanwhile(frames: int, total: int | None) -> None:
        if frames and not second:
            second.append(run_job(job, pipeline, silent))

    outcome = run_job(job, pipeline, meanwhile)
    assert outcome.status == "done" and second[0].status == "failed"
    assert second[0].error.startswith(f"{job.source}: is being processed by another program")
    assert [p.name for p in (tmp_path / "takes").iterdir()] == [Path(outcome.folder).name], "one take, no lock left"


@pytest.mark.parametrize(
    ("state", "stays"),
    [("complete", True), ("being recorded", True), ("somebody's mended copy", True), ("cut off", False)],
)
def test_only_a_take_that_was_cut_off_makes_room_for_a_new_one(tmp_path, pipeline, config, state, stays):
    (job,) = make_jobs([str(film(tmp_path / "a.mp4"))], tmp_path / "takes", config)
    note = {} if state == "somebody's mended copy" else {"key": job.key, "complete": state == "complete"}
    recorder = TakeRecorder(tmp_path / "takes/old", job=note)
    if state != "being recorded":
        recorder.close()
    assert run_job(job, pipeline, silent).status == "done"
    assert (tmp_path / "takes/old").exists() is stays


def test_what_is_removed_is_the_take_and_nothing_that_lies_beside_it(tmp_path):
    TakeRecorder(tmp_path / "t").close()
    (tmp_path / "t/notes.txt").write_text("mine")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "take.json").write_text("{}")
    (tmp_path / "link").symlink_to(outside, target_is_directory=True)
    remove_take(tmp_path / "t")
    remove_take(tmp_path / "link")
    assert [p.name for p in (tmp_path / "t").iterdir()] == ["notes.txt"] and (outside / "take.json").exists()


def test_films_of_one_name_that_begin_in_one_second_get_a_folder_each(tmp_path):
    moment = datetime(2026, 11, 27, 12, 0, 0)
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: new_take_folder(tmp_path / "takes", "clip", moment), range(24)))
    assert len(set(folders)) == 24 and all(folder.is_dir() for folder in folders)


@pytest.mark.parametrize(
    ("case", "info"),
    [
        ("a list", "[1]"), ("a key that is a list", '{"job": {"key": [1]}}'), ("a job that is a word", '{"job": "x"}'),
        ("depth", "[" * 100_000), ("not UTF-8", b"\xff\xfe"), ("an id that is a list", '{"people": [{"id": []}]}'),
    ],
)  # fmt: skip
def test_one_odd_take_does_not_stop_the_others(tmp_path, pipeline, config, case, info):
    (tmp_path / "takes/odd").mkdir(parents=True)
    (tmp_path / "takes/odd/take.json").write_bytes(info if isinstance(info, bytes) else info.encode())
    (job,) = make_jobs([str(film(tmp_path / "a.mp4"))], tmp_path / "takes", config)
    assert run_job(job, pipeline, silent).status == "done"
    assert (tmp_path / "takes/odd/take.json").exists()


@pytest.mark.parametrize("moment", ["the take cannot be begun", "its first frame is not taken"])
def test_where_nothing_could_be_recorded_no_take_is_left(tmp_path, pipeline, config, monkeypatch, moment):
    (job,) = make_jobs([str(film(tmp_path / "a.mp4"))], tmp_path / "takes", config, overlay=False)

    def refuse(*_: object) -> None:
        raise XnectError("the disk", "is full", "Free some disk space")

    where = "take.write_info" if "begun" in moment else "take.JournalWriter.append"
    monkeypatch.setattr(f"xnect_lite.record.{where}", refuse)
    outcome = run_job(job, pipeline, silent)
    assert outcome.status == "failed" and "is full" in outcome.error and outcome.folder == ""
    assert not (tmp_path / "takes").exists()
