"""The list of takes: words for dates and people, and folders that cannot be read."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from xnect_lite.errors import XnectError
from xnect_lite.gui.takes_list import TakesList, card_words, day_words
from xnect_lite.runners.shelf import TakeCard

NOW = datetime(2026, 11, 28, 12)


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (datetime(2026, 11, 28, 9, 5), "09:05"),
        (datetime(2026, 11, 27, 23, 59), "yesterday"),
        (datetime(2026, 11, 21, 14), "21 Nov"),
        (datetime(2025, 2, 3, 14), "3 Feb 2025"),
        (None, ""),
    ],
)
def test_days_in_words(moment, words):
    assert day_words(moment, NOW) == words


@pytest.mark.parametrize(
    ("card", "words"),
    [
        (TakeCard(Path("a"), "a", datetime(2026, 11, 21), 3, 65.4), "21 Nov · 3 people · 1:05"),
        (TakeCard(Path("a"), "a", None, 0, 9.6), "nobody · 0:10"),
        (TakeCard(Path("a"), "a", None, 1, 9.6, is_finished=False), "not finished"),
        (TakeCard(Path("a"), "a", None, 1, 9.6, problem="take.json: broken"), "cannot be read"),
    ],
)
def test_a_take_in_words(card, words):
    assert card_words(card, NOW) == words


def test_a_folder_that_may_not_be_read_is_told_in_the_list(qtbot, keep, tmp_path, monkeypatch):
    def refuse(takes):
        raise XnectError(str(takes), "cannot be read (Permission denied)", "Choose another folder for takes")

    monkeypatch.setattr("xnect_lite.gui.takes_list.scan_takes", refuse)
    takes = keep(TakesList(tmp_path))
    with qtbot.waitSignal(takes.failed, timeout=20000):
        takes.refresh()
    assert "Choose another folder" in takes._words.text() and takes._layout.currentWidget() is takes._words
    takes.close_threads()
