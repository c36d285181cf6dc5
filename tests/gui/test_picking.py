"""Who is under the mouse."""

from __future__ import annotations

import numpy as np
import pytest
from gui_fakes import make_people

from xnect_lite.gui.picking import nearest_joint, nearest_person
from xnect_lite.skeleton import INDEX

PEOPLE = make_people([(-600, 0, 4000), (600, 0, 4000)], (640, 360))
KNEES = PEOPLE.joints_px[:, INDEX["l_knee"]]
SHINS = (PEOPLE.joints_px[:, INDEX["l_knee"]] + PEOPLE.joints_px[:, INDEX["l_ankle"]]) / 2


@pytest.mark.parametrize(
    ("place", "identity"),
    [
        (KNEES[0], 1),
        (SHINS[1] + (5, 0), 2),  # beside the middle of a bone
        (KNEES[0] - (200, 0), 0),  # far from anybody
        ((np.nan, np.nan), 0),
    ],
)
def test_the_nearest_bone_tells_who(place, identity):
    assert nearest_person(PEOPLE.joints_px, PEOPLE.ids, *place) == identity


def test_joints_that_are_missing_are_nowhere():
    missing = PEOPLE.joints_px.copy()
    missing[0] = np.nan
    assert nearest_person(missing, PEOPLE.ids, *KNEES[0]) == 0
    assert nearest_person(np.zeros((0, 24, 2)), np.zeros(0), 1, 1) == 0


def test_in_space_the_nearest_joint_tells_who():
    points, owners = np.array([(10.0, 10), (50, 50), (np.nan, 0)]), np.array([7, 8, 9])
    assert nearest_joint(points, owners, 48, 52) == 8 and nearest_joint(points, owners, 300, 300) == 0
