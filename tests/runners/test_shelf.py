"""Takes at a glance: what lies in a folder, of which film, and its picture."""

from __future__ import annotations

import os
from datetime import datetime

import pytest
from take_fakes import make_film, make_take

from xnect_lite.errors import XnectError
from xnect_lite.record.take_folder import INFO_FILE, read_info
from xnect_lite.runners.shelf import film_of, scan_takes, thumbnail


@pytest.fixture
def takes(tmp_path):
    folder = tmp_path / "takes"
    film = make_film(tmp_path / "film.mp4", frames=10)
    make_take(folder / "2026-11-21_14-03-22_dance_hall", {1: set(range(10)), 2: set(range(10))}, 10, film)
    make_take(folder / "2026-11-22_08-00-00", {1: set(range(10))}, 10)
    (folder / "2026-11-23_08-00-00_broken").mkdir()
    (folder / "2026-11-23_08-00-00_broken" / INFO_FILE).write_text("{")
    (folder / "no take").mkdir()
    return folder


def test_takes_are_listed_the_newest_first(takes):
    cards = scan_takes(takes)
    assert [(c.title, c.people, c.started) for c in cards] == [
        ("broken", 0, datetime(2026, 11, 23, 8)),
        ("take", 1, datetime(2026, 11, 22, 8)),
        ("dance hall", 2, datetime(2026, 11, 21, 14, 3, 22)),
    ]
    assert "cannot be read" in cards[0].problem and not cards[1].problem
    assert cards[2].duration_s == pytest.approx(9 / 25)


def test_a_folder_that_is_not_there_is_empty_and_one_that_may_not_be_read_is_told(tmp_path, monkeypatch):
    assert scan_takes(tmp_path / "none") == []

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(XnectError, match="Choose another folder for takes"):
        scan_takes(tmp_path)


def test_the_film_is_the_one_recorded_else_the_file_processed_else_the_overlay(takes, tmp_path):
    folder = takes / "2026-11-21_14-03-22_dance_hall"
    assert film_of(folder, read_info(folder)).path == tmp_path / "film.mp4"
    (tmp_path / "film.mp4").rename(tmp_path / "gone")
    lost = film_of(folder, read_info(folder))
    assert lost.path is None and lost.missing == str(tmp_path / "film.mp4")
    (folder / "overlay.mp4").touch()
    drawn = film_of(folder, read_info(folder))
    assert drawn.path == folder / "overlay.mp4" and drawn.is_drawn
    (folder / "video.mp4").touch()
    assert film_of(folder, read_info(folder)).path == folder / "video.mp4"


def test_a_picture_is_made_once_and_kept(takes, tmp_path):
    folder, cache = takes / "2026-11-21_14-03-22_dance_hall", tmp_path / "cache"
    picture = thumbnail(folder, cache)
    assert picture.shape == (108, 192, 3) and 28 <= picture.mean() <= 40  # an early frame of the film
    (tmp_path / "film.mp4").rename(tmp_path / "gone")
    assert thumbnail(folder, cache) is not None and thumbnail(folder) is None
    assert thumbnail(takes / "2026-11-22_08-00-00", cache) is None, "a take without a film"
