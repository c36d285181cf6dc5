"""Edits in place: what was recorded stays, steps are replayed, taken back and done again."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_edit import BROKEN, SWAPPED, column, make

from xnect_lite.errors import XnectError
from xnect_lite.record.edit import edit_in_place, free_id, redo_edit, undo_edit
from xnect_lite.record.names import names_of, write_names
from xnect_lite.record.steps import apply_step, apply_steps, step_problem, step_words
from xnect_lite.record.take_folder import load_take, read_info, write_info

SWAP = {"op": "swap", "one": 1, "other": 2, "from_s": 1.0}
NAME = {"op": "rename", "person": 2, "name": "Anna"}
DELETE = {"op": "delete", "person": 1}
TRIM = {"op": "trim", "from_s": 0.5, "to_s": 1.0}


def test_a_step_is_replayed_and_the_poses_stay_as_they_were_recorded(tmp_path):
    folder = make(tmp_path / "t", SWAPPED)
    poses = (folder / "poses.npz").read_bytes()
    edited = edit_in_place(load_take(folder), SWAP)
    assert [column(folder, m) for m in (0, 1)] == [{1}, {2}] == [set(edited.id[::2].tolist()), set(edited.id[1::2].tolist())]
    assert (folder / "poses.npz").read_bytes() == poses
    assert "swapped 1 and 2 from 1 s on" in (folder / "log.txt").read_text()


def test_steps_are_taken_back_and_done_again_one_by_one(tmp_path):
    folder = make(tmp_path / "t", SWAPPED)
    take = load_take(folder)
    for step in (SWAP, NAME, DELETE, TRIM):
        take = edit_in_place(take, step)
    assert (take.ids, take.names, len(take.every_frame_t_s)) == ([2], {2: "Anna"}, 6)
    assert len(undo_edit(folder).every_frame_t_s) == 20
    assert undo_edit(folder).ids == [1, 2]
    assert undo_edit(folder).names == {}
    assert undo_edit(folder).id.tolist() == load_take(folder, edited=False).id.tolist()
    with pytest.raises(XnectError, match="no edit to take back"):
        undo_edit(folder)
    assert redo_edit(folder).id.tolist() == [1, 2] * 20 and redo_edit(folder).names == {2: "Anna"}
    edit_in_place(load_take(folder), {"op": "rename", "person": 1, "name": "Bo"})
    with pytest.raises(XnectError, match="taken back"):
        redo_edit(folder)
    assert load_take(folder).names == {1: "Bo", 2: "Anna"}


REFUSED = [
    ("nobody of that number", DELETE | {"person": 7}, "no person 7"),
    ("a swap after the last frame", SWAP | {"from_s": 99999}, "not in view from 99999"),
    ("a swap from no number on", SWAP | {"from_s": float("nan")}, "from_s nan"),
    ("a cut where the person is not", {"op": "cut", "person": 1, "at_s": 5.0, "new": 3}, "not on both sides"),
    ("a cut to an id that is taken", {"op": "cut", "person": 1, "at_s": 1.0, "new": 2}, "no free id"),
    ("a trim to nothing", TRIM | {"from_s": 1.01, "to_s": 1.09}, "has no frame"),
    ("a trim the wrong way round", TRIM | {"from_s": 1.0, "to_s": 0.5}, "has no frame"),
    ("a merge of two who are both there", {"op": "merge", "into": 1, "other": 2}, "both in view"),
    ("a name of control characters", NAME | {"name": "a\x1bb"}, "not printable"),
    ("an operation from elsewhere", {"op": "system", "name": "x"}, "no known edit"),
]


@pytest.mark.parametrize(("case", "step", "words"), REFUSED, ids=[c[0] for c in REFUSED])
def test_what_cannot_be_is_refused_and_nothing_is_written(tmp_path, case, step, words):
    folder = make(tmp_path / "t", SWAPPED)
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(XnectError, match=words):
        edit_in_place(load_take(folder), step)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_a_take_that_somebody_else_edited_meanwhile_is_not_edited_blindly(tmp_path):
    folder = make(tmp_path / "t", SWAPPED)
    ours, theirs = load_take(folder), load_take(folder)
    edit_in_place(theirs, NAME)
    with pytest.raises(XnectError, match="edited elsewhere"):
        edit_in_place(ours, DELETE)


def test_names_are_the_persons_through_every_edit(tmp_path):
    folder = make(tmp_path / "t", BROKEN)
    write_names(folder, {3: "Anna"})
    assert names_of(read_info(folder)) == load_take(folder).names == {3: "Anna"}
    merged = apply_step(load_take(folder), {"op": "merge", "into": 1, "other": 3})
    assert merged.names == {1: "Anna"}, "who had no name takes that of the other half"
    assert apply_step(merged, {"op": "rename", "person": 1, "name": "  "}).names == {}


def test_a_number_is_never_given_again(tmp_path):
    folder = make(tmp_path / "t", BROKEN)
    take = edit_in_place(load_take(folder), {"op": "delete", "person": 3})
    assert free_id(take) == 4
    take = edit_in_place(take, {"op": "cut", "person": 2, "at_s": 1.0, "new": 4})
    assert free_id(undo_edit(folder)) == 5


def test_a_damaged_step_is_told_with_the_file(tmp_path):
    folder = make(tmp_path / "t", SWAPPED)
    write_info(folder, read_info(folder) | {"steps": [DELETE, DELETE]})
    with pytest.raises(XnectError, match=r"take\.json.*edit that cannot be"):
        load_take(folder)
    (folder / "take.json").write_text(json.dumps(read_info(folder) | {"steps": [{"op": "delete", "person": "x"}]}))
    with pytest.raises(XnectError, match=r"take\.json.*steps"):
        load_take(folder)


def test_every_step_has_words():
    for step in (
        SWAP,
        NAME,
        DELETE,
        TRIM,
        {"op": "cut", "person": 1, "at_s": 1, "new": 2},
        {"op": "merge", "into": 1, "other": 2},
    ):
        assert not step_problem(step) and step_words(step)


@pytest.fixture(scope="module")
def swapped(tmp_path_factory):
    return load_take(make(tmp_path_factory.mktemp("takes") / "t", SWAPPED))


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.floats(0, 1.9)), max_size=6))
def test_swaps_done_twice_change_nothing(swapped, swaps):
    steps = [SWAP | {"one": one, "other": 3 - one, "from_s": from_s} for one, from_s in swaps]
    there_and_back = apply_steps(swapped, [*steps, *reversed(steps)])
    np.testing.assert_array_equal(there_and_back.id, swapped.id)
