"""Work in one process and in several: in order, the same, and honest when a process dies."""

from __future__ import annotations

import os

import pytest
from box_assets import box_assets

from xnect_lite.errors import XnectError
from xnect_lite.synth.scene import SceneConfig
from xnect_lite.synth.studio import Assets, Studio
from xnect_lite.synth.workshop import Workshop

CONFIG = SceneConfig(size=(64, 48))


@pytest.fixture(scope="module")
def assets(tmp_path_factory) -> Assets:
    return box_assets(tmp_path_factory.mktemp("bodies"), CONFIG.size)


def _process_and_square(studio: Studio, job: int) -> tuple[int, int]:
    assert studio.config == CONFIG
    return os.getpid(), job**2


def _die(studio: Studio, job: int) -> None:
    os._exit(1)


def _refuse(studio: Studio, job: int) -> None:
    raise XnectError("the picture", f"is number {job}", "Take another")


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_results_come_in_order(assets, workers):
    with Workshop(assets, CONFIG, workers) as workshop:
        found = list(workshop.map(_process_and_square, range(10)))
        assert workshop.origin()["sources"] == ["boxes"]
    assert [square for _, square in found] == [job**2 for job in range(10)]
    assert (os.getpid() in {process for process, _ in found}) == (workers == 1)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_what_cannot_be_mended_here_reaches_the_caller(assets, workers):
    with Workshop(assets, CONFIG, workers) as workshop, pytest.raises(XnectError, match=r"the picture: is number 3\. Take"):
        list(workshop.map(_refuse, [3, 4]))


def test_a_killed_worker_ends_the_run_instead_of_hanging(assets):
    with (
        Workshop(assets, CONFIG, 2) as workshop,
        pytest.raises(XnectError, match=r"a worker was ended from outside.* Use fewer --workers"),
    ):
        list(workshop.map(_die, [0]))
