"""Metric joints into the canonical body in viewing-ray axes, and cameras from labels."""

from __future__ import annotations

import numpy as np
import pytest
from labelled_people import CX, CY, FX, FY, bone_m, scene
from scipy.spatial.transform import Rotation

from xnect_lite.data.bodies import Intrinsics, canonical_body, fit_intrinsics, leg_arm_length
from xnect_lite.data.tally import Reason
from xnect_lite.skeleton import INDEX, ROOT

CAMERA = Intrinsics(FX, FY, CX, CY)


def test_the_body_is_the_same_wherever_it_stands_and_however_large_it_is():
    """A person is turned about the camera and scaled: in ray axes nothing changes."""
    shown = scene(1)
    body, root = canonical_body(shown.joints_cam_mm[0], shown.joints_px[0], CAMERA)
    np.testing.assert_allclose(root, shown.joints_cam_mm[0, ROOT], rtol=1e-6)
    straight = shown.joints_cam_mm[0] - shown.joints_cam_mm[0, ROOT] + (0, 0, 3000)
    expected, _ = canonical_body(straight, shown.joints_px[0], None)
    for yaw, pitch, scale in ((25, 0, 1), (0, -15, 1), (-20, 0, 1.3)):
        ray = Rotation.from_euler("yx", [yaw, pitch], degrees=True).apply([0, 0, 1])
        axis = np.cross([0, 0, 1], ray)  # the shortest arc from the optical axis to the ray
        turn = Rotation.from_rotvec(axis / np.linalg.norm(axis) * np.arcsin(np.linalg.norm(axis)))
        moved = scale * turn.apply(straight)
        np.testing.assert_allclose(canonical_body(moved, shown.joints_px[0], None)[0], expected, atol=0.05)
    assert leg_arm_length(body / 1000) == pytest.approx(1.40, abs=1e-5)
    ratio = bone_m(body, "r_hip", "r_knee") / bone_m(shown.joints_cam_mm[0], "r_hip", "r_knee")
    assert ratio == pytest.approx(bone_m(body, "neck", "head") / bone_m(shown.joints_cam_mm[0], "neck", "head"), rel=1e-4)


def test_a_missing_hand_leaves_the_rest():
    joints = scene(1).joints_cam_mm[0].copy()
    joints[INDEX["r_hand"]] = np.nan
    body, _ = canonical_body(joints, scene(1).joints_px[0], CAMERA)
    assert np.isnan(body[INDEX["r_hand"]]).all() and np.isfinite(np.delete(body, INDEX["r_hand"], 0)).all()


REFUSED = {
    "a knee that is not a number": (lambda cam, px: (_with(cam, "r_knee", np.nan), px), Reason.BODY_NAN),
    "metres taken for millimetres": (lambda cam, px: (cam / 1000, px), Reason.BODY_SIZE),
    "all joints at the origin": (lambda cam, px: (cam * 0, px), Reason.BODY_SIZE),
    "a person behind the camera": (lambda cam, px: (cam * (1, 1, -1), px), Reason.BODY_BEHIND),
    "somebody else's 2D joints": (lambda cam, px: (cam, px + 60), Reason.BODY_OFF),
    "2D joints in another order": (lambda cam, px: (cam, px[::-1]), Reason.BODY_OFF),
}


def _with(joints: np.ndarray, name: str, value: float) -> np.ndarray:
    joints = joints.copy()
    joints[INDEX[name]] = value
    return joints


@pytest.mark.parametrize(("spoil", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_bodies_that_cannot_be_right_are_refused(spoil, reason):
    shown = scene(1)
    assert canonical_body(*spoil(shown.joints_cam_mm[0], shown.joints_px[0]), CAMERA) is reason


def test_the_camera_comes_back_from_the_labels():
    shown = [scene(2, seed) for seed in range(4)]
    cam, px = (np.array([getattr(s, n) for s in shown]) for n in ("joints_cam_mm", "joints_px"))
    found = fit_intrinsics(cam, px)
    assert (found.fx, found.fy, found.cx, found.cy) == pytest.approx((FX, FY, CX, CY), rel=1e-4)
    assert found.focal_px == pytest.approx((FX + FY) / 2, rel=1e-4)


def test_a_few_wrong_labels_do_not_move_the_camera():
    shown = [scene(2, seed) for seed in range(4)]
    cam, px = (np.array([getattr(s, n) for s in shown]) for n in ("joints_cam_mm", "joints_px"))
    px[0, 0, :3] += 500
    px[1, 1, 5], cam[2, 0, 7] = np.nan, (0, 0, -5)
    found = fit_intrinsics(cam, px)
    assert (found.fx, found.cx) == pytest.approx((FX, CX), rel=1e-2)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_few_points_tell_no_camera(count):
    shown = scene(1)
    assert fit_intrinsics(shown.joints_cam_mm[0, :count], shown.joints_px[0, :count]) is None
