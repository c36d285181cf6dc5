"""The options every verb that runs the pipeline shares, as configuration."""

from __future__ import annotations

import argparse

import pytest

from xnect_lite.cli.parsers.pipeline_options import add_network_options, add_pipeline_options
from xnect_lite.cli.pipeline_options import pipeline_config
from xnect_lite.config import CameraConfig, FittingConfig, GroupingConfig, PipelineConfig
from xnect_lite.errors import XnectError


def config_of(*arguments: str) -> PipelineConfig:
    parser = argparse.ArgumentParser()
    add_pipeline_options(parser)
    return pipeline_config(parser.parse_args(arguments))


CASES = [
    ("nothing", [], PipelineConfig()),
    ("a height", ["--stature", "1.6"], PipelineConfig(camera=CameraConfig(stature_m=1.6))),
    ("heights of two people", ["--stature", "2=1.2", "--stature", "7=1.9"],
     PipelineConfig(camera=CameraConfig(stature_of=((2, 1.2), (7, 1.9))))),
    ("a height and an exception", ["--stature", "1.8", "--stature", "2=1.2"],
     PipelineConfig(camera=CameraConfig(stature_m=1.8, stature_of=((2, 1.2),)))),
    ("a tilted camera", ["--pitch", "15"], PipelineConfig(camera=CameraConfig(floor="given", pitch_deg=15.0))),
    ("a level camera", ["--pitch", "0", "--roll", "0"], PipelineConfig(camera=CameraConfig(floor="given"))),
    ("the camera's height", ["--camera-height", "2.2"], PipelineConfig(camera=CameraConfig(height_m=2.2))),
    ("a field of view", ["--fov", "70"], PipelineConfig(camera=CameraConfig(fov_deg=70.0))),
    ("a calibration", ["--intrinsics", "c.json"], PipelineConfig(camera=CameraConfig(intrinsics="c.json"))),
    ("no fit", ["--no-fit"], PipelineConfig(fitting=FittingConfig(enabled=False))),
    ("foot lock", ["--no-foot-lock"], PipelineConfig(fitting=FittingConfig(foot_lock=False))),
]  # fmt: skip


@pytest.mark.parametrize(("case", "arguments", "expected"), CASES, ids=[c[0] for c in CASES])
def test_options_become_configuration(case, arguments, expected):
    assert config_of(*arguments) == expected, case


def test_single_pictures_know_no_camera_and_no_body():
    parser = argparse.ArgumentParser()
    add_network_options(parser)
    config = pipeline_config(parser.parse_args(["--max-people", "3", "--set", "camera.stature_m=1.6"]))
    assert config == PipelineConfig(camera=CameraConfig(stature_m=1.6), grouping=GroupingConfig(max_people=3))
    with pytest.raises(SystemExit):
        parser.parse_args(["--stature", "1.6"])


REFUSED = [
    (["--stature", "tall"], "--stature tall"),
    (["--stature", "x=1.7"], "ID=metres"),
    (["--stature", "17"], "camera.stature_m"),
    (["--stature", "2=0.1"], "camera.stature_of"),
    (["--focal", "900", "--fov", "60"], "focal_px and fov_deg"),
    (["--smoothing", "1.5"], "filtering.smoothing"),
    (["--set", "refining.least_score=1.5"], "refining.least_score"),
    (["--pitch", "200"], "camera.pitch_deg"),
    (["--set", "camera.floor=wood"], "estimated, given or level"),
]


@pytest.mark.parametrize(("arguments", "words"), REFUSED, ids=[" ".join(r[0]) for r in REFUSED])
def test_what_cannot_be_is_refused_with_its_name(arguments, words):
    with pytest.raises(XnectError) as refusal:
        config_of(*arguments)
    assert words in str(refusal.value)
