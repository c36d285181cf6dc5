"""From a picture to people: the same as its parts one after the other, with times if somebody asks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from drawn_maps import draw, person

from xnect_lite.config import GroupingConfig, PipelineConfig
from xnect_lite.stages.detector import Detector
from xnect_lite.stages.grouping.group import group_people
from xnect_lite.stages.refining.refine import unrefined
from xnect_lite.timer import StageTimer
from xnect_lite.types import Frame, RunsOn

FRAME = Frame(np.zeros((320, 512, 3), np.uint8), 0.0, 0)
MAPS = draw([person(20, 20), person(44, 20)])


class Drawn:
    """A network that sees two people in every frame."""

    runs_on = RunsOn("drawn", "paper", "pencil", "fp32")

    def __call__(self, frame, timer):
        with timer.stage("network"):
            return MAPS


def moved(people, maps):
    assert maps is MAPS
    return dataclasses.replace(people, joints_px=people.joints_px + np.float32(3))


@pytest.mark.parametrize("refine", [unrefined, moved], ids=["grouping alone", "and a second look"])
def test_a_detector_is_its_parts_one_after_the_other(refine):
    found = Detector(Drawn(), refine=refine)(FRAME)
    alone = refine(group_people(MAPS, GroupingConfig()), MAPS)
    assert len(found.people) == 2 and found.maps is MAPS
    np.testing.assert_array_equal(found.people.joints_px, alone.joints_px)
    np.testing.assert_array_equal(Detector(Drawn(), refine=refine).people_on(MAPS).joints_px, alone.joints_px)


def test_its_grouping_is_the_one_given():
    assert len(Detector(Drawn(), GroupingConfig(max_people=1))(FRAME).people) == 1


def test_stages_are_timed_where_a_timer_is_given():
    timer = StageTimer()
    Detector(Drawn())(FRAME, timer)
    assert list(timer.finish_frame()) == ["network", "grouping", "refining"]


def test_it_says_what_it_runs_on():
    config = dataclasses.replace(PipelineConfig(), refining=dataclasses.replace(PipelineConfig().refining, network=False))
    detector = Detector.open(config, Drawn())
    assert detector.refine is unrefined and str(detector.runs_on) == "drawn on paper, pencil, fp32"
