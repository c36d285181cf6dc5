"""Trust in teachers: who is followed, how far, and what a fit makes of teachers that are right or wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest
from kit import person_record, write_kit, write_picture

from xnect_lite.cli import main as cli
from xnect_lite.data.readers.label_fusion import fuse, newly_found
from xnect_lite.data.readers.label_trust import (
    BELIEVED,
    TEACHERS,
    Opinions,
    fit,
    read_coefficients,
    save_coefficients,
    shipped,
    trusted,
)
from xnect_lite.data.readers.photokit import read_photokit
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import COCO17, FLIP, INDEX, JOINTS, LIMB_JOINTS_12, NUM_JOINTS

NAN = float("nan")
KNEE = INDEX["r_knee"]


def body(seed: int = 0) -> np.ndarray:
    """(24, 2) joints far from each other; left shoulder to right hip is 100 px."""
    joints = np.random.default_rng(seed).uniform(0, 420, (NUM_JOINTS, 2))
    joints[INDEX["l_shoulder"]], joints[INDEX["r_hip"]] = (200, 100), (200, 200)
    return joints


def said(*joints: np.ndarray, sure: float = 0.9) -> Opinions:
    """All four teachers of one person."""
    xy = np.stack(joints)[None]
    return Opinions(xy, np.where(np.isfinite(xy[..., 0]), sure, 0.0), np.array([100.0]), np.array([[0.9, 0.8, 0.9, 1.0]]))


def moved(joints: np.ndarray, by: float, joint: int = KNEE) -> np.ndarray:
    out = joints.copy()
    out[joint, 0] += by
    return out


B = body()
SILENT = np.full_like(B, NAN)
CASES = {
    "four agree": (said(B, B, B, B), B[KNEE, 0], (0.9, 1.0)),
    "one of four is far off: the others are followed": (said(B, B, B, moved(B, 90)), B[KNEE, 0], (0.6, 1.0)),
    "BlazePose is far off: the others are followed": (said(moved(B, 90), B, B, B), B[KNEE, 0], (0.5, 1.0)),
    "only the second labelling": (said(SILENT, SILENT, B, B), B[KNEE, 0], (0.5, 1.0)),
    "everybody says something else": (said(moved(B, -90), moved(B, 90), moved(B, 200), B), None, (0.0, 0.6)),
    "nobody says anything": (said(SILENT, SILENT, SILENT, SILENT), NAN, (0.0, 0.0)),
}


@pytest.mark.parametrize(("opinions", "x", "between"), CASES.values(), ids=CASES.keys())
def test_who_is_followed_and_how_far(opinions, x, between):
    xy, chance = trusted(opinions)
    assert between[0] <= chance[0, KNEE] <= between[1]
    if x is not None:
        np.testing.assert_allclose(xy[0, KNEE, 0], x, atol=1e-3)


def test_one_who_contradicts_lowers_the_trust():
    alike, apart = (trusted(said(B, B, B, moved(B, by)))[1][0, KNEE] for by in (0, 90))
    crossed = B.copy()
    crossed[[KNEE, FLIP[KNEE]]] = B[[FLIP[KNEE], KNEE]]
    assert alike > apart and alike > trusted(said(B, B, B, crossed))[1][0, KNEE]


def test_joints_that_not_all_teachers_know_are_not_judged():
    chance = trusted(said(B, B, B, B))[1][0]
    assert (chance[BELIEVED] > 0).all() and (np.delete(chance, BELIEVED) == 0).all()
    assert {JOINTS[j] for j in np.setdiff1d(BELIEVED, LIMB_JOINTS_12)} == {"nose", "r_ear", "l_ear"}


def test_a_fit_learns_who_is_right():
    """Of 300 people the first teacher is right when sure, the second never, the last two together one joint in two."""
    rng = np.random.default_rng(0)
    truth = np.stack([body(seed) for seed in range(300)])
    sure = rng.random((300, NUM_JOINTS)) < 0.5
    confidence = np.full((300, 4, NUM_JOINTS), 0.5)
    confidence[:, 0] = np.where(sure, 0.9, 0.1)
    xy = np.stack([truth] * 4, 1)
    xy[:, 0] += np.where(sure, 0, 60)[..., None]
    xy[:, 1] += 70
    xy[:, 2:] += np.where(rng.random((300, 1, NUM_JOINTS)) < 0.5, 0, 80)[..., None]
    people = Opinions(xy, confidence, np.full(300, 100.0), np.zeros((300, 4)))
    found, chance = trusted(people, fit(people, truth, people.torso_px))
    off = np.linalg.norm(found - truth, axis=-1)[:, LIMB_JOINTS_12]
    believed = chance[:, LIMB_JOINTS_12] > 0.5
    assert (off[sure[:, LIMB_JOINTS_12]] < 20).all(), "the first, wherever it is sure"
    assert (off[believed] < 20).mean() > 0.95 and believed.mean() == pytest.approx(0.75, abs=0.05)


def test_coefficients_come_back_and_rubbish_is_named(tmp_path):
    path = tmp_path / "trust.json"
    save_coefficients(path, shipped(), "nobody")
    np.testing.assert_allclose(read_coefficients(path), shipped())
    record = json.loads(path.read_text())
    for wrong in (
        "",
        "[]",
        json.dumps(record | {"schema_version": 9}),
        json.dumps(record | {"teachers": ["nobody"]}),
        json.dumps(record | {"coefficients": {t: [1.0] for t in TEACHERS}}),
        json.dumps(record | {"coefficients": {t: ["x"] for t in TEACHERS}}),
    ):
        path.write_text(wrong)
        with pytest.raises(XnectError, match=r"trust\.json: holds no trust in teachers .* xnect-lite data trust"):
            read_coefficients(path)


# -- people of the kit -------------------------------------------------------------------------------------------------


def coco(joints: np.ndarray, confidence: float = 0.9) -> list[list[float]]:
    out = COCO17.from_xnect(joints)
    out[np.isnan(out[:, 0])] = joints[INDEX["nose"]]
    return np.concatenate([out, np.full((17, 1), confidence)], 1).tolist()


def again(joints: np.ndarray, person: int | None = 0, agree: float = 0.9, score: float = 0.8) -> dict:
    """A person of the second labelling."""
    return {
        "person": person, "box": [*joints.min(0), *joints.max(0)], "yolo_score": score, "agree": agree, "tiny_turn": 0,
        "yolo_xyc": coco(joints), "tiny_xyc": coco(joints),
    }  # fmt: skip


WORLD = np.concatenate([B / 600, np.zeros((NUM_JOINTS, 1))], 1)


@pytest.mark.parametrize(
    ("change", "second", "taught"),
    [
        ({}, again(B), True),
        ({"quality": "ignore"}, again(B), True),
        ({"quality": "ignore"}, again(B, agree=0.5), False),
        ({"quality": "ignore"}, again(B, score=0.3), False),
        ({"left_right_conflict": True}, again(B), True),
        ({"left_right_conflict": True}, again(B, agree=0.5), False),
        ({"left_right_conflict": True}, None, False),
    ],
    ids=[
        "good", "doubtful, sure the second time", "doubtful twice", "doubtful, not seen again", "human against four teachers",
        "human against two and a half", "human against two",
    ],
)  # fmt: skip
def test_who_is_taught(change, second, taught):
    person = person_record(B, WORLD, human="left_right_conflict" in change) | change
    labels = fuse(person, second=second)
    assert (labels is not None) == taught
    if taught:
        np.testing.assert_allclose(labels.joints_px[0, LIMB_JOINTS_12], B[LIMB_JOINTS_12], atol=1e-2)
        assert (labels.weight_2d[0, LIMB_JOINTS_12] > 0.5).all() and (labels.weight_2d[0, LIMB_JOINTS_12] < 1).all()
        assert np.isnan(labels.human_px).all() and (labels.weight_3d[0, LIMB_JOINTS_12] > 0).all()


def test_somebody_new_is_taught_in_2d_without_hands_and_feet():
    labels = newly_found(again(B, None))
    np.testing.assert_allclose(labels.joints_px[0, BELIEVED], B[BELIEVED], atol=1e-2)
    assert labels.weight_2d[0, INDEX["neck"]] > 0 and labels.weight_2d[0, INDEX["pelvis"]] > 0
    assert not labels.weight_2d[0, [INDEX["r_hand"], INDEX["l_toe"], INDEX["head_top"]]].any()
    assert not labels.weight_3d.any() and labels.visible[0, LIMB_JOINTS_12].all()
    assert newly_found(again(B, None, agree=0.5)) is None


@pytest.fixture
def kit(tmp_path):
    """Two training pictures and one to validate on; the first is labelled again: one person more, and one weak find."""
    root = write_kit(tmp_path / "kit", sets=("har15",), train=2, val=1)
    lines = [json.loads(line) for line in (root / "har15" / "labels.jsonl").read_text().splitlines()]
    second = {"file": lines[0]["file"], "people": [again(B / 4, None), again(B / 8, None, agree=0.1)]}
    (root / "har15" / "labels2.jsonl").write_text(json.dumps(second) + "\n")
    return root


def test_new_people_become_people_and_weaker_finds_are_ignored(kit):
    first, other = read_photokit(kit, "train", ("har15",))
    assert len(first.people) == 2 and len(first.silhouettes) == 2 and first.silhouettes[1] is None
    np.testing.assert_allclose(first.people.joints_px[1, LIMB_JOINTS_12], B[LIMB_JOINTS_12] / 4, atol=1e-2)
    np.testing.assert_allclose(first.ignore_xyxy, [[*(B / 8).min(0), *(B / 8).max(0)]], rtol=1e-5)
    assert first.negative_weight == 1.0, "looked through twice: an empty place is empty"
    assert len(other.people) == 2 and other.negative_weight < 1, "nobody looked again"


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"file": "a.webp"}', '{"file": "a.webp", "people": [{}]}', '{"file": "a.webp", "people": [], "version": 3}'],
    ids=["cut short", "a list", "no people", "an empty person", "a newer version"],
)
def test_a_broken_second_labelling_is_named_by_file_and_line(kit, line):
    path = kit / "har15" / "labels2.jsonl"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(XnectError, match=r"labels2\.jsonl, line 2: cannot be read"):
        list(read_photokit(kit, "train", ("har15",)))


def test_the_command_fits_and_compares(tmp_path, capsys):
    """On stick figures on which everybody agrees, labels are right before and after."""
    root = write_kit(tmp_path / "kit", train=4, val=2)
    for name in ("ccp", "har15", "capston"):
        write_picture(root / name, "a.webp", seed=1)
        (root / name / "labels.jsonl").write_text("")
    lines = [json.loads(line) for line in (root / "lspet" / "labels.jsonl").read_text().splitlines()]
    with (root / "lspet" / "labels2.jsonl").open("w") as file:
        for line in lines:
            people = [person["movenet_xyc"] for person in line["people"]]
            again = [
                {"person": i, "box": [0, 0, 9, 9], "yolo_score": 0.8, "agree": 0.9, "yolo_xyc": xyc, "tiny_xyc": xyc}
                for i, xyc in enumerate(people)
            ]
            file.write(json.dumps({"file": line["file"], "people": again}) + "\n")
    path = tmp_path / "trust.json"
    assert cli.main(["data", "trust", "--photos", str(root), "-o", str(path)]) == 0
    out = capsys.readouterr().out
    assert "PCK        1.000 -> 1.000" in out and str(path) in out
    assert read_coefficients(path).shape == shipped().shape
    (root / "lspet" / "labels2.jsonl").unlink()
    assert cli.main(["data", "trust", "--photos", str(root), "-o", str(path)]) == 2
    assert "nobody labelled by a human and twice by teachers" in capsys.readouterr().err
