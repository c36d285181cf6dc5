"""Files in line, and how far one is."""

from __future__ import annotations

from pathlib import Path

import pytest

from xnect_lite.gui.processing import FileQueue, length_words, progress_words
from xnect_lite.runners.events import Progress
from xnect_lite.runners.file_run import FileJob

A, B, C = (FileJob(name, Path("takes")) for name in "abc")


def test_files_are_processed_one_after_the_other_and_counted():
    queue = FileQueue()
    assert queue.add([A, B]) is A and queue.count == 2
    assert queue.add([C]) is None and queue.count == 3
    assert (queue.finished(), queue.done) == (B, 1)
    assert (queue.finished(), queue.finished()) == (C, None)
    assert queue.count == 0 and queue.add([B]) is B


def test_what_waits_can_be_forgotten():
    queue = FileQueue()
    queue.add([A, B])
    queue.clear()
    assert queue.current is None and queue.finished() is None


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (Progress("a", 0, None, 0.0, None), "0 frames"),
        (Progress("a", 82, 230, 14.21, 10.6), "82 of 230 frames · 14.2 a second · 0:11 left"),
        (Progress("a", 82, None, 14.21, None), "82 frames · 14.2 a second"),
        (Progress("a", 230, 230, 14.2, 0.0), "230 frames · smoothing and writing files…"),
    ],
)
def test_progress_in_words(progress, words):
    assert progress_words(progress) == words


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0:00"), (71.4, "1:11"), (3599.6, "1 h 0 min"), (4000, "1 h 6 min")])
def test_lengths_in_words(seconds, words):
    assert length_words(seconds) == words
