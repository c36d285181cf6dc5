"""From raw annotation to a sample: what is derived, what is left out, and that it is counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from labelled_people import CX, CY, FX, FY, SIZE, assert_contract, scene, write_picture

from xnect_lite.data.bodies import Intrinsics
from xnect_lite.data.readers.assemble import SOME_LABELLED, Person, make_sample
from xnect_lite.data.tally import Reason, Tally
from xnect_lite.skeleton import INDEX, NUM_JOINTS

CAMERA = Intrinsics(FX, FY, CX, CY)
NAMED = ("r_shoulder", "l_shoulder", "r_hip", "l_hip", "r_ear", "l_ear", "r_knee")


def raw(number: int = 0, with_3d: bool = False) -> Person:
    """Somebody of whom the joints in NAMED (with 3D: all) are labelled."""
    shown = scene(2)
    has = np.array([with_3d or name in NAMED for name in INDEX])
    xy = np.where(has[:, None], shown.joints_px[number], np.nan).astype(np.float32)
    cam = shown.joints_cam_mm[number] if with_3d else None
    return Person(xy, has, has.copy(), has & (not with_3d), cam)


@pytest.fixture
def picture(tmp_path):
    write_picture(tmp_path / "a.jpg", scene(2))
    return tmp_path / "a.jpg"


def build(picture, people, tally, **options):
    return make_sample(picture, people, tally, provenance="a.jpg", **options)


def test_joints_in_the_middle_of_others_are_derived_and_trusted_less(picture):
    one = raw()
    one.visible[INDEX["l_hip"]] = False
    sample = build(picture, [one], Tally())
    assert_contract(sample)
    people, xy = sample.people, one.joints_px
    for name, a, b in (("pelvis", "r_hip", "l_hip"), ("neck", "r_shoulder", "l_shoulder"), ("head", "r_ear", "l_ear")):
        np.testing.assert_allclose(people.joints_px[0, INDEX[name]], (xy[INDEX[a]] + xy[INDEX[b]]) / 2, atol=1e-3)
        assert people.weight_2d[0, INDEX[name]] == pytest.approx(0.7)
        assert np.isnan(people.human_px[0, INDEX[name]]).all(), "nobody pointed there"
        assert people.visible[0, INDEX[name]] == (name != "pelvis"), "seen if both ends are"
    pelvis, neck, spine = (people.joints_px[0, INDEX[n]] for n in ("pelvis", "neck", "spine"))
    np.testing.assert_allclose(spine, pelvis + 0.45 * (neck - pelvis), atol=1e-3)
    assert people.weight_2d[0, INDEX["spine"]] == pytest.approx(0.7)
    known = {name for name, j in INDEX.items() if people.weight_2d[0, j] > 0}
    assert known == {*NAMED, "pelvis", "neck", "head", "spine"}


def test_three_dimensions_come_with_a_camera(picture):
    sample = build(picture, [raw(0, True), raw(1, True)], Tally(), camera=CAMERA)
    assert_contract(sample)
    assert sample.focal_px == pytest.approx((FX + FY) / 2) and (sample.people.weight_3d == 1).all()
    np.testing.assert_allclose(sample.people.root_cam_mm, scene(2).joints_cam_mm[:, INDEX["pelvis"]], rtol=1e-5)
    assert np.isnan(sample.people.human_px).all()


def _joint(name: str, xy: tuple[float, float]) -> Callable[[Person], Person]:
    def spoil(one: Person) -> Person:
        one.joints_px[INDEX[name]] = xy
        return one

    return spoil


def _all(value: float) -> Callable[[Person], Person]:
    return lambda one: replace(one, joints_px=np.full((NUM_JOINTS, 2), value, np.float32))


@dataclass(frozen=True)
class Case:
    """What is done to the first of two people, what is counted, and what becomes of them and of the picture."""

    spoil: Callable[[Person], Person]
    counts: dict[Reason, int]
    people: int = 2
    boxes: int = 0
    negative_weight: float = 1.0


BOX = np.array([10, 20, 60, 90], np.float32)
CASES = {
    "nothing": Case(lambda one: one, {}),
    "a joint that is not a number": Case(_joint("r_knee", (np.nan, np.nan)), {Reason.JOINT_NAN: 1}),
    "half a joint": Case(_joint("r_knee", (5.0, np.nan)), {Reason.JOINT_NAN: 1}),
    "an infinite joint": Case(_joint("r_knee", (np.inf, 5.0)), {Reason.JOINT_NAN: 1}),
    "a joint far outside": Case(_joint("r_knee", (9000.0, 5.0)), {Reason.JOINT_FAR: 1}),
    "a joint a little outside is fine": Case(_joint("r_knee", (-40.0, 50.0)), {}),
    "nobody labelled a joint, but a box": Case(
        lambda one: replace(one, labelled=one.labelled & False, box_xyxy=BOX), {Reason.PERSON_EMPTY: 1}, people=1, boxes=1
    ),
    "no joint is a number, and no box": Case(
        _all(np.nan),
        {Reason.JOINT_NAN: len(NAMED), Reason.PERSON_EMPTY: 1, Reason.BOX: 1},
        people=1,
        negative_weight=SOME_LABELLED,
    ),
    "all joints on one spot, but a box": Case(
        lambda one: replace(_all(30.0)(one), box_xyxy=BOX), {Reason.PERSON_POINT: 1}, people=1, boxes=1
    ),
    "a box turned inside out": Case(
        lambda one: replace(one, labelled=one.labelled & False, box_xyxy=BOX[[2, 3, 0, 1]]),
        {Reason.PERSON_EMPTY: 1, Reason.BOX: 1},
        people=1,
        negative_weight=SOME_LABELLED,
    ),
    "a box beside the picture": Case(
        lambda one: replace(one, labelled=one.labelled & False, box_xyxy=BOX + 1000),
        {Reason.PERSON_EMPTY: 1, Reason.BOX: 1},
        people=1,
        negative_weight=SOME_LABELLED,
    ),
    "a box larger than the picture is cut": Case(
        lambda one: replace(one, labelled=one.labelled & False, box_xyxy=BOX * 100 - 2000),
        {Reason.PERSON_EMPTY: 1},
        people=1,
        boxes=1,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_cannot_be_right_is_left_out_and_counted(picture, case):
    tally = Tally()
    sample = build(picture, [case.spoil(raw()), raw(1)], tally)
    assert_contract(sample)
    assert dict(tally.counts) == case.counts
    assert (len(sample.people), len(sample.ignore_xyxy)) == (case.people, case.boxes)
    assert sample.negative_weight == case.negative_weight
    np.testing.assert_allclose(sample.people.joints_px[-1][INDEX["r_hip"]], raw(1).joints_px[INDEX["r_hip"]])


def test_a_body_that_cannot_be_right_leaves_its_2d_joints(picture):
    tally = Tally()
    one = raw(0, True)
    sample = build(picture, [replace(one, joints_cam_mm=one.joints_cam_mm * (1, 1, -1))], tally, camera=CAMERA)
    assert_contract(sample)
    assert (sample.people.weight_2d > 0).all() and (sample.people.weight_3d == 0).all()
    assert dict(tally.counts) == {Reason.BODY_BEHIND: 1}


def test_a_joint_outside_the_picture_is_labelled_but_not_seen(picture):
    one = raw()
    one.joints_px[INDEX["r_knee"]] = (50, SIZE[1] + 30)
    people = build(picture, [one], Tally()).people
    assert people.weight_2d[0, INDEX["r_knee"]] == 1 and not people.visible[0, INDEX["r_knee"]]


def test_pictures_that_cannot_be_used(tmp_path, picture):
    tally = Tally()
    (tmp_path / "bad.jpg").write_bytes(picture.read_bytes()[:500])
    assert build(tmp_path / "none.jpg", [raw()], tally) is None
    assert build(tmp_path / "bad.jpg", [raw()], tally) is None
    assert build(picture, [raw()], tally, size=(SIZE[1], SIZE[0])) is None
    assert build(picture, [], tally) is None
    assert build(picture, [], tally, keep_empty=True, complete=False) is None
    assert dict(tally.counts) == {
        Reason.PICTURE_MISSING: 1, Reason.PICTURE_CORRUPT: 1, Reason.PICTURE_SIZE: 1, Reason.PICTURE_EMPTY: 2,
    }  # fmt: skip
    background = build(picture, [], tally, keep_empty=True)
    assert_contract(background)
    assert len(background.people) == 0 and background.negative_weight == 1


def test_the_summary_names_every_reason_and_where_it_came_first():
    tally = Tally()
    assert tally.summary() == "left out: nothing"
    tally.add(Reason.JOINT_NAN, "a.jpg", 3)
    tally.add(Reason.JOINT_NAN, "b.jpg")
    tally.add(Reason.BOX, "c.jpg", 0)
    assert tally.summary().splitlines() == ["left out:", "         4 joint: not a number (first: a.jpg)"]
    assert tally.as_dict() == {"joint: not a number": 4}
