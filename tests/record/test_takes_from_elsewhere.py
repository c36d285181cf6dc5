"""Takes that somebody else made: whatever is odd in them is said in one line, and nothing outside their folder is touched."""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from cases import ATTACKS, attacks, needs_cases
from test_take import killed, record

from xnect_lite.cli.main import main
from xnect_lite.errors import XnectError
from xnect_lite.record.take import export_take


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "t"
    record(folder, {n: (1, 2) for n in range(30)}).close()
    return folder


def refused_by_every_verb(folder: Path, capsys) -> str:
    """The line in which each verb refuses the take; they are the same."""
    lines = set()
    for words in (["show", folder], ["finish", folder], ["steadiness", folder], ["cut", folder, "1", "--at", "0.2"]):
        assert main(["take", *map(str, words)]) == 2
        out, error = capsys.readouterr()
        assert out == "" and error.count("\n") == 1 and len(error) < 500
        lines.add(error)
    assert len(lines) == 1
    return lines.pop()


ODD_INFO = [
    ("schema_version", "2"), ("min_person_s", "half a second"), ("min_person_s", float("inf")), ("fps", -1), ("size", [1, "2"]),
    ("focal_px", {}), ("bvh", [1]), ("bvh", {"fps": 0}), ("bvh", {"fps": 1e9}), ("bvh", {"up_cam": [0, 0, 0]}),
    ("bvh", {"up_cam": 5}), ("floor", {"up_cam": [1, 2]}), ("floor", 3), ("people", {"id": 1}), ("people", ["x"]),
    ("people", [{"id": [1]}]), ("people", [{"id": 10**30}]), ("edits", "none"), ("edits", [1]), ("job", "mine"), ("state", 5),
    ("source", ["\x1b[31m"]),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), ODD_INFO, ids=str)
def test_an_odd_value_in_take_json(whole, tmp_path, capsys, key, value):
    folder = shutil.copytree(whole, tmp_path / "t")
    info = json.loads((folder / "take.json").read_text())
    (folder / "take.json").write_text(json.dumps({**info, key: value}))
    line = refused_by_every_verb(folder, capsys)
    assert f"'{key}" in line and "Mend or remove the file" in line and "\x1b" not in line


ROWS, FRAMES = 60, 30
ODD_ARRAYS = [
    ("ids that are text", {"id": np.array(["a"] * ROWS)}, "id is"),
    ("ids that are fractions", {"id": np.full(ROWS, 1.5)}, "id is"),
    ("a negative id", {"id": np.full(ROWS, -3)}, "id holds a negative number"),
    ("a row too few", {"joints_px": np.zeros((ROWS - 1, 24, 2))}, "joints_px is"),
    ("a joint too many", {"joints_mm": np.zeros((ROWS, 25, 3))}, "joints_mm is"),
    ("a single number", {"t_s": np.float64(3)}, "t_s is"),
    ("no time at all", {"t_s": np.full(ROWS, np.nan)}, "t_s holds a time that cannot be"),
    ("a time after the end of days", {"every_frame_t_s": np.linspace(0, 1e300, FRAMES)}, "a time that cannot be"),
    ("complex numbers", {"rotations": np.zeros((ROWS, 21, 3, 3), complex)}, "rotations is"),
    ("no version", {"schema_version": np.zeros(0, int)}, "schema_version"),
]


@pytest.mark.parametrize(("case", "arrays", "words"), ODD_ARRAYS, ids=[o[0] for o in ODD_ARRAYS])
def test_an_odd_array_in_poses_npz(whole, tmp_path, capsys, case, arrays, words):
    folder = shutil.copytree(whole, tmp_path / "t")
    with np.load(folder / "poses.npz") as stored:
        np.savez(folder / "poses.npz", **{**stored, **arrays})
    assert words in refused_by_every_verb(folder, capsys)


def claims(rows: int) -> bytes:
    """An array's file that claims to be of so many rows and holds two."""
    data = io.BytesIO()
    np.lib.format.write_array_header_1_0(data, {"descr": "<f8", "fortran_order": False, "shape": (rows,)})
    return data.getvalue() + bytes(16)


@pytest.mark.parametrize(
    ("case", "member", "words"),
    [
        ("more than is there", claims(10**12), "no .npz file, or not a whole one"),
        ("more than any machine has", claims(10**19), "no .npz file, or not a whole one"),
        ("five gigabytes of zeros in five megabytes", None, "holds 5,0"),
    ],
)
def test_sizes_are_not_believed(whole, tmp_path, capsys, monkeypatch, case, member, words):
    """Nothing is unpacked: the program would be out of memory where it did, so its reading of arrays is watched, too."""
    folder = shutil.copytree(whole, tmp_path / "t")
    with zipfile.ZipFile(folder / "poses.npz", "a", zipfile.ZIP_DEFLATED) as file:
        if member is None:
            with file.open(zipfile.ZipInfo("more.npy"), "w", force_zip64=True) as large:
                large.write(claims(2))
        else:
            file.writestr("more.npy", member)
    if member is None:  # written so small, and said to be so large, that the test need not write gigabytes
        real = zipfile.ZipFile.infolist

        def infolist(self):
            infos = real(self)
            infos[-1].file_size = 5_000_000_000
            return infos

        monkeypatch.setattr(zipfile.ZipFile, "infolist", infolist)
    assert words in refused_by_every_verb(folder, capsys)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("name", ["take.json", "poses.npz", "poses.journal"])
def test_a_pipe_is_not_waited_for(tmp_path, capsys, name):
    folder = tmp_path / "t"
    folder.mkdir()
    os.mkfifo(folder / name)
    line = refused_by_every_verb(folder, capsys)
    assert "ordinary file" in line or "no .npz file" in line


@pytest.mark.parametrize("name", ["take.json", "poses.npz", "log.txt", "person01.bvh"])
@pytest.mark.parametrize("suffix", ["", ".tmp"])
def test_nothing_is_written_through_a_link(tmp_path, capsys, name, suffix):
    journal = killed(tmp_path / "t", {n: (1,) for n in range(40)})
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    link = journal.parent / (name + suffix)
    if name == "take.json" and not suffix:
        outside.write_text(link.read_text())
    before = outside.read_text()
    if name + suffix == "poses.npz":
        outside = tmp_path / "new.npz"  # poses.npz is made where it is missing
    link.unlink(missing_ok=True)
    link.symlink_to(outside)
    main(["take", "finish", str(journal.parent)])
    assert "Traceback" not in capsys.readouterr().err
    assert outside.read_text() == before if outside.exists() else not outside.is_symlink()
    assert name + suffix != "poses.npz" or not outside.exists()


def test_hours_for_seconds_are_refused_before_they_are_made(tmp_path):
    record(tmp_path / "t", {n: (1,) for n in range(40)}).close()
    with np.load(tmp_path / "t/poses.npz") as stored:
        times = stored["every_frame_t_s"].copy()
        times[-1] = 9e6
        np.savez(tmp_path / "t/poses.npz", **{**stored, "every_frame_t_s": times})
    with pytest.raises(XnectError, match=r"has 40 frames, but their times would make 270,000,000 frames"):
        export_take(tmp_path / "t")


def test_rotations_that_are_none_and_places_beyond_the_moon_count_as_missing(tmp_path):
    record(tmp_path / "t", {n: (1,) for n in range(40)}).close()
    with np.load(tmp_path / "t/poses.npz") as stored:
        changed = dict(stored)
    rng = np.random.default_rng(0)
    changed["rotations"] = rng.normal(size=changed["rotations"].shape) * 1e30
    changed["bone_lengths_mm"] = np.full_like(changed["bone_lengths_mm"], 1e38)
    changed["root_cam_mm"][5] = 1e30
    np.savez(tmp_path / "t/poses.npz", **changed)
    assert export_take(tmp_path / "t").people[0].file == "person01.bvh"


@needs_cases
@pytest.mark.parametrize("name", attacks("take_*") + attacks("journal_*"))
def test_takes_found_to_bring_it_down(name, tmp_path, capsys):
    folder = shutil.copytree(ATTACKS / name, tmp_path / "t", copy_function=shutil.copyfile)
    folder.chmod(0o755)
    for words in (["show"], ["steadiness"], ["finish"]):
        assert main(["take", *words, str(folder)]) in (0, 2)
        error = capsys.readouterr().err
        assert error.count("\n") <= 1 and len(error) < 500
