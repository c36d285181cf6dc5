"""Crowds: what is done for a frame grows with the people in it and no faster, and what is remembered has an end."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from xnect_lite.camera.intrinsics import Camera
from xnect_lite.config import MOST_PEOPLE, GroupingConfig, PipelineConfig, checked
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import NUM_JOINTS, NUM_LIMBS
from xnect_lite.stages.fitting import fitter
from xnect_lite.stages.grouping import peaks
from xnect_lite.stages.grouping.peaks import Peaks, score_limbs
from xnect_lite.stages.tracking.tracker import _MOST_LOST, _MOST_REMEMBERED, Tracker
from xnect_lite.types import People


def scattered(count: int, seed: int = 0) -> tuple[torch.Tensor, Peaks]:
    generator = torch.Generator().manual_seed(seed)
    xy = torch.rand(NUM_JOINTS, count, 2, generator=generator) * torch.tensor([127.0, 79.0])
    return torch.randn(2 * NUM_LIMBS, 80, 128, generator=generator), Peaks(xy, torch.ones(NUM_JOINTS, count))


def test_points_read_of_the_maps_grow_with_the_number_of_peaks(monkeypatch):
    real, read = peaks.sample_maps, []
    monkeypatch.setattr(peaks, "sample_maps", lambda maps, points: read.append(points.shape[1]) or real(maps, points))
    for count in (32, 64, 128, 256):
        score_limbs(*scattered(count), 10)
    assert read == [10 * 32 * count for count in (32, 64, 128, 256)]


def test_near_pairs_are_scored_as_among_few_and_far_ones_are_none(monkeypatch):
    maps, found = scattered(80)
    near = score_limbs(maps, found, 10)
    monkeypatch.setattr(peaks, "_MOST_PARTNERS", 80)
    every = score_limbs(maps, found, 10)
    kept = near != 0
    assert torch.allclose(near[kept], every[kept]) and int(kept.sum(2).max()) <= 32
    line = found.xy_map[peaks.LIMB_B][:, None] - found.xy_map[peaks.LIMB_A][:, :, None]
    nearest = line.square().sum(-1).topk(30, dim=2, largest=False).indices
    assert kept.gather(2, nearest).float().mean() > 0.99


def strangers(count: int, seed: int) -> People:
    """People whom nobody has seen before, each somewhere else."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 1e6, (count, 1, 2))
    return dataclasses.replace(
        People.empty(count),
        joints_px=(corner + rng.uniform(0, 100, (count, NUM_JOINTS, 2))).astype(np.float32),
        joint_score=np.full((count, NUM_JOINTS), 0.9, np.float32),
        person_score=np.full(count, 0.9, np.float32),
        joints_mm=rng.normal(0, 400, (count, NUM_JOINTS, 3)).astype(np.float32),
        root_cam_mm=rng.normal((0, 0, 4000), 100, (count, 3)).astype(np.float32),
    )


def test_passers_by_without_end_are_not_all_remembered():
    tracker = Tracker()
    for frame in range(60):
        people = tracker.update(strangers(20, frame), frame / 30, np.random.default_rng(frame).uniform(0, 255, (20, 2, 3)))
        assert len(people) == 20
        assert len(tracker._tracks) <= 20 + 20 + _MOST_LOST and len(tracker._gone) <= _MOST_REMEMBERED
    assert len(set(people.ids.tolist())) == 20 and people.ids.min() > 20 * 58, "ids are never given again"


def test_skeletons_of_passers_by_are_forgotten_the_longest_unseen_first(monkeypatch):
    monkeypatch.setattr(fitter, "_MOST_BODIES", 5)
    one = fitter.Fitter()
    camera = Camera(640, 480, 640.0, 640.0, 319.5, 239.5)
    for first in (1, 3, 1, 6):
        people = dataclasses.replace(strangers(2, first), ids=np.array([first, first + 1]))
        one.update(people, camera, first / 30)
    assert list(one._bodies) == [4, 1, 2, 6, 7]


@pytest.mark.parametrize(("people", "fine"), [(1, True), (MOST_PEOPLE, True), (MOST_PEOPLE + 1, False), (0, False)])
def test_the_most_people_that_can_be_asked_for(people, fine):
    config = PipelineConfig(grouping=GroupingConfig(max_people=people))
    if fine:
        assert checked(config) == config
    else:
        with pytest.raises(XnectError, match="needs 1 to 100"):
            checked(config)
