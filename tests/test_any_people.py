"""Whatever grouping finds, frame after frame: the stages after it return nothing infinite, and identities stay apart."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifting import lifted_in

from xnect_lite.camera.floor import FloorEstimator
from xnect_lite.camera.intrinsics import camera_for
from xnect_lite.config import CameraConfig, LiftingConfig, TrackingConfig
from xnect_lite.skeleton import MEETS
from xnect_lite.stages.filtering import PoseFilter
from xnect_lite.stages.fitting.fitter import Fitter
from xnect_lite.stages.lifting.lift import Lift, read_out
from xnect_lite.stages.lifting.network import open_lift
from xnect_lite.stages.tracking.tracker import Tracker
from xnect_lite.types import People

SIZE = (640, 400)
MAX_LOST_S = 0.3


def found(rng: np.random.Generator, count: int, damage: str) -> People:
    """What grouping might return: any joints missing, any place in the picture, bones of any length."""
    people = People.empty(count)
    people.joints_px[:] = rng.uniform(0, SIZE[0], (count, 1, 2)) + rng.normal(0, 60, (count, 24, 2))
    people.joint_score[:] = rng.uniform(0.1, 1, (count, 24))
    if damage == "one pixel":
        people.joints_px[:] = people.joints_px[:, :1]
    if damage == "all on one spot":
        people.joints_px[:] = (320, 200)
    missing = rng.random((count, 24)) < rng.choice([0.0, 0.5, 0.95])
    people.joints_px[missing], people.joint_score[missing] = np.nan, 0
    people.joints_px[:, 0], people.joint_score[:, 0] = (5, 5), 0.2  # somebody without any joint is nobody
    people.person_score[:] = rng.uniform(0.2, 1, count)
    bones = rng.normal(0, 1e6 if damage == "endless bones" else 0.2, people.locations_ray_m.shape)
    there = (~missing)[..., None, None] & MEETS[:, None] & (rng.random(people.locations_ray_m.shape) < 0.9)
    people.locations_ray_m[:] = np.where(there, bones, np.nan)
    people.bones_ray_m[:] = np.where(rng.random((count, 24, 1)) < 0.7, rng.normal(0, 0.3, (count, 24, 3)), np.nan)
    return people


@pytest.fixture(scope="module", params=["read-out", "network"])
def lift(request) -> Lift:
    lift = open_lift(LiftingConfig(network=request.param == "network"))
    if request.param == "network" and lift is read_out:
        pytest.skip("no lifting weights")
    return lift


@given(
    seed=st.integers(0, 10_000),
    counts=st.lists(st.integers(0, 12), min_size=1, max_size=6),
    steps_s=st.lists(st.sampled_from([0.04, 0.04, 0.0, -0.1, 0.2, 5.0]), min_size=6, max_size=6),
    damage=st.sampled_from(["none", "one pixel", "all on one spot", "endless bones"]),
)
@settings(max_examples=25, deadline=None)
def test_nothing_is_infinite_and_ids_are_apart(lift, seed, counts, steps_s, damage):
    rng, t_s = np.random.default_rng(seed), 0.0
    tracker, smooth, fitter = Tracker(TrackingConfig(max_lost_s=MAX_LOST_S, remember_s=0)), PoseFilter(), Fitter()
    floor, camera = FloorEstimator(), camera_for(SIZE, CameraConfig())
    for count, step_s in zip(counts, steps_s, strict=False):
        t_s += step_s
        people = lifted_in(found(rng, count, damage), SIZE, CameraConfig(), lift)
        finite(people, "lifting")
        people = tracker.update(people, t_s)
        finite(people, "tracking")
        assert len(set(people.ids.tolist())) == len(people) and (people.ids > 0).all()
        people = smooth.update(people, t_s)
        finite(people, "filtering")
        people = fitter.update(people, camera, t_s, floor.floor.up_cam)
        finite(people, "fitting")
        up = floor.update(people, t_s).up_cam
        assert np.linalg.norm(up) == pytest.approx(1)


@given(seed=st.integers(0, 10_000), gaps=st.lists(st.sampled_from([0.04, 0.1, 0.5]), min_size=3, max_size=8))
@settings(max_examples=40, deadline=None)
def test_an_id_that_was_given_up_is_never_given_again(seed, gaps):
    """With no memory for clothes: who was gone for longer than `max_lost_s` has a new id, above all those before."""
    rng, t_s, highest = np.random.default_rng(seed), 0.0, 0
    tracker = Tracker(TrackingConfig(max_lost_s=MAX_LOST_S, remember_s=0))
    for gap_s in gaps:
        t_s += gap_s
        people = found(rng, int(rng.integers(0, 6)), "none")
        people = dataclasses.replace(people, person_score=np.ones(len(people)))
        ids = tracker.update(people, t_s).ids
        if gap_s > MAX_LOST_S:
            assert (ids > highest).all()
        highest = max(highest, *ids.tolist(), 0)


def finite(people: People, stage: str) -> None:
    for name in people.__slots__:
        assert not np.isinf(getattr(people, name)).any(), f"{name} after {stage}"
