"""Bones read from location maps: where, and at which of their two ends."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from drawn_maps import HEIGHT, WIDTH

from xnect_lite.skeleton import INDEX, JOINTS, MEETS, NUM_JOINTS, ROOT
from xnect_lite.stages.grouping.group import choose_bones, read_locations

ELBOW, WRIST = INDEX["l_elbow"], INDEX["l_wrist"]


def _tagged_locations() -> torch.Tensor:
    """Location maps in which every bone says at which column it was read."""
    columns = torch.arange(WIDTH, dtype=torch.float32).expand(3 * NUM_JOINTS, HEIGHT, WIDTH)
    return columns.clone()


def read_bones(locations: torch.Tensor, joints_map: np.ndarray) -> np.ndarray:
    return choose_bones(read_locations(locations, joints_map), joints_map)


def test_bones_meet_at_their_two_ends():
    assert MEETS.sum(0).tolist() == [0 if j == ROOT else 2 for j in range(NUM_JOINTS)]
    assert np.flatnonzero(MEETS[INDEX["l_elbow"]]).tolist() == [INDEX["l_elbow"], INDEX["l_wrist"]]
    pelvis = {JOINTS[k] for k in np.flatnonzero(MEETS[ROOT])}
    assert pelvis == {"spine", "r_hip", "l_hip"}


def test_only_bones_that_meet_at_a_joint_found_are_read():
    joints = np.full((1, NUM_JOINTS, 2), np.nan)
    joints[0, ELBOW] = (20, 10)
    read = read_locations(_tagged_locations(), joints)
    assert np.argwhere(np.isfinite(read[0, :, 0])).tolist() == [[ELBOW, ELBOW], [ELBOW, WRIST]]
    assert (read[0, ELBOW, :, WRIST] == 20).all()


def test_a_bone_is_read_at_the_end_farther_from_others_like_joints():
    nan = np.full((NUM_JOINTS, 2), np.nan)
    one, other = nan.copy(), nan.copy()
    one[ELBOW], one[WRIST] = (20, 10), (30, 10)
    other[ELBOW], other[WRIST] = (50, 30), (31, 10)  # wrist to wrist
    bones = read_bones(_tagged_locations(), np.stack([one, other]))
    assert bones[0, WRIST].tolist() == [20, 20, 20] and bones[1, WRIST].tolist() == [50, 50, 50]
    one[ELBOW], other[ELBOW] = (40, 10), (41, 10)  # now elbow to elbow, wrists apart
    one[WRIST], other[WRIST] = (30, 10), (51, 10)
    bones = read_bones(_tagged_locations(), np.stack([one, other]))
    assert bones[0, WRIST].tolist() == [30, 30, 30] and bones[1, WRIST].tolist() == [51, 51, 51]


@pytest.mark.parametrize(
    ("there", "expected"),
    [(("l_elbow", "l_wrist"), 30), (("l_wrist",), 30), (("l_elbow",), 20), ((), np.nan)],
    ids=["alone: at the joint itself", "only the joint", "only its parent", "neither end"],
)
def test_which_end_of_a_bone_is_read(there, expected):
    joints = np.full((1, NUM_JOINTS, 2), np.nan)
    for name in there:
        joints[0, INDEX[name]] = {"l_elbow": (20, 10), "l_wrist": (30, 10)}[name]
    bones = read_bones(_tagged_locations(), joints)
    np.testing.assert_array_equal(bones[0, WRIST], np.full(3, expected))
    assert np.isnan(bones[0, ROOT]).all()


def test_channels_are_x24_y24_z24():
    locations = torch.zeros(3 * NUM_JOINTS, HEIGHT, WIDTH)
    for axis in range(3):
        locations[axis * NUM_JOINTS + WRIST] = axis + 1
    joints = np.full((1, NUM_JOINTS, 2), np.nan)
    joints[0, WRIST] = (30, 10)
    assert read_bones(locations, joints)[0, WRIST].tolist() == [1, 2, 3]
