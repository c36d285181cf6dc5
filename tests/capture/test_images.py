"""Pictures in files: their order, gaps, folders without any."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from played_pictures import write_pictures

from xnect_lite.capture import natural_order, open_source
from xnect_lite.errors import XnectError


def test_pictures_are_sorted_with_numbers_counted():
    names = ["f10.png", "f2.png", "f1.png", "a.png"]
    assert [p.name for p in natural_order([Path(n) for n in names])] == ["a.png", "f1.png", "f2.png", "f10.png"]


def test_an_unreadable_picture_leaves_a_gap(tmp_path: Path):
    folder = write_pictures(tmp_path / "take", 4)
    (folder / "frame_1.png").write_bytes(b"broken")
    (folder / "notes.txt").write_text("not a picture")
    with open_source(folder) as source:
        frames = list(source)
        assert [f.index for f in frames] == [0, 2, 3]
        np.testing.assert_allclose([f.t_s for f in frames], [0, 2 / 30, 3 / 30])
        assert "frame_1.png" in (source.warning or "")


def test_one_picture_is_a_source_of_one_frame(tmp_path: Path):
    folder = write_pictures(tmp_path / "take", 1)
    with open_source(folder / "frame_0.png") as source:
        assert len(list(source)) == 1


@pytest.mark.parametrize("spec", ["", "*.png"])
def test_folder_or_pattern_without_pictures(tmp_path: Path, spec):
    with pytest.raises(XnectError, match="no picture"):
        open_source(tmp_path / spec)
