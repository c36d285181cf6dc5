"""TRC by the rules of OpenSim's reader, and by OpenSim itself where it is installed; C3D by ezc3d and by another reader."""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import c3d
import numpy as np
import pytest
from recorded import record_walkers

ezc3d = pytest.importorskip("ezc3d")

from xnect_lite.record.export import ExportOptions, export_files  # noqa: E402
from xnect_lite.record.formats.markers import MARKERS  # noqa: E402

GAP = range(20, 50)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("takes")
    record_walkers(folder / "t", {1: range(60), 4: [n for n in range(60) if n not in GAP]}, 60)
    export_files(folder / "t", folder / "out", ExportOptions(formats=["trc", "c3d", "npz"]))
    return folder / "out"


def truth_mm(files: Path, person: int) -> np.ndarray:
    with np.load(files / "joints.npz") as arrays:
        return arrays["points_mm"][arrays["ids"].tolist().index(person)]


def read_trc(path: Path) -> tuple[list[str], np.ndarray, dict[str, str]]:
    """As OpenSim's TRCFileAdapter: six header lines, tabs, blank fields are NaN, one at the very end is overlooked."""
    lines = path.read_text().split("\n")
    assert lines[0].split("\t")[:3] == ["PathFileType", "4", "(X/Y/Z)"]
    facts = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True))
    labels = [word for word in lines[3].split("\t") if word]
    assert labels[:2] == ["Frame#", "Time"] and lines[5] == ""
    axes = [word for word in lines[4].split("\t") if word]
    assert axes == [f"{axis}{n}" for n in range(1, len(labels) - 1) for axis in "XYZ"]
    rows = [line.removesuffix("\t").split("\t") for line in lines[6:] if line]
    assert {len(row) for row in rows} == {2 + 3 * int(facts["NumMarkers"])} and len(rows) == int(facts["NumFrames"])
    values = np.array([[float(word) if word else np.nan for word in row] for row in rows])
    assert values[:, 0].tolist() == list(range(1, len(rows) + 1))
    np.testing.assert_allclose(values[:, 1], np.arange(len(rows)) / float(facts["DataRate"]), atol=1e-6)
    return labels[2:], values[:, 2:].reshape(len(rows), -1, 3), facts


@pytest.mark.parametrize("person", [1, 4])
def test_trc(files, person):
    labels, values, facts = read_trc(files / f"person{person:02d}.trc")
    assert labels == MARKERS and facts["Units"] == "mm" and float(facts["DataRate"]) == 30
    np.testing.assert_allclose(values, truth_mm(files, person), atol=0.01, equal_nan=True)
    missing = np.isnan(values).all(axis=(1, 2))
    assert missing.tolist() == [person == 4 and n in GAP for n in range(60)], "what was not seen is a blank field"


OPENSIM = os.environ.get("XNECT_OPENSIM_PYTHON") or (sys.executable if importlib.util.find_spec("opensim") else "")
BY_OPENSIM = """
import json, opensim, sys
table = opensim.TimeSeriesTableVec3(sys.argv[1])
rows = [table.getRowAtIndex(n) for n in range(table.getNumRows())]
values = [[[row.getElt(0, m)[i] for i in range(3)] for m in range(row.ncol())] for row in rows]
print(json.dumps([list(table.getColumnLabels()), values]))
"""


@pytest.mark.skipif(not OPENSIM, reason="needs XNECT_OPENSIM_PYTHON, a Python with opensim")
@pytest.mark.parametrize("person", [1, 4])
def test_trc_by_opensim(files, person):
    run = subprocess.run([OPENSIM, "-c", BY_OPENSIM, str(files / f"person{person:02d}.trc")], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    labels, values = json.loads(run.stdout.splitlines()[-1])
    assert labels == MARKERS
    np.testing.assert_allclose(np.array(values), truth_mm(files, person), atol=0.01, equal_nan=True)


@pytest.mark.parametrize("person", [1, 4])
def test_c3d_by_ezc3d(files, person):
    read = ezc3d.c3d(str(files / f"person{person:02d}.c3d"))
    point = read["parameters"]["POINT"]
    assert point["LABELS"]["value"] == MARKERS and point["UNITS"]["value"] == ["mm"] and point["RATE"]["value"][0] == 30
    np.testing.assert_allclose(read["data"]["points"][:3].T, truth_mm(files, person), atol=0.01, equal_nan=True)


@pytest.mark.parametrize("person", [1, 4])
def test_c3d_by_another_reader(files, person):
    with open(files / f"person{person:02d}.c3d", "rb") as file:
        reader = c3d.Reader(file)
        assert [label.strip() for label in reader.point_labels] == MARKERS and reader.point_rate == 30
        frames = np.array([points for _, points, _ in reader.read_frames()])
    truth = truth_mm(files, person)
    seen = frames[..., 3] >= 0
    assert seen.any(axis=1).tolist() == [not (person == 4 and n in GAP) for n in range(60)], "missing markers say so"
    np.testing.assert_allclose(frames[..., :3][seen], truth[seen], atol=0.01)


def test_a_c3d_leaves_nothing_in_memory(tmp_path):
    """ezc3d's own writer loses 56 bytes per marker and frame: of 60 frames of one person, 80 kB with every export."""
    record_walkers(tmp_path / "t", {1: range(60)}, 60)

    def export() -> int:
        export_files(tmp_path / "t", tmp_path / "out", ExportOptions(formats=["c3d"]))
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    export()
    tracemalloc.start()
    try:
        before = export()
        assert export() - before < 40_000
    finally:
        tracemalloc.stop()
