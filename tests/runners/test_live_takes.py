"""A live source becomes a take with its film, and the film a take of every frame."""

from __future__ import annotations

import time
from pathlib import Path

import av
import pytest
from untrained import untrained_weights

from xnect_lite.capture import SyntheticSource
from xnect_lite.config import NetworkConfig, PipelineConfig
from xnect_lite.errors import XnectError
from xnect_lite.pipeline import Pipeline
from xnect_lite.record.take_folder import load_take, read_info
from xnect_lite.runners.batch import make_jobs, run_job
from xnect_lite.runners.offline import process_source
from xnect_lite.types import Frame


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> PipelineConfig:
    weights = untrained_weights(tmp_path_factory.mktemp("weights"))
    return PipelineConfig(network=NetworkConfig("selecsls42", str(weights), "cpu", "torch", "fp32", 128, 64))


@pytest.fixture(scope="module")
def pipeline(config) -> Pipeline:
    return Pipeline(config)


class Camera(SyntheticSource):
    """Drawn people that do not wait: thirty frames, one each hundredth of a second."""

    live = True

    def read(self) -> Frame | None:
        time.sleep(0.01)
        return super().read()


def count(film: Path) -> int:
    with av.open(str(film)) as file:
        return sum(1 for _ in file.decode(video=0))


def test_the_film_has_the_frames_that_the_pipeline_had_no_time_for(tmp_path, pipeline):
    report = process_source(Camera(1, end_s=1.0), pipeline, tmp_path / "t", overlay=False, names={1: "Anna"}, people="main")
    info = read_info(tmp_path / "t")
    assert count(tmp_path / "t" / "video.mp4") == 30 == info["video"]["frames"] and info["video"]["lost"] == 0
    assert report.frames == info["frames"]["recorded"] < 30, "the newest frame each time"
    assert info["names"] == {"1": "Anna"} and info["wanted"] == "main"
    assert any("process with this folder" in words for words in report.take.remarks) == (info["frames"]["dropped"] > 0)


def test_a_take_stands_for_its_film(tmp_path, config, pipeline):
    old = tmp_path / "2026-11-21_10-00-00_stage"
    process_source(Camera(1, end_s=0.5), pipeline, old, overlay=False)
    (job,) = make_jobs([str(old)], tmp_path / "again", config, overlay=False)
    assert (job.source, job.name) == (str(old / "video.mp4"), "stage")
    outcome = run_job(job, pipeline, lambda frames, total: None)
    assert outcome.status == "done" and len(load_take(outcome.folder).every_frame_t_s) == 15


def test_without_a_film_it_is_said(tmp_path, config, pipeline):
    process_source(Camera(1, end_s=0.2), pipeline, tmp_path / "t", overlay=False, video=False)
    assert not (tmp_path / "t" / "video.mp4").exists()
    with pytest.raises(XnectError, match="is a take without its film"):
        make_jobs([str(tmp_path / "t")], tmp_path / "again", config)


def test_a_file_needs_no_film_beside_it(tmp_path, pipeline):
    process_source(SyntheticSource(1, end_s=0.2), pipeline, tmp_path / "t", overlay=False)
    assert not (tmp_path / "t" / "video.mp4").exists()
