"""Skeletons on the picture: right place, right colour, nothing where nothing is known."""

from __future__ import annotations

import numpy as np
import pytest

from xnect_lite.record.painting import draw_overlay, person_color
from xnect_lite.skeleton import INDEX
from xnect_lite.types import People

GREY = 128


def _picture(width=640, height=480):
    return np.full((height, width, 3), GREY, np.uint8)


def _person(score=1.0, **joints_px):
    people = People.empty(1)
    people.ids[:] = 1
    for name, xy in joints_px.items():
        people.joints_px[0, INDEX[name]] = xy
        people.joint_score[0, INDEX[name]] = score
    return people


def _changed(image):
    return (image != GREY).any(-1)


def test_a_bone_is_drawn_where_its_joints_are_and_the_input_is_left_alone():
    picture = _picture()
    drawn = draw_overlay(picture, _person(r_elbow=(200, 100), r_wrist=(200, 300)), ids=False)
    assert (picture == GREY).all()
    assert tuple(drawn[200, 200]) == person_color(1)
    rows, columns = np.nonzero(_changed(drawn))
    assert rows.min() >= 90 and rows.max() <= 310 and columns.min() >= 190 and columns.max() <= 210


@pytest.mark.parametrize(
    "people",
    [
        People.empty(0),
        People.empty(2),  # people of whom nothing is known
        _person(r_elbow=(np.nan, 100), r_wrist=(200, 300), score=0.0),  # half of an inferred bone
        _person(r_elbow=(1e9, 1e9), r_wrist=(-1e9, 5)),  # absurd places
    ],
)
def test_nothing_is_drawn_of_what_is_not_known(people):
    assert not _changed(draw_overlay(_picture(), people, ids=False)).any()


def test_inferred_bones_are_thinner():
    joints = {"r_elbow": (200, 100), "r_wrist": (200, 300)}
    wide, thin = (_changed(draw_overlay(_picture(), _person(score, **joints), ids=False))[200].sum() for score in (1.0, 0.0))
    assert 0 < thin < wide


def test_lines_grow_with_the_picture():
    people = _person(r_elbow=(50, 10), r_wrist=(50, 150))
    small, large = (_changed(draw_overlay(_picture(size, size), people, ids=False))[80].sum() for size in (200, 2000))
    assert large > 2 * small


@pytest.mark.parametrize(("skeletons", "ids"), [(True, False), (False, True), (False, False)])
def test_layers_are_independent(skeletons, ids):
    people = _person(head_top=(300, 200), head=(300, 230), neck=(300, 260))
    drawn = _changed(draw_overlay(_picture(), people, skeletons=skeletons, ids=ids))
    assert drawn[215:260].any() == skeletons  # bones are below the head's top
    assert drawn[150:190].any() == ids  # the label is above


@pytest.mark.parametrize("where", [(0, 0), (639, 479), (-40, 200), (700, 200)])
def test_the_label_stays_in_the_picture(where):
    drawn = draw_overlay(_picture(), _person(head_top=where), skeletons=False)
    assert (drawn == person_color(1)).all(-1).sum() > 50


def test_neighbouring_identities_differ_and_an_identity_keeps_its_colour():
    assert all(np.abs(np.subtract(person_color(i), person_color(i + 1))).sum() > 100 for i in range(1, 30))
    assert person_color(3) == person_color(3)
    assert person_color(0) not in {person_color(i) for i in range(1, 30)}  # nobody yet


def test_a_read_only_strided_picture_will_do():
    picture = _picture()[:, ::-1]
    picture.setflags(write=False)
    assert draw_overlay(picture, _person(r_elbow=(200, 100), r_wrist=(200, 300))).shape == picture.shape
