"""``take export``: presets, choices and bad input, from Python and from the command line; BVHs read by pybvh."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pybvh
import pytest
from people import about, posed_body_mm, random_mover, to_camera_mm
from recorded import record_walkers
from scipy.spatial.transform import Rotation

from xnect_lite.cli.main import main
from xnect_lite.record.bvh import BvhOptions, build_clips
from xnect_lite.record.bvh_file import write_bvh
from xnect_lite.record.export import FORMATS, PRESETS, ExportOptions, export_files
from xnect_lite.record.take_folder import load_take
from xnect_lite.record.track import Track
from xnect_lite.stages.fitting.tree import TREE


@pytest.fixture(scope="module")
def take(tmp_path_factory) -> Path:
    """1 is there throughout, 2 leaves for a second, 5 passes for a third of a second, 7 is there for the second half."""
    seen = {1: range(90), 2: [*range(30), *range(60, 90)], 5: range(40, 50), 7: range(45, 90)}
    return record_walkers(tmp_path_factory.mktemp("takes") / "2026-11-21_10-00-00_dance", seen, 90)


def run(*arguments: object) -> int:
    return main(["take", "export", *map(str, arguments)])


PEOPLE = [("all", {1, 2, 7}), ("main", {1, 2, 7}), ("1,7", {1, 7}), ("2", {2})]


@pytest.mark.parametrize(("who", "expected"), PEOPLE, ids=[p[0] for p in PEOPLE])
def test_people(take, tmp_path, who, expected):
    assert run(take, "--people", who, "-o", tmp_path / "out") == 0
    assert {p.name for p in (tmp_path / "out").glob("*.bvh")} == {f"person{i:02d}.bvh" for i in expected}


def test_main_people_are_there_for_at_least_half_as_long_as_who_is_there_most(tmp_path):
    record_walkers(tmp_path / "t", {1: range(90), 4: range(45), 6: range(40)}, 90)
    done = export_files(tmp_path / "t", tmp_path / "out", ExportOptions(people="main"))
    assert [p.name for p in done.files] == ["person01.bvh", "person04.bvh", "export.json"]


def test_what_is_not_measured_is_told(take, tmp_path, capsys):
    assert run(take, "-o", tmp_path / "out", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["notes"] == [
        "id 2: 30 of 90 frames in absences (ease)", "id 7 comes in frame 45, at 1.50 s",
        "id 5 left out: seen for less than 0.5 s",
    ]  # fmt: skip
    sidecar = json.loads((tmp_path / "out" / "export.json").read_text())
    two, seven = (next(p for p in sidecar["people"] if p["id"] == i) for i in (2, 7))
    assert two["clips"] == [
        {"file": "person02.bvh", "frames": 90, "rest_frames": 0, "first_frame": 0, "start_s": 0.0, "spans": [[30, 59, "held"]]}
    ]
    assert seven["clips"][0]["spans"] == [[0, 44, "absent"]] and seven["first_frame"] == 45
    assert sidecar["left_out"] == [{"id": 5, "why": "seen for less than 0.5 s"}]


def test_the_take_itself_is_not_touched(take, tmp_path):
    before = {p.name: p.read_bytes() for p in take.iterdir() if p.is_file()}
    assert run(take, "--format", "bvh,csv", "--fps", 60, "--preset", "mixamo", "-o", tmp_path / "out") == 0
    assert {p.name: p.read_bytes() for p in take.iterdir() if p.is_file()} == before


def test_list_says_the_names_only(take, tmp_path, capsys):
    assert run(take, "--list", "--format", "trc,csv,video", "--people", "1,2", "-o", tmp_path / "out") == 0
    assert capsys.readouterr().out.split() == ["person01.trc", "person02.trc", "joints.csv", "view3d.mp4", "export.json"]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("preset", PRESETS)
def test_presets(take, tmp_path, preset):
    """The channels are in the tool's order, the middle one within 90 degrees, and joints where they are without a preset."""
    export_files(take, tmp_path / "plain", ExportOptions(people=[1]))
    export_files(take, tmp_path / preset, ExportOptions(people=[1], preset=preset))
    plain, made = (pybvh.read_bvh_file(tmp_path / name / "person01.bvh", world_up="+y") for name in ("plain", preset))
    wanted = BvhOptions(**PRESETS[preset])
    assert {"".join(node.rot_channels) for node in made.nodes if hasattr(node, "rot_channels")} == {wanted.euler}
    lines = (tmp_path / preset / "person01.bvh").read_text().splitlines()
    rows = np.array([line.split() for line in lines[lines.index("MOTION") + 3 :]], float)
    assert np.abs(rows[:, 4::3]).max() <= 90, "the middle axis"
    rest = int(wanted.t_pose_first)
    assert made.frame_count == 90 + rest and (not rest or np.abs(rows[0, 3:]).max() == 0)
    renamed = {"LowerBack": "Spine", "Spine": "Spine1"} if preset == "mixamo" else {}
    for joint in TREE:
        one = plain.node_positions()[:, plain.node_index[joint.name]]
        other = made.node_positions()[rest:, made.node_index[renamed.get(joint.name, joint.name)]]
        assert np.abs(one - other).max() < 0.002, joint.name
    if preset == "mixamo":
        assert {"Hips", "Spine", "Spine1", "Spine2", "Neck"} <= set(made.node_index)


BAD = [
    ("nobody of that number", ["--people", "9"], "no person 9"),
    ("people in words", ["--people", "x;rm"], "neither all, main nor ids"),
    ("an empty part", ["--in", "2", "--out", "1"], "has no frame"),
    ("a part outside of the take", ["--in", "99"], "has no frame"),
    ("no time", ["--in", "nan"], "is no time"),
    ("no frames a second", ["--fps", "0"], "frame rate"),
    ("fewer than none", ["--fps", "-30"], "frame rate"),
    ("far too many", ["--fps", "1e9"], "frame rate"),
    ("a format nobody knows", ["--format", "fbx"], "format fbx: is not known"),
    ("a preset nobody knows", ["--preset", "maya"], "preset maya: is not known"),
    ("a rule nobody knows", ["--gaps", "jump"], "gap rule jump: is not known"),
    ("an order that is none", ["--euler", "XYX"], "Euler order"),
    ("only somebody who was seen too briefly", ["--people", "5"], "nobody to be written"),
]


@pytest.mark.parametrize(("case", "arguments", "words"), BAD, ids=[b[0] for b in BAD])
def test_bad_input_is_one_line_and_writes_nothing(take, tmp_path, capsys, case, arguments, words):
    assert run(take, *arguments, "-o", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_that_takes_no_file(take, tmp_path, capsys):
    (tmp_path / "out").write_text("a file")
    assert run(take, "-o", tmp_path / "out") == 2
    assert "out" in capsys.readouterr().err and (tmp_path / "out").read_text() == "a file"


def test_a_full_disk_leaves_no_half_file(take, tmp_path, monkeypatch, capsys):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("xnect_lite.files.whole_file.os.fsync", full)
    for name in ("bvh", "csv", "trc", "coco"):
        assert run(take, "--format", name, "-o", tmp_path / name) == 2
        assert "Free some disk space" in capsys.readouterr().err
        assert list((tmp_path / name).iterdir()) == []


@pytest.mark.parametrize(("name", "module"), [("c3d", "ezc3d"), ("glb", "pygltflib")])
def test_a_missing_package_names_its_extra(take, tmp_path, monkeypatch, capsys, name, module):
    monkeypatch.setitem(sys.modules, module, None)
    assert run(take, "--format", f"bvh,{name}", "-o", tmp_path / "out") == 2
    assert f"needs the package {module}, which is not installed. Run pip install -e '.[formats]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists(), "it is told before anything is written"


def test_every_format_has_a_line_in_the_docs():
    text = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
    assert [name for name in FORMATS if f"`{name}`" not in text] == []
    assert [name for name in PRESETS if name not in (Path(__file__).parents[2] / "docs" / "bvh.md").read_text().lower()] == []


def test_known_rotations_come_back(tmp_path):
    """A synthetic clip of known joint rotations -> positions -> BVH -> rotations: the mean angle between what went in and what
    came out, of joints whose turn positions show. Twist of limbs about themselves is not in positions, hence hinges."""
    count = 120
    t = np.arange(count) / 30
    known = {
        "pelvis": about("y", 60 * np.sin(t), count) * about("x", 10 * np.sin(2 * t), count),
        **{f"{s}_forearm": about("y", -sign * (50 + 30 * np.sin(2 * t)), count) for s, sign in (("l", 1.0), ("r", -1.0))},
        **{f"{s}_shin": about("x", 50 + 30 * np.sin(1.5 * t), count) for s in "lr"},
        **{f"{s}_thigh": about("x", -20 + 20 * np.sin(1.5 * t), count) for s in "lr"},
        **{f"{s}_arm": about("z", -sign * (40 + 20 * np.sin(t)), count) for s, sign in (("l", 1.0), ("r", -1.0))},
        "head": about("y", 30 * np.sin(t), count),
    }  # fmt: skip
    track = Track(t, to_camera_mm(posed_body_mm(known, count)), np.tile([0.0, 0, 4000], (count, 1)))
    read = pybvh.read_bvh_file(write_bvh(tmp_path / "a.bvh", build_clips([track])[0]), world_up="+y")
    names = {"pelvis": "Hips", "head": "Head"} | {
        f"{letter}_{ours}": side + theirs
        for letter, side in (("l", "Left"), ("r", "Right"))
        for ours, theirs in (("forearm", "ForeArm"), ("shin", "Leg"), ("thigh", "UpLeg"), ("arm", "Arm"))
    }
    nodes = [node for node in read.nodes if hasattr(node, "rot_channels")]
    errors = {}
    for ours, theirs in names.items():
        index = next(i for i, node in enumerate(nodes) if node.name == theirs)
        turned = Rotation.from_euler("ZXY", read.joint_angles[:, index])
        errors[ours] = np.degrees((known[ours].inv() * turned).magnitude()).mean()
    mean = float(np.mean(list(errors.values())))
    print(f"mean angle {mean:.4f} degrees, worst joint {max(errors.values()):.4f}")
    assert mean < 0.01, errors


def test_wild_motion_stays_bounded_and_exact():
    """Through poles as well: the middle angle within 90 degrees, the rotation the same as without the bound."""
    t = np.arange(120) / 30
    track = Track(t, *random_mover(t, 5, swing_deg=120))
    (free,) = build_clips([track], BvhOptions())
    for order in ("ZXY", "ZYX", "XYZ", "XZY", "YXZ", "YZX"):
        (bound,) = build_clips([track], BvhOptions(euler=order, bounded=True))
        assert np.abs(bound.angles_deg[..., 1]).max() <= 90
        assert np.abs(bound.rotations - free.rotations).max() < 1e-9
        (loose,) = build_clips([track], BvhOptions(euler=order))
        assert np.abs(loose.rotations - free.rotations).max() < 1e-9
        assert np.abs(np.diff(loose.angles_deg, axis=0)).max() < 190


def test_long_takes_are_read_from_disk_and_say_the_same(take, tmp_path, monkeypatch):
    monkeypatch.setattr("xnect_lite.files.npz._LARGE_BYTES", 1)
    monkeypatch.setattr("xnect_lite.files.npz._PIECE_ROWS", 7)
    mapped, loaded = load_take(take, on_disk=True), load_take(take)
    assert isinstance(mapped.rotations, np.memmap) and not isinstance(loaded.rotations, np.memmap)
    for name in ("t_s", "id", "joints_mm", "rotations", "joints_px"):
        np.testing.assert_array_equal(getattr(mapped, name), getattr(loaded, name))
    export_files(take, tmp_path / "mapped", ExportOptions(formats=["bvh", "csv"]))
    monkeypatch.undo()
    export_files(take, tmp_path / "loaded", ExportOptions(formats=["bvh", "csv"]))
    for path in (tmp_path / "mapped").iterdir():
        assert path.read_bytes() == (tmp_path / "loaded" / path.name).read_bytes(), path.name


def test_the_bvh_files_of_the_take_itself_are_not_written_over(take, capsys):
    """An export at 60 frames a second would leave take.json to tell of another file."""
    before = (take / "person01.bvh").read_bytes()
    assert run(take, "--fps", 60, "-o", take) == 2
    assert "the take's own" in capsys.readouterr().err and (take / "person01.bvh").read_bytes() == before


def test_a_person_of_whom_nothing_can_be_used_keeps_nobody_else_from_a_file(take, tmp_path, capsys):
    """All joints of 7 are farther away than the moon, as after a damaged file."""
    folder = shutil.copytree(take, tmp_path / "t")
    stored = dict(np.load(folder / "poses.npz"))
    stored["joints_mm"][stored["id"] == 7] = 1e30
    np.savez(folder / "poses.npz", **stored)
    assert run(folder, "--format", "bvh,csv", "-o", tmp_path / "out") == 0
    assert {p.name for p in (tmp_path / "out").glob("*.bvh")} == {"person01.bvh", "person02.bvh"}
    assert "id 7 left out: no 3D pose" in capsys.readouterr().err
    assert main(["take", "finish", str(folder)]) == 0
    assert "id 7: no BVH, no 3D pose" in capsys.readouterr().out


NO_TAKE = [
    ("a file", "show", "film.mp4", "is no folder"),
    ("a file, to be mended", "undo", "film.mp4", "is no folder"),
    ("nothing there", "undo", "nothing", "is not a take"),
]


@pytest.mark.parametrize(("case", "verb", "name", "words"), NO_TAKE, ids=[n[0] for n in NO_TAKE])
def test_what_is_no_take_is_called_so(tmp_path, capsys, case, verb, name, words):
    """Nobody is told to mend or remove the film itself, or to finish what never was."""
    (tmp_path / "film.mp4").write_bytes(b"film")
    assert main(["take", verb, str(tmp_path / name)]) == 2
    error = capsys.readouterr().err
    assert words in error and "remove" not in error and "finish" not in error
