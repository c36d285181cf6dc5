"""CSV, JSON and NPZ, read by pandas, json and NumPy: what was recorded is there, in millimetres and pixels."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from people import walking_person
from recorded import record_walkers

from xnect_lite.record.export import ExportOptions, export_files
from xnect_lite.record.names import write_names
from xnect_lite.record.take_folder import load_take
from xnect_lite.skeleton import INDEX, JOINTS

GAP = range(20, 50)  # a second: not bridged


@pytest.fixture(scope="module")
def take(tmp_path_factory):
    folder = record_walkers(
        tmp_path_factory.mktemp("takes") / "t", {1: range(60), 4: [n for n in range(10, 60) if n not in GAP]}, 60
    )
    write_names(folder, {4: '=Ann, "A"'})
    return folder


def export(take, tmp_path, **options):
    return export_files(take, tmp_path / "out", ExportOptions(**options))


def truth_mm(identity: int, frames: np.ndarray) -> np.ndarray:
    """(F, 24, 3) as files have them: y up, z towards the camera, the toes on the floor."""
    joints_mm, root_mm = walking_person(frames / 30, start_cam_mm=(700.0 * identity, 4000.0), speed_m_s=0.5)
    return (joints_mm + root_mm[:, None] - (0, 1000.0, 0)) * (1, -1, -1)


def test_csv(take, tmp_path):
    export(take, tmp_path, formats=["csv"])
    table = pd.read_csv(tmp_path / "out" / "joints.csv")
    assert list(table.columns[:5]) == ["frame", "time_s", "id", "name", "presence"]
    assert len(table.columns) == 5 + 24 * 6
    first, second = table[table.id == 1], table[table.id == 4]
    assert len(first) == 60 and second.frame.tolist() == list(range(10, 60)), "from the first sight to the last"
    assert set(second.name) == {'\'=Ann, "A"'}, "no formula for a spreadsheet"
    held = second[second.frame.isin(GAP)]
    assert set(held.presence) == {"held"} and held.filter(regex="_mm|_px|score").isna().all(axis=None)
    seen = second[second.presence == "measured"]
    assert len(seen) == 20
    for joint in ("head_top", "l_hand", "nose"):
        columns = [f"{joint}_{axis}_mm" for axis in "xyz"]
        assert seen[columns].to_numpy() == pytest.approx(truth_mm(4, seen.frame.to_numpy())[:, INDEX[joint]], abs=2.0)
    toes = first[["l_toe_y_mm", "r_toe_y_mm"]].min(axis=1)
    assert toes.to_numpy() == pytest.approx(0, abs=2.0), "the floor is y = 0"
    stored = load_take(take)
    assert first.nose_x_px.to_numpy() == pytest.approx(stored.joints_px[stored.id == 1, INDEX["nose"], 0], abs=0.006)
    assert set(first.pelvis_score) == {0.75} and first.time_s.to_numpy() == pytest.approx(np.arange(60) / 30, abs=1e-6)


def test_json_says_the_same(take, tmp_path):
    export(take, tmp_path, formats=["csv", "json"])
    table = pd.read_csv(tmp_path / "out" / "joints.csv")
    written = json.loads((tmp_path / "out" / "joints.json").read_text())
    assert written["joints"] == list(JOINTS) and [p["id"] for p in written["people"]] == [1, 4]
    for person in written["people"]:
        rows = table[table.id == person["id"]]
        assert [f["frame"] for f in person["frames"]] == rows.frame.tolist()
        for joint in ("pelvis", "r_wrist"):
            values = np.array([f["points_mm"][INDEX[joint]] for f in person["frames"]], float)
            columns = [f"{joint}_{axis}_mm" for axis in "xyz"]
            np.testing.assert_allclose(values, rows[columns].to_numpy(), atol=0.011, equal_nan=True)


def test_npz_says_the_same(take, tmp_path):
    export(take, tmp_path, formats=["csv", "npz"])
    table = pd.read_csv(tmp_path / "out" / "joints.csv")
    with np.load(tmp_path / "out" / "joints.npz") as arrays:
        assert arrays["points_mm"].shape == (2, 60, 24, 3) and arrays["ids"].tolist() == [1, 4]
        assert arrays["presence"][1].tolist() == [0] * 10 + [1] * 10 + [3] * 30 + [1] * 10
        assert np.isnan(arrays["points_mm"][1, :10]).all()
        found = table[(table.id == 4) & (table.presence == "measured")]
        columns = [f"neck_{axis}_mm" for axis in "xyz"]
        np.testing.assert_allclose(arrays["points_mm"][1, found.frame, INDEX["neck"]], found[columns].to_numpy(), atol=0.01)


def test_another_frame_rate(take, tmp_path):
    export(take, tmp_path, formats=["csv"], fps=60.0, people=[1])
    table = pd.read_csv(tmp_path / "out" / "joints.csv")
    assert len(table) == 119 and set(table.id) == {1} and set(table.presence) == {"measured"}
    between = truth_mm(1, np.arange(119) / 2)[:, INDEX["pelvis"], 0]
    assert table.pelvis_x_mm.to_numpy() == pytest.approx(between, abs=2.0)


def test_an_excerpt_begins_with_its_own_frame_0(take, tmp_path):
    done = export(take, tmp_path, formats=["csv", "bvh"], in_s=1.0, out_s=1.5, people=[1])
    table = pd.read_csv(tmp_path / "out" / "joints.csv")
    assert table.frame.tolist() == list(range(16)) and table.time_s.iloc[0] == pytest.approx(1.0)
    assert "Frames: 16\n" in (done.folder / "person01.bvh").read_text()
