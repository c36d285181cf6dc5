"""Swapping, merging and cutting the people of a take, from Python and from the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import walking_person

from xnect_lite.cli.main import main
from xnect_lite.errors import XnectError
from xnect_lite.record.edit import cut_id, edit_take, merge_ids, swap_ids
from xnect_lite.record.take import TakeRecorder, load_take
from xnect_lite.types import Frame, People, PoseResult

FPS = 10.0


def make(folder: Path, ids_of_frame: list[tuple[int, ...]]) -> Path:
    """A take in which the person in row r walks around x = r metres, whatever the id."""
    with TakeRecorder(folder, source="a film", fps=FPS) as recorder:
        for number, ids in enumerate(ids_of_frame):
            t_s = number / FPS
            people = People.empty(len(ids))
            for row, identity in enumerate(ids):
                mm, root = walking_person(np.array([t_s]), start_cam_mm=(1000.0 * row, 4000.0))
                people.joints_mm[row], people.root_cam_mm[row], people.ids[row] = mm[0], root[0], identity
            recorder.add(PoseResult(Frame(np.zeros((48, 64, 3), np.uint8), t_s, number), people, focal_px=64.0))
    return folder


SWAPPED = [(1, 2)] * 10 + [(2, 1)] * 10  # from frame 10 on, the tracker had them the wrong way round
BROKEN = [(1, 2)] * 10 + [(3, 2)] * 10  # one person under two ids
MIXED = [(1,)] * 20  # two people under one id


def column(folder: Path, metres: int) -> set[int]:
    """The ids of whoever walks around x = ``metres``."""
    take = load_take(folder)
    return set(take.id[np.abs(take.root_cam_mm[:, 0] - 1000 * metres) < 400].tolist())


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


CASES = [
    ("a swap", SWAPPED, lambda take: swap_ids(take, 1, 2, 1.0), [{1}, {2}]),
    ("a swap of everything", SWAPPED, lambda take: swap_ids(take, 1, 2), [{1, 2}, {1, 2}]),
    ("a merge", BROKEN, lambda take: merge_ids(take, 1, 3), [{1}, {2}]),
    ("a merge the other way", BROKEN, lambda take: merge_ids(take, 3, 1), [{3}, {2}]),
    ("a cut", MIXED, lambda take: cut_id(take, 1, 1.0), [{1, 2}]),
]


@pytest.mark.parametrize(("case", "frames", "edit", "columns"), CASES, ids=[c[0] for c in CASES])
def test_edits_make_a_new_take_and_leave_the_old_one_alone(tmp_path, case, frames, edit, columns):
    old = make(tmp_path / "2026-11-21_10-00-00_dance", frames)
    before = contents(old)
    summary = edit_take(old, edit, case)
    assert contents(old) == before
    assert summary.folder.parent == tmp_path and summary.folder.name.endswith("_dance_edited")
    assert [column(summary.folder, m) for m in range(len(columns))] == columns
    new, was = load_take(summary.folder), load_take(old)
    np.testing.assert_array_equal(new.joints_mm, was.joints_mm)
    np.testing.assert_array_equal(new.every_frame_t_s, was.every_frame_t_s)
    assert len(list(summary.folder.glob("person*.bvh"))) == len(new.ids)
    assert new.info["edits"] == [{"from": str(old), "edit": case}] and new.info["source"] == "a film"


def test_edits_add_up_and_a_second_swap_undoes_the_first(tmp_path):
    old = make(tmp_path / "t", SWAPPED)
    once = edit_take(old, lambda t: swap_ids(t, 1, 2, 1.0), "first", tmp_path / "a").folder
    twice = edit_take(once, lambda t: swap_ids(t, 1, 2, 1.0), "second", tmp_path / "b").folder
    np.testing.assert_array_equal(load_take(twice).id, load_take(old).id)
    assert [e["edit"] for e in load_take(twice).info["edits"]] == ["first", "second"]
    assert (twice / "person01.bvh").read_bytes() == (old / "person01.bvh").read_bytes()


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda t: swap_ids(t, 1, 9), "has no person 9. Its people are: 1, 2"),
        (lambda t: swap_ids(t, 1, 1), "is named twice"),
        (lambda t: merge_ids(t, 1, 2), "both in view in 20 frames, first at 0.00 s"),
        (lambda t: cut_id(t, 1, 0.0), "in view from 0.00 to 1.90 s"),
        (lambda t: cut_id(t, 1, 5.0), "in view from 0.00 to 1.90 s"),
    ],
    ids=["unknown", "same", "both in view", "cut before", "cut after"],
)
def test_edits_that_cannot_be(tmp_path, edit, words):
    old = make(tmp_path / "t", SWAPPED)
    with pytest.raises(XnectError, match=words.replace(".", r"\.")):
        edit_take(old, edit, "no", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_take_is_not_written_over(tmp_path):
    old = make(tmp_path / "t", SWAPPED)
    with pytest.raises(XnectError, match="exists already"):
        edit_take(old, lambda t: t, "no", old)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["swap", "merge", "cut"]), st.integers(1, 5), st.integers(1, 5), st.floats(0, 2))))
def test_whatever_is_done_no_frame_holds_an_id_twice(tmp_path_factory, edits):
    take = load_take(make(tmp_path_factory.mktemp("t") / "t", BROKEN))
    for kind, one, other, time_s in edits:
        try:
            if kind == "swap":
                take = swap_ids(take, one, other, time_s)
            elif kind == "merge":
                take = merge_ids(take, one, other)
            else:
                take = cut_id(take, one, time_s)
        except XnectError:
            continue
        pairs = list(zip(take.frame_index.tolist(), take.id.tolist(), strict=True))
        assert len(set(pairs)) == len(pairs) and (take.id > 0).all()


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "xnect_lite.cli", *map(str, arguments)],
        capture_output=True, text=True, timeout=180, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def test_from_the_command_line(tmp_path):
    old = make(tmp_path / "t", BROKEN)
    listed = json.loads(run("take", "show", old, "--json").stdout)
    assert [(p["id"], p["frames"], p["file"]) for p in listed] == [
        (1, 10, "person01.bvh"), (2, 20, "person02.bvh"), (3, 10, "person03.bvh")
    ]  # fmt: skip
    done = run("take", "merge", old, 1, 3, "-o", tmp_path / "new", "--json")
    assert done.returncode == 0, done.stderr
    assert [(p["id"], p["frames"]) for p in json.loads(done.stdout)["people"]] == [(1, 20), (2, 20)]
    assert "person02.bvh" in run("take", "show", tmp_path / "new").stdout
    for arguments in (("take", "swap", old, 1, 9), ("take", "cut", tmp_path, 1, "--at", 1), ("take", "merge", old, 1, 2)):
        done = run(*arguments)
        assert done.returncode == 2 and "Traceback" not in done.stderr and len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("from_s", "words"), [(99999.0, "are not in view from"), (float("nan"), "from_s nan"), (float("inf"), "from_s inf")]
)
def test_a_swap_of_nothing_is_refused(tmp_path, capsys, from_s, words):
    folder = make(tmp_path / "t", SWAPPED)
    before = {path.name for path in tmp_path.iterdir()}
    assert main(["take", "swap", str(folder), "1", "2", "--from", str(from_s)]) == 2
    assert words in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == before, "no take is made"


WISHES = [
    ("what is cut off somebody wished for", ["cut", "2", "--at", "1.5"], {"person02.bvh", "person04.bvh"}),
    ("what is cut off somebody else", ["cut", "1", "--at", "1.5"], {"person02.bvh"}),
    ("somebody wished for who turns out to be another", ["merge", "3", "2"], {"person03.bvh"}),
]


@pytest.mark.parametrize("in_place", [True, False], ids=["in place", "new folder"])
@pytest.mark.parametrize(("case", "edit", "files"), WISHES, ids=[w[0] for w in WISHES])
def test_the_wish_for_people_follows_edits(tmp_path, case, edit, files, in_place):
    """2 was recorded with --people 2; nothing of them goes without a file because ids were mended."""
    folder = make(tmp_path / "t", [(1, 2)] * 30 + [(1, 3)] * 10)
    info = json.loads((folder / "take.json").read_text())
    (folder / "take.json").write_text(json.dumps({**info, "wanted": [2]}))
    out = folder if in_place else tmp_path / "new"
    assert main(["take", edit[0], str(folder), *edit[1:], *(["--in-place"] if in_place else ["-o", str(out)])]) == 0
    assert {path.name for path in out.glob("*.bvh")} == files
    if in_place:
        assert main(["take", "undo", str(folder)]) == 0
        assert {path.name for path in out.glob("*.bvh")} == {"person02.bvh"}
