"""Takes: what is recorded comes back, whatever happens to the program that records."""

from __future__ import annotations

import errno
import io
import json
import subprocess
import sys
import textwrap
import threading
from datetime import datetime
from pathlib import Path

import numpy as np
import pybvh
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import walking_person

from xnect_lite.cli.main import main
from xnect_lite.config import PipelineConfig
from xnect_lite.errors import XnectError
from xnect_lite.record.bvh import BvhOptions, clip_joints_world_cm
from xnect_lite.record.journal import RECORD, read_journal
from xnect_lite.record.take import TakeRecorder, export_take, load_take, new_take_folder
from xnect_lite.types import Frame, People, PoseResult

IMAGE = np.zeros((48, 64, 3), np.uint8)
HEADER_BYTES = 64


def result(number: int, ids: tuple[int, ...], fps: float = 30.0) -> PoseResult:
    """Frame ``number`` with these people, each walking in a place of its own."""
    t_s = number / fps
    people = People.empty(len(ids))
    for row, identity in enumerate(ids):
        joints_mm, root_cam_mm = walking_person(np.array([t_s]), start_cam_mm=(700.0 * identity, 4000.0))
        people.joints_mm[row], people.root_cam_mm[row], people.ids[row] = joints_mm[0], root_cam_mm[0], identity
        people.joints_px[row] = 100 * identity + number
        people.joint_score[row] = 0.5
    return PoseResult(Frame(IMAGE, t_s, number), people, focal_px=640.0)


def record(folder: Path, frames: dict[int, tuple[int, ...]], **options) -> TakeRecorder:
    recorder = TakeRecorder(folder, **options)
    for number, ids in frames.items():
        recorder.add(result(number, ids))
    return recorder


def killed(folder: Path, frames: dict[int, tuple[int, ...]]) -> Path:
    """A take whose recorder got no chance to close; returns the journal."""
    recorder = record(folder, frames, source="camera 0")
    recorder._journal._file.close()  # what the system does for a killed program: no flush, no clean-up
    return folder / "poses.journal"


def test_folder_name(tmp_path):
    when = datetime(2026, 11, 21, 14, 3, 22)
    cases = {
        "a plain name": ("dance", "2026-11-21_14-03-22_dance"),
        "no name": ("", "2026-11-21_14-03-22"),
        "characters that folders refuse": ("Jo/../x: 1", "2026-11-21_14-03-22_Jo_x_1"),
        "letters of any language": ("Tänzer", "2026-11-21_14-03-22_Tänzer"),
    }
    for case, (name, expected) in cases.items():
        assert new_take_folder(tmp_path, name, when) == tmp_path / expected, case
    assert new_take_folder(tmp_path, "dance", when).name == "2026-11-21_14-03-22_dance_2", "never into an old take"


def test_take_is_complete_and_comes_back(tmp_path):
    """Two people, one late, frames with nobody, a dropped frame, somebody without identity."""
    frames = {n: (7,) for n in range(30)} | {n: (7, 3) for n in range(30, 60)} | {n: () for n in range(61, 70)} | {70: (0,)}
    with record(tmp_path / "t", frames, source="dance.mp4", fps=30.0, config=PipelineConfig()) as recorder:
        recorder.log("hello")
    summary = recorder.summary
    assert recorder.close() is summary, "closing twice is harmless"
    assert {f.name for f in summary.files} == {p.name for p in (tmp_path / "t").iterdir()}
    assert {f.name for f in summary.files} == {"take.json", "poses.npz", "log.txt", "person03.bvh", "person07.bvh"}
    assert [(p.file, p.id, p.frames) for p in summary.people] == [("person07.bvh", 7, 60), ("person03.bvh", 3, 30)]
    assert "hello" in (tmp_path / "t" / "log.txt").read_text()

    info = json.loads((tmp_path / "t" / "take.json").read_text())
    assert info["schema_version"] == 2 and info["state"] == "finished" and info["source"] == "dance.mp4"
    assert info["size"] == [64, 48] and info["focal_px"] == 640 and info["fps"] == 30
    assert info["frames"] == {"recorded": 70, "dropped": 1, "first": 0, "last": 70}
    assert info["config"]["grouping"]["max_people"] == 10
    assert datetime.fromisoformat(info["started"]).tzinfo is not None
    assert [(p["file"], p["id"]) for p in info["people"]] == [("person07.bvh", 7), ("person03.bvh", 3)]

    take = load_take(tmp_path / "t")
    assert take.every_frame_index.tolist() == [n for n in range(71) if n != 60]
    assert len(take.t_s) == 60 + 30 + 1 and take.ids == [7, 3]
    rows = take.id == 3
    assert take.frame_index[rows].tolist() == list(range(30, 60))
    assert take.joints_px[rows][4, 0].tolist() == [334, 334]
    expected_mm, expected_root_mm = walking_person(take.t_s[rows], start_cam_mm=(2100.0, 4000.0))
    assert np.abs(take.joints_mm[rows] - expected_mm).max() < 1e-3
    assert np.abs(take.root_cam_mm[rows] - expected_root_mm).max() < 1e-3

    files = [pybvh.read_bvh_file(tmp_path / "t" / f"person0{n}.bvh") for n in (7, 3)]
    assert [f.frame_count for f in files] == [71, 71], "one timeline from the first frame to the last"
    hips_cm = [f.node_positions()[:, 0] for f in files]
    assert np.ptp(hips_cm[1][:31], axis=0).max() == 0, "the late-comer holds the first pose"
    assert hips_cm[1][40, 0] - hips_cm[0][40, 0] == pytest.approx(-280, abs=1e-3), "people stand where they stood"


def test_npz_opens_without_pickle(tmp_path):
    record(tmp_path / "t", {0: (1,), 1: (1,)}).close()
    with np.load(tmp_path / "t" / "poses.npz", allow_pickle=False) as stored:
        assert all(stored[name].dtype != object for name in stored.files)
        assert stored["joint_names"][14] == "pelvis"


MINIMUM = [
    ("seen long enough", 15, 0.5, ""),
    ("seen for one frame too few", 14, 0.5, "seen for less than 0.5 s"),
    ("a stricter minimum", 20, 1.0, "seen for less than 1 s"),
    ("no minimum", 1, 0.0, ""),
]


@pytest.mark.parametrize(("case", "frames", "minimum_s", "skipped"), MINIMUM, ids=[m[0] for m in MINIMUM])
def test_people_seen_briefly_get_no_file(case, frames, minimum_s, skipped, tmp_path):
    """Whoever is left keeps their number."""
    timeline = {n: (9,) if n < frames else (4,) for n in range(frames + 40)}
    summary = record(tmp_path / "t", timeline, min_person_s=minimum_s).close()
    assert [p.skipped for p in summary.people] == [skipped, ""], case
    assert [p.file for p in summary.people] == [None if skipped else "person09.bvh", "person04.bvh"]
    listed = json.loads((tmp_path / "t" / "take.json").read_text())["people"]
    assert [p["id"] for p in listed] == [9, 4], "who was skipped is listed"
    assert len(list((tmp_path / "t").glob("*.bvh"))) == (1 if skipped else 2)


def test_people_without_3d_are_skipped(tmp_path):
    recorder = TakeRecorder(tmp_path / "t")
    for number in range(30):
        one = result(number, (1,))
        one.people.joints_mm[:] = np.nan
        recorder.add(one)
    assert [p.skipped for p in recorder.close().people] == ["no 3D pose"]


EMPTY = [("no frame at all", {}), ("frames with nobody", {n: () for n in range(5)}), ("a single frame", {0: (1,)})]


@pytest.mark.parametrize(("case", "frames"), EMPTY, ids=[e[0] for e in EMPTY])
def test_takes_with_next_to_nothing_still_close(case, frames, tmp_path):
    summary = record(tmp_path / "t", frames).close()
    assert summary.frames == len(frames)
    assert len(load_take(tmp_path / "t").every_frame_t_s) == len(frames), case


def test_journal_cut_anywhere_keeps_its_whole_frames(tmp_path):
    journal = killed(tmp_path / "t", {n: (1, 2) for n in range(3)})
    data = journal.read_bytes()
    assert len(data) == HEADER_BYTES + 6 * RECORD.itemsize
    whole = read_journal(journal).records
    offsets = [*range(HEADER_BYTES + 3), *range(len(data) - RECORD.itemsize - 40, len(data) + 1)]
    for length in offsets:
        journal.write_bytes(data[:length])
        records, lost_bytes = read_journal(journal)
        assert len(records) == max(length - HEADER_BYTES, 0) // (2 * RECORD.itemsize) * 2, "two people a frame"
        assert lost_bytes == 0, "a cut is no damage"
        assert records.tobytes() == whole[: len(records)].tobytes()
        assert len(load_take(tmp_path / "t").t_s) == len(records)


DAMAGE = [
    ("zeros at the end, as after a power cut", lambda d: d[: -RECORD.itemsize] + bytes(RECORD.itemsize), 4),
    ("a page of zeros inside a record", lambda d: d[: -RECORD.itemsize // 2] + bytes(RECORD.itemsize // 2), 4),
    ("garbage behind the last record", lambda d: d + b"\xff" * 2000, 6),
    ("a block that was written twice", lambda d: d[: HEADER_BYTES + 4 * RECORD.itemsize] + d[HEADER_BYTES:], 4),
    (
        "the last frame's people in another order",
        lambda d: d[: -2 * RECORD.itemsize] + d[-RECORD.itemsize :] + d[-2 * RECORD.itemsize : -RECORD.itemsize],
        4,
    ),
    (
        "a coordinate off by one bit",
        lambda d: d[: HEADER_BYTES + 100] + bytes([d[HEADER_BYTES + 100] ^ 1]) + d[HEADER_BYTES + 101 :],
        0,
    ),
]


@pytest.mark.parametrize(("case", "damage", "kept"), DAMAGE, ids=[d[0] for d in DAMAGE])
def test_damaged_journal_keeps_what_precedes(case, damage, kept, tmp_path):
    journal = killed(tmp_path / "t", {n: (1, 2) for n in range(3)})
    journal.write_bytes(damage(journal.read_bytes()))
    records, lost_bytes = read_journal(journal)
    assert len(records) == kept and lost_bytes > 0, case


@settings(max_examples=60, deadline=None, derandomize=True)
@given(bit=st.integers(8 * HEADER_BYTES, 8 * (HEADER_BYTES + 6 * RECORD.itemsize) - 1))
def test_no_flipped_bit_of_a_journal_goes_unnoticed(bit, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "flipped"
    if not folder.exists():
        killed(folder, {n: (1, 2) for n in range(3)}).rename(folder / "whole")
    data = bytearray((folder / "whole").read_bytes())
    whole = bytes(data)
    data[bit // 8] ^= 1 << bit % 8
    (folder / "poses.journal").write_bytes(data)
    records, lost_bytes = read_journal(folder / "poses.journal")
    assert lost_bytes > 0 and len(records) % 2 == 0
    assert records.tobytes() == whole[HEADER_BYTES:][: records.nbytes], "what is read is what was written"


def test_a_damaged_journal_is_told_finished_and_kept(tmp_path, capsys):
    journal = killed(tmp_path / "t", {n: (1,) for n in range(40)})
    data = bytearray(journal.read_bytes())
    data[HEADER_BYTES + 30 * RECORD.itemsize + 200] ^= 4
    journal.write_bytes(data)
    assert main(["take", "finish", str(tmp_path / "t")]) == 0
    out, error = capsys.readouterr()
    assert "damaged after 30 frames: 14,820 bytes were left out" in error and "person01.bvh" in out
    assert (tmp_path / "t/poses.damaged").read_bytes() == data, "what could not be read is kept"
    assert len(load_take(tmp_path / "t").every_frame_t_s) == 30


FOREIGN = [
    ("another kind of file", lambda d: b"RIFF" + d[4:], "not a recording journal"),
    ("a later version", lambda d: d[:8] + b"\x63" + d[9:], "journal version 99"),
]


@pytest.mark.parametrize(("case", "change", "message"), FOREIGN, ids=[f[0] for f in FOREIGN])
def test_foreign_journal_is_an_error(case, change, message, tmp_path):
    journal = killed(tmp_path / "t", {0: (1,)})
    journal.write_bytes(change(journal.read_bytes()))
    with pytest.raises(XnectError, match=message):
        load_take(tmp_path / "t")


def test_how_long_somebody_was_there_is_counted_in_seconds_whatever_the_rate(tmp_path):
    """The camera slows down from 60 to 10 frames a second: 4 frames of it are less than half a second, 6 are more."""
    recorder = TakeRecorder(tmp_path / "t")
    times = [*(n / 60 for n in range(120)), *(2 + n / 10 for n in range(20))]
    for number, t_s in enumerate(times):
        ids = (1,) + ((2,) if 120 <= number < 124 else ()) + ((3,) if 126 <= number < 132 else ())
        people = result(number, ids).people
        recorder.add(PoseResult(Frame(IMAGE, t_s, number), people, focal_px=640.0))
    assert [(p.id, p.file is not None) for p in recorder.close().people] == [(1, True), (2, False), (3, True)]


def test_whoever_is_wished_for_gets_a_file(tmp_path):
    timeline = {n: (1, 2) if n < 20 else (1,) for n in range(60)}
    for people, files in (("main", [1]), ([2], [2]), ([7, 1], [1])):
        folder = tmp_path / str(people)
        summary = record(folder, timeline, people=people).close()
        assert [p.id for p in summary.people if p.file] == files == [int(f.stem[6:]) for f in folder.glob("*.bvh")]
        assert {p.skipped for p in summary.people if not p.file} == {"not among the people wished for"}


def test_cut_files_are_listed_and_replaced(tmp_path):
    """A take cut into stays; then written whole again."""
    folder = tmp_path / "t"
    record(folder, {n: (1, 2) if n < 30 or n >= 60 else (1,) for n in range(90)}).close()
    summary = export_take(folder, options=BvhOptions(gaps="cut"))
    assert sorted(f.name for f in folder.glob("*.bvh")) == ["person01.bvh", "person02_1.bvh", "person02_2.bvh"]
    assert [p.file for p in summary.people] == ["person01.bvh", "person02_1.bvh"]
    export_take(folder, options=BvhOptions(gaps="ease"))
    assert sorted(f.name for f in folder.glob("*.bvh")) == ["person01.bvh", "person02.bvh"]


def test_killed_take_is_finished_by_export(tmp_path):
    journal = killed(tmp_path / "t", {n: (5,) for n in range(40)})
    journal.write_bytes(journal.read_bytes()[:-100])
    assert json.loads((tmp_path / "t" / "take.json").read_text())["state"] == "recording"
    summary = export_take(tmp_path / "t")
    assert not journal.exists() and summary.frames == 39
    assert pybvh.read_bvh_file(tmp_path / "t" / "person05.bvh").frame_count == 39
    info = json.loads((tmp_path / "t" / "take.json").read_text())
    assert info["state"] == "finished" and info["source"] == "camera 0", "what was known at the start is kept"


def test_really_killed_program_loses_nothing(tmp_path):
    """A program that dies between two frames, without closing anything."""
    program = f"""
        import os, sys
        from pathlib import Path
        sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(Path(__file__).parents[1] / "helpers")!r}]
        from test_take import record
        record(Path({str(tmp_path / "t")!r}), {{n: (1, 2) for n in range(25)}})
        os._exit(9)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], timeout=120, check=False)
    assert done.returncode == 9
    assert len(load_take(tmp_path / "t").t_s) == 50
    assert len([f for f in export_take(tmp_path / "t").files if f.suffix == ".bvh"]) == 2


def test_a_failed_export_keeps_the_journal(tmp_path, monkeypatch):
    """The disk fills while poses.npz is written: the journal stays, and a later try succeeds."""
    recorder = record(tmp_path / "t", {n: (1,) for n in range(30)})
    with monkeypatch.context() as patch:

        def full(*_args, **_kwargs):
            raise OSError(28, "No space left on device")

        patch.setattr(np, "savez_compressed", full)
        with pytest.raises(XnectError, match="No space left"):
            recorder.close()
    assert (tmp_path / "t" / "poses.journal").exists() and not (tmp_path / "t" / "poses.npz").exists()
    assert len(load_take(tmp_path / "t").t_s) == 30
    assert recorder.close().frames == 30


def test_a_frame_the_disk_refuses_leaves_whole_records(tmp_path):
    recorder = record(tmp_path / "t", {0: (1,), 1: (1,)})
    file = recorder._journal._file

    class Full:
        def __getattr__(self, name):
            return getattr(file, name)

        def write(self, data):
            return file.write(data[:200])

    recorder._journal._file = Full()
    with pytest.raises(XnectError, match="Free some disk space"):
        recorder.add(result(2, (1,)))
    recorder._journal._file = file
    recorder.add(result(3, (1,)))
    recorder.close()
    assert load_take(tmp_path / "t").frame_index.tolist() == [0, 1, 3]


def test_export_leaves_a_running_recording_alone(tmp_path):
    pytest.importorskip("fcntl")
    recorder = record(tmp_path / "t", {n: (1,) for n in range(30)})
    with pytest.raises(XnectError, match="still being recorded"):
        export_take(tmp_path / "t")
    assert len(export_take(tmp_path / "t", tmp_path / "preview").files) == 1, "a look from outside is fine"
    recorder.add(result(30, (1,)))
    assert recorder.close().frames == 31


def test_errors_inside_the_block_still_save(tmp_path):
    with pytest.raises(ZeroDivisionError), record(tmp_path / "t", {n: (1,) for n in range(30)}) as recorder:
        raise ZeroDivisionError("camera fell over")
    assert recorder.summary.frames == 30
    assert "camera fell over" in (tmp_path / "t" / "log.txt").read_text()
    with pytest.raises(RuntimeError, match="closed"):
        recorder.add(result(31, (1,)))


def test_adding_and_closing_from_two_threads(tmp_path):
    recorder = TakeRecorder(tmp_path / "t")
    added = []

    def feed() -> None:
        for number in range(10_000):
            try:
                recorder.add(result(number, (1,)))
            except RuntimeError:
                return
            added.append(number)

    thread = threading.Thread(target=feed)
    thread.start()
    while len(added) < 20:
        pass
    recorder.close()
    thread.join(10)
    assert load_take(tmp_path / "t").frame_index.tolist() == added


def test_re_export(tmp_path):
    """Another frame rate, another minimum, one person only, another folder."""
    folder = tmp_path / "t"
    timeline = {n: (2, 8) if n < 20 else (8,) for n in range(60)}
    record(folder, timeline, bvh=BvhOptions(fps=25)).close()
    assert json.loads((folder / "take.json").read_text())["bvh"]["fps"] == 25
    assert {pybvh.read_bvh_file(f).frame_count for f in folder.glob("*.bvh")} == {50}

    outside = export_take(folder, tmp_path / "out", options=BvhOptions(fps=60), ids=[8])
    assert [f.name for f in outside.files] == ["person08.bvh"]
    assert pybvh.read_bvh_file(tmp_path / "out" / "person08.bvh").frame_count == 119
    assert json.loads((folder / "take.json").read_text())["bvh"]["fps"] == 25, "the take itself is untouched"

    export_take(folder, min_person_s=1.5)
    assert [f.name for f in sorted(folder.glob("*.bvh"))] == ["person08.bvh"], "files nobody has any more are removed"
    assert json.loads((folder / "take.json").read_text())["people"][1]["file"] == "person08.bvh"

    with pytest.raises(XnectError, match="no person 5"):
        export_take(folder, ids=[5])


REFUSED = [
    ("the parent is a file", lambda p: (p / "file").write_text("") or p / "file" / "t"),
    ("the folder is a file", lambda p: (p / "file").write_text("") or p / "file"),
    ("the folder holds a finished take", lambda p: record(p / "t", {0: (1,)}).close().folder),
    ("the folder holds a broken-off take", lambda p: killed(p / "t", {0: (1,)}).parent),
]


@pytest.mark.parametrize(("case", "make"), REFUSED, ids=[r[0] for r in REFUSED])
def test_unusable_folder_is_an_error(case, make, tmp_path):
    folder = make(tmp_path)
    with pytest.raises(XnectError) as caught:
        TakeRecorder(folder)
    assert str(folder) in str(caught.value), case


UNREADABLE = [
    ("nothing there", lambda p: None, "is not a take"),
    ("poses.npz is no archive", lambda p: (p / "poses.npz").write_bytes(b"hello"), "cannot be read"),
    ("poses.npz is cut off", lambda p: (p / "poses.npz").write_bytes((p / "poses.npz").read_bytes()[:500]), "cannot be read"),
    ("take.json is no JSON", lambda p: (p / "take.json").write_text("{"), "cannot be read"),
]


@pytest.mark.parametrize(("case", "spoil", "message"), UNREADABLE, ids=[u[0] for u in UNREADABLE])
def test_unreadable_take_is_an_error(case, spoil, message, tmp_path):
    folder = tmp_path / "empty"
    if "nothing" in case:
        folder.mkdir()
    else:
        record(folder, {0: (1,)}).close()
    spoil(folder)
    with pytest.raises(XnectError, match=message):
        load_take(folder)


def test_written_file_equals_the_recorded_pose(tmp_path):
    """From People to the file and back through another reader: less than 1 mm."""
    frames = {n: (1,) for n in range(45)}
    record(tmp_path / "t", frames, bvh=BvhOptions(floor=False)).close()
    bvh = pybvh.read_bvh_file(tmp_path / "t" / "person01.bvh")
    joints_mm, root_cam_mm = walking_person(np.arange(45) / 30, start_cam_mm=(700.0, 4000.0))
    truth_cm = (joints_mm + root_cam_mm[:, None]) * (0.1, -0.1, -0.1)
    for node, joint in (("Hips", 14), ("LeftHand", 7), ("RightToeBase", 19), ("EndSiteHead", 0), ("EndSiteRightHand", 17)):
        error_cm = np.linalg.norm(bvh.node_positions()[:, bvh.node_index[node]] - truth_cm[:, joint], axis=-1)
        assert error_cm.max() < 0.1, node
    from xnect_lite.record.bvh import build_clips

    (clip,) = build_clips([load_take(tmp_path / "t").track(1)], BvhOptions(floor=False))
    assert np.nanmax(np.abs(clip_joints_world_cm(clip)[:, :21] - truth_cm[:, :21])) < 0.1


class FullDisk:
    """The disk is full from the ``left``-th byte on, for every file that takes are made of."""

    def __init__(self, monkeypatch, left: int) -> None:
        self.left = left
        monkeypatch.setattr("builtins.open", self.open)
        monkeypatch.setattr("xnect_lite.files.whole_file.os.fsync", lambda _: None)

    def open(self, name, mode="r", *arguments, **options):
        file = io.open(name, mode, *arguments, **options)  # noqa: SIM115, UP020 - the real one, while ours stands for it
        return FullFile(file, self) if set(mode) & set("wax") else file


class FullFile:
    def __init__(self, file, disk: FullDisk) -> None:
        self._file, self._disk = file, disk

    def write(self, data) -> int:
        self._disk.left -= len(data)
        if self._disk.left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(data)

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self._file.close()

    def __getattr__(self, name):
        return getattr(self._file, name)


@pytest.mark.parametrize("left", [0, 40, 200, 1000, 3000, 20_000, 25_500])
def test_on_a_disk_that_fills_up_the_error_says_so_and_nothing_half_written_stays(tmp_path, left):
    """Wherever it happens, what was recorded is still there: finished once there is room, it has every frame that was taken."""
    taken = 0
    with pytest.MonkeyPatch.context() as patch, pytest.raises(XnectError) as said:
        FullDisk(patch, left)
        with TakeRecorder(tmp_path / "t") as recorder:
            for number in range(15):
                recorder.add(result(number, (1,)))
                taken += 1
    assert "No space left on device" in str(said.value) and "Free some disk space" in str(said.value)
    assert "may write to" not in str(said.value)
    assert not list(tmp_path.rglob("*.tmp"))
    if taken == 0 and not (tmp_path / "t").exists():
        return  # it never began
    if taken:
        assert export_take(tmp_path / "t").frames == taken
