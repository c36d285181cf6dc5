"""Which joints can be seen, on hand-made pictures of who is in front."""

from __future__ import annotations

import numpy as np
import pytest

from xnect_lite.skeleton import INDEX, NUM_JOINTS
from xnect_lite.synth.visibility import FLESH_MM, visible_joints

WRIST = INDEX["r_wrist"]


def seen(px=(4.0, 4.0), joint_mm=3000.0, ident=1, front_mm=2960.0, scale=1.0) -> bool:
    """Is the wrist of person 1 seen in a 9 x 9 picture whose every pixel shows ``ident`` at ``front_mm``?"""
    joints_px = np.full((NUM_JOINTS, 2), np.nan)
    joints_px[WRIST] = px
    joints = np.tile([0.0, 0.0, joint_mm], (NUM_JOINTS, 1))
    found = visible_joints(joints_px, joints, np.full((9, 9), ident), np.full((9, 9), front_mm), 1, scale)
    assert not np.delete(found, WRIST).any(), "a joint without a place cannot be seen"
    return bool(found[WRIST])


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (dict(), True),  # its own skin 40 mm in front
        (dict(front_mm=2900.0), False),  # its own body 100 mm in front: more than a wrist's flesh
        (dict(front_mm=2960.0, scale=0.5), False),  # a child's wrist is thinner
        (dict(ident=2, front_mm=2990.0), False),  # somebody else a finger's breadth in front
        (dict(ident=2, front_mm=3100.0), True),  # somebody else behind
        (dict(ident=-1, front_mm=1.0), False),  # a thing in front
        (dict(ident=0, front_mm=1e9), True),  # beside its own silhouette, nothing there
        (dict(px=(8.4, 4.0)), True),  # the last pixel
        (dict(px=(8.6, 4.0)), False),  # beyond it
        (dict(px=(-0.6, 4.0)), False),
        (dict(px=(4.0, 1e12)), False),
    ],
)
def test_cases(case, expected):
    assert seen(**case) is expected


def test_every_joint_has_flesh():
    assert (FLESH_MM > 0).all()
