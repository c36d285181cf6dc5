"""Scoring on photographs, with a network that knows the answers: every coordinate system on the way must agree."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from kit import write_kit
from oracle import oracle

from xnect_lite.cli import main as cli
from xnect_lite.data.archives.parts import write_manifest, write_parts
from xnect_lite.data.readers.photokit import read_photokit
from xnect_lite.data.sample import LabelledPeople, Sample
from xnect_lite.evaluate.photos import score_photos
from xnect_lite.stages.detector import Detector


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> list[Sample]:
    return list(read_photokit(write_kit(tmp_path_factory.mktemp("kit"), train=4, val=0), "train", ("lspet",)))


@pytest.mark.parametrize("size", [(512, 320), (320, 512)], ids=["landscape", "portrait"])
def test_whoever_knows_the_labels_scores_full_marks(samples, size):
    figures = score_photos(Detector(oracle(samples, size)), samples).figures()
    people = sum(len(s.people) for s in samples)
    assert figures["pck"] == 1.0 and figures["pck_people"] == people == 6
    assert figures["recall_100"] == 1.0 and figures["person_precision"] == 1.0
    assert figures["mpjpe_teacher_mm"] < 3 and figures["pck3d_150_teacher"] == 1.0
    assert figures["ap"] == figures["ap_50"] == 1.0
    assert figures["limbs_joined"] > 0.97, "fields average where two limbs cross"


def test_answers_that_are_off_score_less(samples):
    # The pictures are shown 2.5 times enlarged; torsos are about 70 network px, so 20 is beyond a fifth of them.
    figures = score_photos(Detector(oracle(samples, (512, 320), move_net_px=20.0)), samples).figures()
    assert figures["pck"] < 0.5
    assert figures["mpjpe_teacher_mm"] < 60, "a shift in the picture turns the ray a little, and no more"


def test_joints_count_where_the_second_look_finds_them(samples):
    def moved(people, maps):
        return dataclasses.replace(people, joints_px=people.joints_px + np.float32(8.0))

    figures = score_photos(Detector(oracle(samples, (512, 320)), refine=moved), samples).figures()
    assert figures["pck"] < 0.5 and figures["pck_people"] == 6


def test_people_in_ignored_areas_are_neither_right_nor_wrong(samples):
    """The predictor finds everyone; the labels of all but the first picture's say only that somebody may be there."""
    unlabelled = [
        dataclasses.replace(
            s, people=LabelledPeople.empty(), ignore_xyxy=np.array([[0, 0, *s.size]], np.float32) if i % 2 else s.ignore_xyxy
        )
        for i, s in enumerate(samples[1:])
    ]
    figures = score_photos(Detector(oracle(samples, (512, 320))), [samples[0], *unlabelled]).figures()
    people = [len(s.people) for s in samples]
    counted = people[0] + people[1] + people[3]
    assert figures["person_precision"] == pytest.approx(people[0] / counted) and figures["recall_100"] == 1.0


def test_no_pictures_give_no_figures():
    figures = score_photos(Detector(oracle([], (512, 320))), []).figures()
    assert np.isnan(figures["pck"]) and np.isnan(figures["person_precision"]) and figures["pck_people"] == 0


def renders(folder, samples: list[Sample]) -> str:
    """A folder as ``synth render --split val`` writes it."""
    exact = [dataclasses.replace(s, synthetic=True) for s in samples]
    write_manifest(folder, {"parts": list(write_parts(folder, {"val": exact}, 1e9))})
    return str(folder)


def test_eval_synthetic_prints_figures_against_the_exact_truth(samples, tmp_path, capsys, monkeypatch):
    knowing = oracle(samples, (512, 320))
    monkeypatch.setattr("xnect_lite.runners.application.Predictor", lambda _: knowing)
    # Networks would answer with their own idea of these bodies.
    raw = ["--set", "lifting.network=false", "--set", "refining.network=false"]
    assert cli.main(["eval", "synthetic", "--data", renders(tmp_path, samples), "--json", *raw]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["images"] == 4 and figures["pck"] == 1.0 and figures["mpjpe_mm"] < 3 and figures["ap"] == 1.0
    assert "mpjpe_teacher_mm" not in figures


def test_eval_of_renders_to_train_on_is_an_error(samples, tmp_path, capsys):
    write_manifest(tmp_path, {"parts": list(write_parts(tmp_path, {"train": samples[:1]}, 1e9))})
    assert cli.main(["eval", "synthetic", "--data", str(tmp_path)]) == 2
    assert "holds no validation pictures. For renders: xnect-lite synth render --split val" in capsys.readouterr().err


def test_photographs_and_renders_of_one_pack_are_evaluated_apart(samples, tmp_path, capsys, monkeypatch):
    """An archive of three photographs and one render, as a training machine has it."""
    mixed = [dataclasses.replace(s, synthetic=i == 3) for i, s in enumerate(samples)]
    write_manifest(tmp_path, {"parts": list(write_parts(tmp_path, {"val": mixed}, 1e9))})
    for dataset, members in (("photos", mixed[:3]), ("synthetic", mixed[3:])):
        knowing = oracle(members, (512, 320))
        monkeypatch.setattr("xnect_lite.runners.application.Predictor", lambda _, knowing=knowing: knowing)
        once = ["--no-grey"] if dataset == "photos" else []
        assert cli.main(["eval", dataset, "--data", str(tmp_path), "--json", "--set", "refining.network=false", *once]) == 0
        figures = json.loads(capsys.readouterr().out)
        assert figures["images"] == len(members) and figures["pck"] == 1.0
