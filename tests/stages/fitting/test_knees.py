"""Which legs look straight, by hand: somebody 1 m away, so that rays are metres."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from fitting_scenes import CAMERA, observe, seconds
from people import walking_person

from xnect_lite.config import FittingConfig
from xnect_lite.evaluate.body_score import knee_bend_deg
from xnect_lite.skeleton import CANONICAL_BONE_M, INDEX, NUM_JOINTS
from xnect_lite.stages.fitting.fitter import Fitter
from xnect_lite.stages.fitting.knees import looks_straight

LENGTHS = 1000 * CANONICAL_BONE_M[None]
THIGH, SHIN = (float(CANONICAL_BONE_M[INDEX[f"l_{name}"]]) for name in ("knee", "ankle"))


@pytest.mark.parametrize(
    ("case", "knee", "ankle", "straight"),
    [
        ("hangs straight down", (0, THIGH), (0, THIGH + SHIN), 1.0),
        ("bent by half a right angle", (0, THIGH), (0.71 * SHIN, THIGH + 0.71 * SHIN), 0.0),
        ("sits: the thigh points at the camera", (0, 0.2 * THIGH), (0, 0.2 * THIGH + SHIN), 0.0),
        ("leans a little", (0, 0.75 * THIGH), (0, 0.75 * THIGH + SHIN), 0.5),
    ],
)
def test_what_looks_straight(case, knee, ankle, straight):
    rays, found = np.zeros((1, NUM_JOINTS, 2)), np.ones((1, NUM_JOINTS), bool)
    rays[0, INDEX["l_knee"]], rays[0, INDEX["l_ankle"]] = knee, ankle
    np.testing.assert_allclose(
        looks_straight(rays, found, np.array([1000.0]), LENGTHS)[0, 0], straight, atol=1e-6, err_msg=case
    )
    found[0, INDEX["l_knee"]] = False
    assert looks_straight(rays, found, np.array([1000.0]), LENGTHS)[0, 0] == 0.0


def test_knees_that_look_straight_are_drawn_straight_where_that_is_asked_for():
    t_s = seconds(20)
    joints_mm, root_cam_mm = (np.repeat(a[:1], 20, 0) for a in walking_person(t_s, speed_m_s=0.0))
    for side in "lr":  # a standing body, as lifting in doubt has it: both knees towards the camera
        hip = joints_mm[:, INDEX[f"{side}_hip"]]
        for name, down, nearer in (("knee", 1.0, 0.3), ("ankle", 2.0, 0.0), ("toe", 2.05, 0.25)):
            joints_mm[:, INDEX[f"{side}_{name}"]] = hip + np.array([0.0, 400.0 * down, -400.0 * nearer])
    bends = {}
    for spread_deg in (0.0, 4.0):
        fitter = Fitter(FittingConfig(spread_straight_deg=spread_deg))
        for t, people in zip(t_s, observe(joints_mm, root_cam_mm, noise_mm=1.0, noise_px=0.5), strict=True):
            fitted = fitter.update(dataclasses.replace(people), CAMERA, float(t))
        bends[spread_deg] = knee_bend_deg(fitted.joints_mm[0].astype(float)).mean()
    assert bends[0.0] > 20 > 12 > bends[4.0]
