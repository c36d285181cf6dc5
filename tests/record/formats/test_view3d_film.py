"""The video of the 3D view: as long as the take, people in their colours where they are, nobody where nobody is."""

from __future__ import annotations

import av
import numpy as np
import pytest
from recorded import record_walkers

from xnect_lite.record.export import ExportOptions, export_files
from xnect_lite.record.painting import person_color


def test_view3d(tmp_path):
    folder = record_walkers(tmp_path / "t", {1: range(30), 2: range(12, 30)}, 30)
    path = export_files(folder, tmp_path / "out", ExportOptions(formats=["video"])).files[0]
    with av.open(str(path)) as file:
        pictures = [p.to_ndarray(format="rgb24") for p in file.decode(video=0)]
        assert file.streams.video[0].average_rate == pytest.approx(30, abs=0.1)
    assert len(pictures) == 30 and pictures[0].shape == (720, 1280, 3)

    def where(picture: np.ndarray, identity: int) -> np.ndarray:
        return np.argwhere(np.abs(picture.astype(int) - person_color(identity)).max(axis=2) < 60)

    assert len(where(pictures[5], 1)) > 500 and len(where(pictures[20], 2)) > 500
    assert len(where(pictures[5], 2)) < 100, "not there yet"
    assert where(pictures[20], 1)[:, 1].mean() < where(pictures[20], 2)[:, 1].mean(), "1 walks to the left of 2"
    rows = where(pictures[20], 1)[:, 0]
    assert np.ptp(rows) > 200, "somebody of a size that can be seen"
