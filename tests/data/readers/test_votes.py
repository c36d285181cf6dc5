"""The network's own vote on the photo kit's labels: how passes agree, what the file keeps, and when it counts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from kit import file_name, person_record, write_kit, write_picture

from xnect_lite.cli import data as verb
from xnect_lite.cli import main as cli
from xnect_lite.data.archives.archive import read_archive
from xnect_lite.data.readers.label_fusion import blazepose, fuse
from xnect_lite.data.readers.photokit import is_validation, map_records, picture_name
from xnect_lite.data.readers.votes import agreed, read_votes, save_votes
from xnect_lite.data.sample import LabelledPeople
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import BLAZEPOSE33, COCO17, INDEX, NUM_JOINTS
from xnect_lite.train.label_check import Comparison
from xnect_lite.train.self_votes import _matched, compare_votes

NAN = np.nan


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([10, 11, 12, 60], 11.5),  # the median; three lie near it
        ([10, 12, NAN, NAN], 11),  # two are enough
        ([10, NAN, NAN, NAN], NAN),  # one is not
        ([0, 0, 50, 50], NAN),  # the middle of two opinions is nobody's
        ([NAN] * 4, NAN),
    ],
)
def test_passes_agree_within_a_fifth_of_the_torso(found, expected):
    passes = np.full((4, NUM_JOINTS, 2), NAN, np.float32)
    passes[:, 3] = np.array(found)[:, None] * (1, 0) + (0, 5)
    voted = agreed(passes, torso_px=100.0)
    np.testing.assert_allclose(voted[3], (expected, 5 if np.isfinite(expected) else NAN))
    assert np.isnan(np.delete(voted, 3, 0)).all()


def test_people_found_are_given_to_the_teachers_people():
    teacher = np.random.default_rng(0).uniform(0, 100, (2, NUM_JOINTS, 2)) + np.array([[[0, 0]], [[300, 0]]])
    stranger = teacher[1] + 2000
    np.testing.assert_array_equal(_matched(teacher, np.stack([stranger, teacher[1]]))[1], teacher[1])
    assert np.isnan(_matched(teacher, np.stack([stranger, teacher[1]]))[0]).all()
    assert np.isnan(_matched(teacher, np.zeros((0, NUM_JOINTS, 2)))).all()


def body() -> np.ndarray:
    """(24, 2) somebody whose torso is about 100 px long; joints far from each other."""
    joints = np.random.default_rng(1).uniform(0, 400, (NUM_JOINTS, 2))
    joints[INDEX["l_shoulder"]], joints[INDEX["r_hip"]] = (200, 100), (200, 200)
    return joints


@pytest.mark.parametrize(
    ("own", "weight", "at"),
    [
        (None, 0.0, NAN),  # the teachers contradict each other, and nobody else was asked
        (10.0, 0.3, 2.0),  # the network found BlazePose's joint, 10 px beside it: a fifth of that
        (30.0, 0.0, NAN),  # the network found something else
        (NAN, 0.0, NAN),
    ],
)
def test_a_joint_nobody_was_sure_of_is_taught_if_the_network_agrees(own, weight, at):
    """The torso is 100 px or a fifth of the person, less than 120: agreement ends at 20 to 24 px."""
    joints, knee = body(), INDEX["r_knee"]
    person = person_record(joints, np.random.default_rng(2).normal(0, 0.3, (NUM_JOINTS, 3)), human=False)
    person["movenet_xyc"][COCO17.names.index("r_knee")][0] += 90
    vote = None
    if own is not None:
        vote = np.full((NUM_JOINTS, 2), NAN)
        vote[knee] = joints[knee] + (own, 0)
    labels = fuse(person, own=vote)
    assert labels.weight_2d[0, knee] == pytest.approx(weight)
    np.testing.assert_allclose(labels.joints_px[0, knee], joints[knee] + (at, 0) if weight else (NAN, NAN), atol=1e-3)


def test_the_human_is_not_moved_and_strangers_are_not_rescued():
    joints = body()
    person = person_record(joints, np.random.default_rng(2).normal(0, 0.3, (NUM_JOINTS, 3)))
    vote = joints + np.array([10, 0])
    labels = fuse(person, own=vote)
    np.testing.assert_allclose(labels.joints_px[0, INDEX["r_knee"]], joints[INDEX["r_knee"]], atol=1e-3)
    np.testing.assert_allclose(labels.joints_px[0, INDEX["nose"]], joints[INDEX["nose"]] + (2, 0), atol=1e-3)
    del person["lsp14"]
    assert fuse({**person, "quality": "ignore"}, own=vote) is None


# -- files -------------------------------------------------------------------------------------------------------------


def test_there_and_back(tmp_path):
    votes = {"lspet a.webp": np.random.default_rng(0).normal(size=(2, NUM_JOINTS, 2)).astype(np.float32)}
    votes["har15 b.webp"] = np.full((1, NUM_JOINTS, 2), NAN, np.float32)
    for one in (votes, {}):
        save_votes(tmp_path / "votes.npz", one)
        found = read_votes(tmp_path / "votes.npz")
        assert list(found) == list(one)
        for name in one:
            np.testing.assert_array_equal(found[name], one[name])


def test_what_holds_no_votes_is_refused(tmp_path):
    for content in (b"", b"hello"):
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(XnectError, match=r"bad\.npz: holds no votes .* Make it again with xnect-lite data vote"):
            read_votes(tmp_path / "bad.npz")
    save_votes(tmp_path / "votes.npz", {"a b": np.zeros((1, NUM_JOINTS, 2))})
    with np.load(tmp_path / "votes.npz") as file:
        arrays = dict(file)
    np.savez(tmp_path / "bad.npz", **{**arrays, "people_count": np.array([7])})
    with pytest.raises(XnectError, match="holds no votes"):
        read_votes(tmp_path / "bad.npz")


@pytest.fixture
def kit(tmp_path):
    """A kit in which MoveNet contradicts BlazePose in everybody's knees, and votes that agree with BlazePose.

    Humans labelled the validation pictures only.
    """
    root = write_kit(tmp_path / "kit", train=3, val=3)
    path = root / "lspet" / "labels.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for record in records:
        for person in record["people"]:
            if not is_validation(record["file"]):
                del person["lsp14"]
            for side in "lr":
                person["movenet_xyc"][COCO17.names.index(f"{side}_knee")][0] += 100
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    votes = {}
    for record, _, name in [row for s in ("train", "val") for row in map_records(lambda *row: row, root, s, ("lspet",))]:
        votes[picture_name(record, name)] = np.stack([blazepose(person)[0] for person in record["people"]])
    return root, votes


def with_empty_sets(root: Path) -> None:
    """Commands read every set of the kit."""
    for name in ("ccp", "har15", "capston"):
        write_picture(root / name, file_name(0, "train"), seed=1)
        (root / name / "labels.jsonl").write_text("")


def test_labels_are_compared_as_if_no_human_had_labelled(kit):
    """Two of twelve joints are missing; with the vote none is. People do not differ, so neither do the draws."""
    root, votes = kit
    outcome = compare_votes(root, votes, sets=("lspet",))
    assert outcome.people == 4 and outcome.better
    np.testing.assert_allclose(outcome.pck, (10 / 12, 1, 2 / 12, 2 / 12, 2 / 12))
    np.testing.assert_allclose(outcome.precision, (1, 1, 0, 0, 0))
    wrong = {name: vote + np.array([1000, 0]) for name, vote in votes.items()}
    assert not compare_votes(root, wrong, sets=("lspet",)).better, "votes nobody agrees with change nothing"
    with pytest.raises(XnectError, match="no people with human joints"):
        compare_votes(root, {}, sets=("lspet",))


@pytest.mark.parametrize(
    ("pck", "precision", "better"),
    [((0.01, 0.03), (-0.01, 0.01), True), ((-0.01, 0.03), (0, 0.1), False), ((0.01, 0.03), (-0.02, -0.01), False)],
)
def test_better_means_more_joints_right_and_no_smaller_share(pck, precision, better):
    assert Comparison(9, (0.7, 0.72, 0.02, *pck), (0.8, 0.8, 0.0, *precision)).better is better


def test_packs_heed_votes_in_training_pictures_only(kit, tmp_path):
    root, votes = kit
    with_empty_sets(root)
    save_votes(tmp_path / "votes.npz", votes)
    path = str(tmp_path / "pack.npz")
    for more, known in (([], 0.0), (["--votes", str(tmp_path / "votes.npz")], 0.3)):
        assert cli.main(["data", "pack", "--photos", str(root), *more, "-o", path]) == 0
        train, val = (LabelledPeople.stack([s.people for s in read_archive(path, split)]) for split in ("train", "val"))
        assert len(train) == 4 and len(val) == 4
        np.testing.assert_allclose(train.weight_2d[:, INDEX["r_knee"]], known)
        np.testing.assert_allclose(val.weight_2d[:, INDEX["r_knee"]], 1.0, err_msg="the human's")


def test_votes_on_other_people_or_pictures_are_refused(kit, tmp_path, capsys):
    root, votes = kit
    with_empty_sets(root)
    strangers = {name: np.concatenate([vote, vote]) for name, vote in votes.items()}
    elsewhere = {f"{name}.bak": vote for name, vote in votes.items()}
    for wrong, said in (
        (strangers, "the votes on lspet .*: are about .* people, not "),
        (elsewhere, "holds no votes on these"),
    ):
        save_votes(tmp_path / "votes.npz", wrong)
        pack = ["data", "pack", "--photos", str(root), "--votes", str(tmp_path / "votes.npz")]
        assert cli.main([*pack, "-o", str(tmp_path / "p.npz")]) == 2
        assert re.search(f"{said}.*Make it again with xnect-lite data vote", capsys.readouterr().err)


def test_votes_without_photographs_are_a_mistake(tmp_path, capsys):
    arguments = ["data", "pack", "--renders", "x", "--votes", "y", "-o", str(tmp_path / "p.npz")]
    assert cli.main(arguments) == 2
    assert "--votes: are about photographs, and there are none. Give --photos too" in capsys.readouterr().err


def test_the_command_says_whether_labels_improve_and_refuses_what_does_not(tmp_path, capsys):
    """Whatever the shipped network finds on stick figures, it never gets labels on which everybody agrees any better."""
    root = write_kit(tmp_path / "kit", sets=("lspet", "ccp", "har15", "capston"), train=1, val=1)
    small = ["--set", "network.long_side_net_px=128", "--set", "network.short_side_net_px=96", "--backend", "torch"]
    assert cli.main(["data", "vote", "--photos", str(root), "-o", str(tmp_path / "v.npz"), *small]) == 2
    out = capsys.readouterr()
    assert "PCK        1.000 -> 1.000  (+0.000, 95 % +0.000 to +0.000)" in out.out
    assert "does not make labels better. Train it further; nothing was written" in out.err
    assert not (tmp_path / "v.npz").exists()


def test_the_command_writes_votes_on_training_pictures_that_make_labels_better(kit, tmp_path, monkeypatch, capsys):
    """The network is left out: what it would find is given."""
    root, votes = kit
    with_empty_sets(root)

    def of_split(_network, _root, split, _grouping, with_human=False):
        assert with_human == (split == "val")
        return {name: vote for name, vote in votes.items() if is_validation(name.split(" ")[1]) == (split == "val")}

    monkeypatch.setattr(verb, "predictors", lambda _config: [])
    monkeypatch.setattr(verb, "collect_votes", of_split)
    path = tmp_path / "v.npz"
    assert cli.main(["data", "vote", "--photos", str(root), "-o", str(path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(path)
    found = read_votes(path)
    assert found.keys() == of_split(0, 0, "train", 0).keys() and [file.name for file in tmp_path.glob("v.*")] == ["v.npz"]


def test_a_place_where_nothing_can_be_written_is_told_before_the_network_is_loaded(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(verb, "predictors", lambda _config: pytest.fail("loaded"))
    for place in (tmp_path, tmp_path / "none" / "v.npz"):
        assert cli.main(["data", "vote", "--photos", str(tmp_path), "-o", str(place)]) == 2
        assert f"{place}: is a folder, or its folder does not exist" in capsys.readouterr().err


def test_blazepose_tells_the_torso():
    joints, torso = blazepose(person_record(body(), np.zeros((NUM_JOINTS, 3))))
    assert len(BLAZEPOSE33.names) == 33 and joints.shape == (NUM_JOINTS, 2)
    assert torso == pytest.approx(max(100, 0.2 * np.ptp(body(), axis=0).max()), rel=0.2)
