"""Which frames are measured, bridged, held, and who is not there: scenes of ten frames a second, counted by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnect_lite.errors import XnectError
from xnect_lite.record.presence import GapRule, Presence, counts, presence_of, spans
from xnect_lite.record.take_folder import Take
from xnect_lite.types import NUM_TREE_JOINTS

A, M, B, H = Presence


def take_of(seen: dict[int, list[int]], frames: int, far: tuple[int, ...] = (), fps: float = 10.0, bvh=None) -> Take:
    """A take in which person i stands in frames ``seen[i]``, ten metres aside in the frames ``far``."""
    rows = [(frame, identity) for identity, found in seen.items() for frame in found]
    number, ids = (np.array(column, int) for column in zip(*rows, strict=True))
    root = np.where(np.isin(number, far)[:, None], [10_000.0, 0.0, 4000.0], [0.0, 0.0, 4000.0])
    count = len(rows)
    return Take(
        Path("-"), {"bvh": bvh or {}}, np.arange(frames) / fps, np.arange(frames), number / fps, number, ids,
        np.ones(count), np.zeros((count, 24, 2)), np.ones((count, 24)), np.ones((count, 24, 3)), root,
        np.full((count, NUM_TREE_JOINTS, 3, 3), np.nan), np.full((count, 24), np.nan), np.zeros((count, 2), bool),
    )  # fmt: skip


CASES = [
    ("seen all the time", [0, 1, 2, 3], 4, (), [M, M, M, M]),
    ("late, and gone early", [2, 3], 6, (), [A, A, M, M, A, A]),
    ("away for less than half a second", [0, 1, 5], 6, (), [M, M, B, B, B, M]),
    ("away for exactly half a second", [0, 5], 6, (), [M, B, B, B, B, M]),
    ("away for longer", [0, 6], 7, (), [M, H, H, H, H, H, M]),
    ("away for a moment, and back ten metres off", [0, 3], 4, (3,), [M, H, H, M]),
    ("seen once", [1], 3, (), [A, M, A]),
]


@pytest.mark.parametrize(("case", "seen", "frames", "far", "expected"), CASES, ids=[c[0] for c in CASES])
def test_presence(case, seen, frames, far, expected):
    assert presence_of(take_of({2: seen}, frames, far))[2].tolist() == expected


def test_everybody_has_one_value_for_each_frame_whatever_the_others_do():
    found = presence_of(take_of({2: [0, 1], 5: [3]}, 4))
    assert {i: (p.dtype, p.tolist()) for i, p in found.items()} == {2: (np.uint8, [M, M, A, A]), 5: (np.uint8, [A, A, A, M])}


def test_the_gap_rule_of_the_take_or_another_decides():
    away = take_of({1: [0, 9]}, 10, bvh={"max_gap_s": 0.5, "gaps": "hide"})
    assert presence_of(away)[1].tolist() == [M, *[A] * 8, M], "hidden people are not there"
    assert presence_of(away, rule="hold")[1].tolist() == [M, *[H] * 8, M]
    assert presence_of(away, rule=GapRule.CUT)[1].tolist() == [M, *[A] * 8, M]
    assert presence_of(away, max_gap_s=1.0)[1].tolist() == [M, *[B] * 8, M]
    with pytest.raises(XnectError, match="ease, hold, cut, hide"):
        presence_of(away, rule="jump")


def test_rows_that_were_filled_in_later_are_bridged_and_rows_without_a_pose_are_not_measured():
    take = take_of({1: [0, 1, 2, 3]}, 4)
    take.bridged[1] = True
    take.joints_mm[2], take.root_cam_mm[2] = np.nan, np.nan
    assert presence_of(take)[1].tolist() == [M, B, B, M]


def test_who_never_had_a_3d_pose_is_measured_where_they_were_seen():
    take = take_of({1: [1, 2]}, 4)
    take.joints_mm[:], take.root_cam_mm[:] = np.nan, np.nan
    assert presence_of(take)[1].tolist() == [A, M, M, A]


def test_spans_and_counts():
    presence = np.array([A, M, M, B, M, H, H], np.uint8)
    assert spans(presence) == [(0, 0, A), (1, 2, M), (3, 3, B), (4, 4, M), (5, 6, H)] and spans(presence[:0]) == []
    assert counts(presence) == {"absent": 1, "measured": 3, "bridged": 1, "held": 2}


@given(st.sets(st.integers(0, 40), min_size=1), st.sampled_from(list(GapRule)))
def test_measured_frames_are_those_that_were_seen_and_nobody_is_there_outside(seen, rule):
    found = presence_of(take_of({1: sorted(seen)}, 41), rule=rule)[1]
    assert set(np.flatnonzero(found == M).tolist()) == seen
    assert (found[: min(seen)] == A).all() and (found[max(seen) + 1 :] == A).all()
    assert [s.first for s in spans(found)][1:] == [s.last + 1 for s in spans(found)][:-1], "spans leave nothing out"
