"""``xnect-lite take`` on what a killed program left behind, at whatever moment it was killed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from test_take import killed, record, result

from xnect_lite.camera.floor import up_from_angles
from xnect_lite.cli.main import main
from xnect_lite.record.take_folder import write_info
from xnect_lite.types import Floor


def leave(folder: Path, moment: str) -> Path:
    """A take folder as a program leaves it that is killed at this ``moment``."""
    journal = killed(folder, {n: (1, 2) for n in range(40)} if moment == "in the middle" else {})
    if moment == "before take.json":
        (folder / "take.json").unlink()
        (folder / "log.txt").unlink()
    elif moment == "before the journal's header":
        (folder / "take.json").unlink()
        journal.write_bytes(b"")
    return folder


@pytest.mark.parametrize("moment", ["before the journal's header", "before take.json", "before the first frame"])
@pytest.mark.parametrize("action", ["show", "finish"])
def test_a_take_without_a_frame_is_said_to_be_one(tmp_path, capsys, action, moment):
    folder = leave(tmp_path / "t", moment)
    before = {path.name for path in folder.iterdir()}
    assert main(["take", action, str(folder)]) == 2
    out, error = capsys.readouterr()
    assert out == "" and error == f"{folder}: holds no frames: its program ended before the first one. Remove the folder\n"
    assert {path.name for path in folder.iterdir()} == before


def test_a_take_that_was_cut_off_is_shown_and_can_be_finished(tmp_path, capsys):
    folder = str(leave(tmp_path / "t", "in the middle"))
    assert main(["take", "show", "--json", folder]) == 0
    out, error = capsys.readouterr()
    assert [(row["id"], row["frames"], row["file"]) for row in json.loads(out)] == [(1, 40, None), (2, 40, None)]
    assert error == f"{folder}: was cut off while it was recorded. Write its BVH files with xnect-lite take finish {folder}\n"
    assert main(["take", "finish", "--json", folder]) == 0
    people = json.loads(capsys.readouterr().out)["people"]
    assert [person["file"] for person in people] == ["person01.bvh", "person02.bvh"]
    assert all((tmp_path / "t" / person["file"]).is_file() for person in people)
    assert main(["take", "show", folder]) == 0
    out, error = capsys.readouterr()
    assert "person02.bvh" in out and error == "", "nothing is left to be finished"


def test_a_take_that_was_cut_off_is_levelled_by_the_floor_known_by_then(tmp_path):
    """The camera is found to look down by 20 degrees from frame 10 on; a change of half a degree is not worth a file."""
    tilts = [0.0] * 10 + [20.0] * 20 + [20.5] * 10
    with pytest.MonkeyPatch.context() as patch:
        written = []
        patch.setattr("xnect_lite.record.take.write_info", lambda folder, info: written.append(write_info(folder, info)))
        recorder = record(tmp_path / "t", {})
        before = len(written)
        for number, tilt in enumerate(tilts):
            recorder.add(dataclasses.replace(result(number, (1,)), floor=Floor(up_from_angles(tilt, 0), 1500.0)))
    assert len(written) - before == 3, "with the first frame, its floor, and the tilt"
    recorder._journal._file.close()
    assert main(["take", "finish", str(tmp_path / "t")]) == 0
    info = json.loads((tmp_path / "t" / "take.json").read_text())
    assert info["bvh"]["up_cam"] == pytest.approx(up_from_angles(20, 0).tolist())


def test_a_take_that_was_stopped_at_once_is_finished_and_empty(tmp_path, capsys):
    record(tmp_path / "t", {}).close()
    assert main(["take", "show", "--json", str(tmp_path / "t")]) == 0
    assert capsys.readouterr() == ("[]\n", "")


def test_a_take_that_is_being_recorded_is_left_alone(tmp_path, capsys):
    pytest.importorskip("fcntl", reason="this system cannot tell that a journal is open")
    folder = str(tmp_path / "t")
    with record(tmp_path / "t", {}) as recorder:
        assert main(["take", "show", folder]) == 2
        assert "holds no frames yet" in capsys.readouterr().err
        for number in range(40):
            recorder.add(result(number, (1,)))
        assert main(["take", "show", folder]) == 0
        assert capsys.readouterr().err == f"{folder}: is still being recorded\n"
        assert main(["take", "finish", folder]) == 2
        assert capsys.readouterr().err == f"{folder}: is still being recorded. Stop the recording first\n"
