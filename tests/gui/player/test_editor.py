"""Edits of an open take: each is kept at once, can be taken back, and is refused where it cannot be."""

from __future__ import annotations

import shutil

import pytest
from take_fakes import make_take

from xnect_lite.errors import XnectError
from xnect_lite.gui.player.editor import TakeEditor
from xnect_lite.record.take_folder import load_take

ALL = set(range(40))


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_take(tmp_path_factory.mktemp("takes") / "t", {1: ALL, 2: set(range(20)), 3: set(range(25, 40))})


@pytest.fixture
def editor(original, tmp_path):
    shutil.copytree(original, tmp_path / "t")
    return TakeEditor(tmp_path / "t")


def _frames_of(take, identity):
    return sorted(take.frame_index[take.id == identity].tolist())


@pytest.mark.parametrize(
    ("edit", "ids", "words"),
    [
        (lambda e: e.swap(1, 2, 0.4), [1, 2, 3], "swapped 1 and 2 from 0.4 s on"),
        (lambda e: e.merge(2, 3), [1, 2], "merged 3 into 2"),
        (lambda e: e.cut(1, 0.8), [1, 2, 4, 3], "cut 1 at 0.8 s; 4 from there on"),
        (lambda e: e.rename(1, "Anna"), [1, 2, 3], "named 1 Anna"),
        (lambda e: e.delete(3), [1, 2], "deleted 3"),
        (lambda e: e.trim(0.0, 0.5), [1, 2], "trimmed to 0 .. 0.5 s"),
    ],
)
def test_every_edit_is_kept_and_can_be_taken_back_and_done_again(editor, edit, ids, words):
    before = editor.take
    edit(editor)
    assert editor.take.ids == ids == load_take(editor.folder).ids
    assert editor.undo_words == words and editor.is_stale
    editor.undo()
    assert editor.take.ids == before.ids and editor.take.names == before.names
    assert (editor.undo_words, editor.redo_words) == ("", words)
    assert not editor.is_stale, "its files are those of the take again"
    editor.redo()
    assert editor.take.ids == ids and not editor.redo_words


def test_a_merge_keeps_the_frames_of_both(editor):
    editor.merge(2, 3)
    assert _frames_of(editor.take, 2) == [*range(20), *range(25, 40)]


@pytest.mark.parametrize(
    "edit",
    [
        lambda e: e.merge(1, 2),  # both in view at once
        lambda e: e.swap(1, 9, 0.0),
        lambda e: e.cut(1, 99.0),
        lambda e: e.rename(1, "a\x00b"),
        lambda e: e.trim(50.0, 60.0),
    ],
)
def test_what_cannot_be_changes_nothing(editor, edit):
    before = editor.take
    with pytest.raises(XnectError):
        edit(editor)
    assert editor.take is before and not editor.is_stale and not editor.undo_words


def test_an_edit_made_elsewhere_meanwhile_is_never_overwritten(editor):
    other = TakeEditor(editor.folder)
    other.delete(3)
    assert editor.is_changed_elsewhere
    for edit in (lambda: editor.delete(2), lambda: editor.undo(), lambda: editor.redo()):
        with pytest.raises(XnectError, match="elsewhere"):
            edit()
    editor.reload()
    editor.delete(2)
    assert load_take(editor.folder).ids == [1]
