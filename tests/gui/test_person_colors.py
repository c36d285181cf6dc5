"""Colours of people: kept, and never two alike in view."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xnect_lite.gui.person_colors import SLOTS, PersonColors, slot_color
from xnect_lite.record.painting import person_color


def test_all_colours_differ_and_the_first_are_those_of_overlay_videos():
    assert len({slot_color(slot) for slot in range(SLOTS)}) == SLOTS == 21
    assert [slot_color(n) for n in range(7)] == [person_color(n + 1) for n in range(7)]


@given(st.lists(st.sets(st.integers(1, 200), max_size=SLOTS), max_size=12))
def test_nobody_in_view_has_anothers_colour(scenes):
    colors = PersonColors()
    for ids in scenes:
        colors.see(ids)
        assert len({colors.of(i) for i in ids}) == len(ids)


def test_who_stays_in_view_keeps_the_colour():
    colors = PersonColors()
    colors.see([1, 2])
    before = colors.of(1), colors.of(2)
    colors.see([1, 2, 22, 23])  # of whose numbers come the same colours
    assert (colors.of(1), colors.of(2)) == before and len({colors.of(i) for i in (1, 2, 22, 23)}) == 4


def test_in_a_take_nobody_has_the_colour_of_somebody_they_meet():
    colors = PersonColors()
    meets = {1: {22, 3}, 22: {1}, 3: {1}, 24: set()}
    colors.see_all(meets)
    assert all(colors.of(a) != colors.of(b) for a, others in meets.items() for b in others)
    assert colors.of(24) == slot_color(2), "who meets nobody has the colour of the number"


def test_nobody_is_grey():
    assert PersonColors().of(0) == person_color(0)
