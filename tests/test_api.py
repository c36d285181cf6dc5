"""xnect_lite from Python, and the verbs `run` and `benchmark`, which are the same loop."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from films import SMALL, film, run, weights  # noqa: F401 - fixtures
from test_pipeline import TruthfulNetwork, two_walkers

import xnect_lite
from xnect_lite.capture import SyntheticSource
from xnect_lite.cli.run import result_as_dict
from xnect_lite.config import PipelineConfig
from xnect_lite.pipeline import Pipeline
from xnect_lite.types import Frame, People, PoseResult

DOCS = Path(__file__).parents[1] / "docs/python.md"


class Walkers(SyntheticSource):
    """A source whose frames `TruthfulNetwork` knows the people of."""

    def __init__(self, frames: list[Frame], live: bool = False) -> None:
        super().__init__(1)
        self.frames, self.live, self.frame_count = frames, live, len(frames)
        self.closed = 0

    def read(self) -> Frame | None:
        index, self._index = self._index, self._index + 1
        return self.frames[index] if index < len(self.frames) and not self.closed else None

    def close(self) -> None:
        self.closed += 1


def test_every_frame_of_a_source_comes_with_its_people_and_the_source_is_closed():
    frames, poses = two_walkers(8)
    source = Walkers(frames)
    results = list(xnect_lite.track(source, pipeline=Pipeline(PipelineConfig(), TruthfulNetwork(poses))))
    assert [r.frame.index for r in results] == list(range(8))
    assert all(sorted(r.people.ids) == [1, 2] for r in results)
    assert all(r.timings_ms["grouping"] > 0 for r in results)
    assert source.closed
    with pytest.raises(dataclasses.FrozenInstanceError):
        results[0].people = People.empty(0)


def test_the_loop_may_be_left_early_and_the_next_one_starts_the_ids_again():
    frames, poses = two_walkers(8)
    pipeline = Pipeline(PipelineConfig(), TruthfulNetwork(poses))
    for _ in range(2):
        source = Walkers(frames)
        results = xnect_lite.track(source, pipeline=pipeline)
        assert sorted(next(results).people.ids) == [1, 2]
        results.close()
        assert source.closed


def test_the_newest_frame_only_if_asked():
    frames, poses = two_walkers(25)  # one second

    class Slow(TruthfulNetwork):
        def __call__(self, frame, timer):
            time.sleep(0.15)
            return super().__call__(frame, timer)

    pipeline = Pipeline(PipelineConfig(), Slow(poses))
    seen = [r.frame.index for r in xnect_lite.track(Walkers(frames), pipeline=pipeline, newest=True)]
    assert 2 <= len(seen) < 12 and seen == sorted(seen)


def test_two_pipelines_side_by_side_do_not_meet():
    """Two loops on two threads, one of which sees one person, the other two."""
    frames, poses = two_walkers(15)
    seen: dict[int, list[list[int]]] = {}

    def follow(people: int) -> None:
        pipeline = Pipeline(PipelineConfig(), TruthfulNetwork(poses[:people]))
        seen[people] = [sorted(r.people.ids.tolist()) for r in xnect_lite.track(Walkers(frames), pipeline=pipeline)]

    threads = [threading.Thread(target=follow, args=(n,)) for n in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {1: [[1]] * 15, 2: [[1, 2]] * 15}


@pytest.mark.parametrize(
    ("source", "options", "cause"),
    [
        ("no such film.mp4", {}, "no such file"),
        ("synthetic", {"start_s": 99.0}, "before the start"),
        (Walkers([]), {"start_s": 1.0}, "open already"),
        ("synthetic", {"config": PipelineConfig(), "pipeline": object()}, "both a config and a pipeline"),
    ],
    ids=["no file", "past the end", "open source", "both"],
)
def test_what_cannot_be_is_said_at_once(source, options, cause):
    with pytest.raises(xnect_lite.XnectError, match=cause):
        xnect_lite.track(source, **options)


def test_the_package_names_what_it_offers():
    assert set(xnect_lite.__all__) <= set(dir(xnect_lite))
    assert all(getattr(xnect_lite, name) for name in xnect_lite.__all__)
    with pytest.raises(AttributeError, match="no attribute 'trakc'"):
        _ = xnect_lite.trakc


def test_the_examples_in_the_documentation_run():
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 5
    done = subprocess.run([sys.executable, "-c", "\n".join(blocks)], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "left wrist at" in done.stdout and "no such film.mp4: no such file" in done.stdout


def test_the_example_of_the_readme_runs():
    """On the first fifth of a second of the clip that comes with it."""
    root = DOCS.parents[1]
    (block,) = re.findall(r"```python\n(.*?)```", (root / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    short = block.replace('"docs/demo.mp4")', '"docs/demo.mp4", end_s=0.2)')
    assert short != block
    done = subprocess.run([sys.executable, "-c", short], capture_output=True, text=True, timeout=240, cwd=root)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) >= 3 and ", 24, 3)" in done.stdout


# -- run and benchmark -----------------------------------------------------------------------------------------------


def test_results_as_plain_values_hold_null_for_what_is_not_known():
    people = dataclasses.replace(People.empty(1), ids=np.array([4]))
    people.joints_px[0, 0] = (1.23456, 2)
    result = PoseResult(Frame(np.zeros((4, 4, 3), np.uint8), 0.1, 3), people, 4.0, {"network": 1.23456})
    plain = json.loads(json.dumps(result_as_dict(result), allow_nan=False))
    assert plain["t_s"] == 0.1 and plain["frame"] == 3 and plain["timings_ms"] == {"network": 1.23}
    (person,) = plain["people"]
    assert person["id"] == 4 and person["joints_px"][:2] == [[1.235, 2.0], [None, None]]


def test_run_prints_one_json_line_per_frame(weights):  # noqa: F811
    done = run("run", "synthetic", "--every-frame", "--end", 0.2, "--json", "--weights", weights, *SMALL)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["frame"] for line in lines] == list(range(6))
    assert all(line["people"] == [] and line["timings_ms"]["network"] > 0 for line in lines)


def test_run_ends_quietly_when_nobody_reads_on(weights):  # noqa: F811
    words = ["run", "synthetic", "--every-frame", "--json", "--weights", weights, *SMALL]
    command = [sys.executable, "-m", "xnect_lite.cli", *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.wait(180) == 0
    assert "Traceback" not in process.stderr.read()


def test_run_prints_a_line_for_people(weights):  # noqa: F811
    done = run("run", "synthetic", "--end", 0.4, "--weights", weights, *SMALL)
    assert done.returncode == 0 and done.stdout.rstrip().endswith("nobody")


@pytest.mark.parametrize("flag", ["--json", "--every-frame"])
def test_run_with_the_app_takes_no_console_flags(flag):
    done = run("run", "synthetic", "--show", flag)
    assert done.returncode == 2 and "goes with none of" in done.stderr


def test_benchmark_gives_percentiles_of_every_stage(weights, tmp_path):  # noqa: F811
    clip = film(tmp_path / "a.mp4", 20)
    done = run("bench", "pipeline", clip, "--frames", 12, "--warm-up", 3, "--json", "--weights", weights, *SMALL)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["frames"] == 12 and figures["size"] == [160, 96] and figures["device"] == "CPU"
    stages = figures["stages"]
    assert {"network", "grouping", "tracking", "all stages"} <= set(stages)
    assert all(0 <= row["p50_ms"] <= row["p95_ms"] for row in stages.values())
    parts = sum(row["p50_ms"] for name, row in stages.items() if name != "all stages")
    assert parts == pytest.approx(stages["all stages"]["p50_ms"], rel=0.5)
    short = run("bench", "pipeline", clip, "--warm-up", 30, "--weights", weights, *SMALL)
    assert short.returncode == 2 and "no frame after 30 of warm-up" in short.stderr
