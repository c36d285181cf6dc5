"""``eval mupots`` on a set in the true format, by a network that knows the answers: scored, saved, interrupted, scored anew."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from labelled_people import cell, struct, write_mat5
from test_pipeline import SIZE, TruthfulNetwork, two_walkers

from xnect_lite.camera.pinhole import image_centre_px, project
from xnect_lite.cli import main as cli
from xnect_lite.skeleton import MUPOTS17, ROOT
from xnect_lite.synth.mupots_like import save_annotations
from xnect_lite.synth.truth import Truth

FRAMES, FOCAL = 4, 640.0
RAW = ["--set", "lifting.network=false", "--set", "refining.network=false", "--set", "fitting.foot_lock=false"]


def benchmark(root: Path, names=("TS1", "TS2"), manifest: bool = True) -> Path:
    """The walkers as ``synth mupots-like`` writes them."""
    frames, poses = two_walkers(FRAMES)
    truths = []
    for frame in frames:
        cam = np.stack([joints[frame.index] + at[frame.index] for joints, at in poses])
        px, nobody = project(cam, FOCAL, image_centre_px(*SIZE)), np.zeros(SIZE[::-1], np.int16)
        truths.append(Truth(px, cam, np.ones((2, 24), bool), np.full(2, 5000), nobody, FOCAL, np.full(4, np.nan)))
    for name in names:
        (root / name).mkdir(parents=True)
        save_annotations(root / name, truths)
        for frame in frames:
            cv2.imwrite(str(root / name / f"img_{frame.index:06d}.jpg"), frame.image)
    if manifest:
        text = json.dumps({"config": {"fps": 25.0}, "sequences": [{"name": name} for name in names]})
        (root / "manifest.json").write_text(text)
    return root


@pytest.fixture
def network(monkeypatch) -> TruthfulNetwork:
    knowing = TruthfulNetwork(two_walkers(FRAMES)[1])
    monkeypatch.setattr("xnect_lite.runners.application.Predictor", lambda _: knowing)
    return knowing


def run(root: Path, *options: str) -> int:
    return cli.main(["eval", "mupots", "--root", str(root), *RAW, *options])


@pytest.mark.parametrize("stage", ["lifting", "fitting"])
def test_whoever_knows_the_answers_scores_full_marks(tmp_path, network, capsys, stage):
    assert run(benchmark(tmp_path), "--stage", stage, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    figures, table = result["figures"], result["tables"]["3DPCK at 150 mm and AUC, root-relative"]
    assert figures["pck_all_pooled"] == figures["pck_matched_sequences"] == figures["found"] == 100.0
    assert figures["mpjpe_matched_mm"] < 60 and figures["people"] == 2 * 2 * FRAMES
    assert list(table) == ["TS1", "TS2", "mean of sequences", "pooled over people"]
    assert result["part"] == "" and "renders in MuPoTS-3D's format: 2 sequences, 8 frames" in result["data"]
    assert result["made_by"]["weights"] and result["hardware"] and network.calls == 2 * FRAMES


def test_predictions_are_saved_and_scored_apart(tmp_path, network, capsys):
    root, saved = benchmark(tmp_path / "set"), str(tmp_path / "p.jsonl")
    assert run(root, "--save", saved, "--json") == 0
    first = json.loads(capsys.readouterr().out)["figures"]
    assert first.pop("ms_per_picture") > 0
    assert run(root, "--save", saved, "--json") == 0 and network.calls == 2 * FRAMES, "nothing is looked at again"
    out = capsys.readouterr()
    assert "8 of 8 pictures are there already" in out.err
    assert run(root, "--predictions", saved, "--json") == 0
    scored = json.loads(capsys.readouterr().out)
    assert scored["made_by"]["predictions"] == "p.jsonl" and scored["made_by"]["backbone"] == "selecsls60"
    assert scored["figures"] == first


class Interrupted(TruthfulNetwork):
    """Somebody presses Ctrl-C after so many pictures."""

    last = FRAMES + 1

    def __call__(self, frame, timer):
        if self.calls == self.last:
            self.last = 99
            raise KeyboardInterrupt
        return super().__call__(frame, timer)


@pytest.mark.parametrize(("stage", "looked_at_again"), [("lifting", 0), ("fitting", 1)])
def test_an_interrupted_run_prints_no_score_and_goes_on(tmp_path, monkeypatch, capsys, stage, looked_at_again):
    """The whole pipeline remembers, so it begins the unfinished sequence anew."""
    knowing = Interrupted(two_walkers(FRAMES)[1])
    monkeypatch.setattr("xnect_lite.runners.application.Predictor", lambda _: knowing)
    root, saved = benchmark(tmp_path / "set"), str(tmp_path / "p.jsonl")
    assert run(root, "--stage", stage, "--save", saved) == 130
    out = capsys.readouterr()
    assert out.out == "" and "interrupted; 5 of 8 pictures are in" in out.err
    assert cli.main(["eval", "mupots", "--root", str(root), "--predictions", saved]) == 2
    assert "holds 5 of 8 pictures; the first that is missing is TS2/img_000001.jpg" in capsys.readouterr().err
    assert run(root, "--stage", stage, "--save", saved, "--json") == 0
    assert json.loads(capsys.readouterr().out)["figures"]["pck_all_pooled"] == 100.0
    assert knowing.calls == 2 * FRAMES + looked_at_again


def test_a_part_says_that_it_is_one(tmp_path, network, capsys):
    root = benchmark(tmp_path)
    assert run(root, "--sequences", "TS2", "--every", "2") == 0
    text = capsys.readouterr().out
    assert text.startswith("PART ONLY, 1 of 2 sequences, 1 frame in 2: MuPoTS-3D protocol")
    assert "root-relative (PART ONLY)" in text and network.calls == FRAMES / 2


def test_any_system_can_be_scored(tmp_path, capsys):
    """One that found the first of two people, root-relative and half as large, in pictures of which nobody asks the others."""
    root, frames = benchmark(tmp_path / "set", names=("TS1",)), two_walkers(FRAMES)[1]
    joints, at = frames[0]
    px = project(joints + at[:, None], FOCAL, image_centre_px(*SIZE))
    lines = [{"data_set": "mupots", "joints": list(MUPOTS17.names), "made_by": "somebody"}]
    for f in range(FRAMES):
        person = {
            "joints_px": MUPOTS17.from_xnect(px[f]).tolist(),
            "joints_mm": (MUPOTS17.from_xnect(joints[f] - joints[f, [ROOT]]) / 2).tolist(),
        }
        lines.append({"record": f"TS1/img_{f:06d}.jpg", "people": [person]})
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert cli.main(["eval", "mupots", "--root", str(root), "--predictions", str(tmp_path / "p.jsonl"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["figures"]["pck_all_pooled"] == 50.0 and result["figures"]["pck_matched_pooled"] == 100.0
    assert result["figures"]["pck_all_absolute"] is None and result["made_by"]["system"] == "somebody"


def nobody(root: Path) -> None:
    shape = np.empty((1, 1), object)
    shape[0, 0] = np.zeros((0, 0))
    write_mat5(root / "TS2" / "annot.mat", {"annotations": shape})
    write_mat5(root / "TS2" / "occlusion.mat", {"occlusion_labels": shape})


def not_a_number(root: Path) -> None:
    joints = np.full((3, 17), np.nan)
    slot = struct([{"annot2": np.zeros((2, 17)), "annot3": joints, "univ_annot3": joints, "isValidFrame": np.ones((1, 1))}])
    write_mat5(root / "TS2" / "annot.mat", {"annotations": cell([slot], (1, 1))})
    write_mat5(root / "TS2" / "occlusion.mat", {"occlusion_labels": cell([np.zeros((1, 17))], (1, 1))})


def damaged(root: Path) -> None:
    slot = struct([{"annot2": np.zeros((2, 15)), "annot3": np.zeros((3, 15))}])
    write_mat5(root / "TS2" / "annot.mat", {"annotations": cell([slot], (1, 1))})
    write_mat5(root / "TS2" / "occlusion.mat", {"occlusion_labels": cell([np.zeros((1, 17))], (1, 1))})


BAD_SETS = [  # what, how, message
    ("a sequence is missing", lambda r: (r / "TS2" / "annot.mat").unlink(), "TS2/annot.mat: was not found in"),
    ("a picture is missing", lambda r: (r / "TS2" / "img_000003.jpg").unlink(), "1 pictures of TS2, the first img_000003.jpg"),
    ("a sequence without people", nobody, "TS2/annot.mat: has nobody in any frame who is to be found"),
    ("joints that are no numbers", not_a_number, "TS2/annot.mat: holds joints that are not numbers: frame 0, person 1"),
    ("a damaged record", damaged, "TS2/annot.mat, frame 0, person 1: is damaged"),
    ("a picture that is none", lambda r: (r / "TS1" / "img_000000.jpg").write_bytes(b"?"), "img_000000.jpg: is not a picture"),
]


@pytest.mark.parametrize(("case", "spoil", "message"), BAD_SETS, ids=[b[0] for b in BAD_SETS])
def test_a_set_that_is_not_whole_is_not_scored(tmp_path, network, capsys, case, spoil, message):
    root = benchmark(tmp_path)
    spoil(root)
    assert run(root) == 2
    out = capsys.readouterr()
    assert message in out.err and out.out == "", case


def test_the_data_set_itself_has_twenty_sequences(tmp_path, network, capsys):
    assert run(benchmark(tmp_path, manifest=False)) == 2
    error = capsys.readouterr().err
    assert "TS3/annot.mat, TS4/annot.mat" in error and "TS20/annot.mat: was not found" in error
    assert "SingleShotMultiPerson" in error and "or score a part with --sequences" in error
    assert run(tmp_path, "--sequences", "TS1,TS2") == 0
    assert capsys.readouterr().out.startswith("PART ONLY, 2 of 20 sequences: MuPoTS-3D protocol, MuPoTS-3D: 2 sequences")


OPTIONS = [
    (["--save", "a", "--predictions", "b"], "exclude each other"),
    (["--every", "2", "--stage", "fitting"], "tracking needs every frame"),
    (["--out", "nowhere/at/all.json"], "its folder does not exist"),
]


@pytest.mark.parametrize(("options", "message"), OPTIONS, ids=[m[1] for m in OPTIONS])
def test_options_that_make_no_sense(tmp_path, capsys, options, message):
    assert run(tmp_path, *options) == 2
    assert message in capsys.readouterr().err


# -- the two .mat files of the published script ---------------------------------------------------------------------------


def mat_files(folder: Path, people: int = 2, **changes) -> list[str]:
    """The truth of the first ``people``, once in pixels and once in millimetres; ``changes``: variables of the latter."""
    poses, px, mm = two_walkers(FRAMES)[1], {}, {}
    for f in range(FRAMES):
        cam = np.stack([joints[f] + at[f] for joints, at in poses])[:people]
        px[f"TS1_img_{f:06d}"] = MUPOTS17.from_xnect(project(cam, FOCAL, image_centre_px(*SIZE)))
        mm[f"TS1_img_{f:06d}"] = MUPOTS17.from_xnect(cam)
    write_mat5(folder / "2d.mat", px)
    write_mat5(folder / "3d.mat", {name: value for name, value in (mm | changes).items() if value is not None})
    return ["--predictions", str(folder / "2d.mat"), "--predictions-3d", str(folder / "3d.mat")]


@pytest.mark.parametrize(("people", "pck"), [(2, 100.0), (1, 50.0)])
def test_files_for_the_published_script_are_scored(tmp_path, capsys, people, pck):
    root = benchmark(tmp_path / "set", names=("TS1",))
    assert cli.main(["eval", "mupots", "--root", str(root), *mat_files(tmp_path, people), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["figures"]["pck_all_pooled"] == result["figures"]["pck_all_absolute"] == pck
    assert result["made_by"]["predictions"] == "2d.mat"


MAT_MISTAKES = [  # what, variables of the 3D file, message
    (
        "another number of people",
        {"TS1_img_000002": np.ones((1, 17, 3))},
        "3d.mat: has 1 people in TS1_img_000002, 2d.mat has 2",
    ),
    ("another number of joints", {"TS1_img_000002": np.ones((2, 15, 3))}, "TS1_img_000002 is 2 x 15 x 3, not people x 17 x 3"),
    ("NaN", {"TS1_img_000002": np.full((2, 17, 3), np.nan)}, "TS1_img_000002, person 1, holds what is not a finite number"),
    ("a picture is missing", {"TS1_img_000002": None}, "3d.mat: has no TS1_img_000002, the other file has"),
]


@pytest.mark.parametrize(("case", "changes", "message"), MAT_MISTAKES, ids=[m[0] for m in MAT_MISTAKES])
def test_mistakes_in_these_files(tmp_path, capsys, case, changes, message):
    root = benchmark(tmp_path / "set", names=("TS1",))
    assert cli.main(["eval", "mupots", "--root", str(root), *mat_files(tmp_path, **changes)]) == 2
    assert message in capsys.readouterr().err, case


def test_one_of_the_two_is_not_enough(tmp_path, capsys):
    options = mat_files(tmp_path)
    assert cli.main(["eval", "mupots", "--root", str(tmp_path), *options[:2]]) == 2
    assert "Give both .mat files, or one .jsonl" in capsys.readouterr().err


def test_the_json_alone_is_not_enough(tmp_path, capsys):
    """It lacks the height-normalised joints that the score is made against."""
    (tmp_path / "TS1").mkdir()
    image = {"id": 1, "file_name": "TS1/img_000000.jpg", "width": 640, "height": 400, "intrinsic": [640, 640, 320, 200]}
    person = {
        "image_id": 1, "is_valid": 1, "keypoints_img": [[1, 2]] * 17, "keypoints_cam": [[1, 2, 3000]] * 17,
        "keypoints_vis": [1] * 17,
    }  # fmt: skip
    (tmp_path / "MuPoTS-3D.json").write_text(json.dumps({"images": [image], "annotations": [person]}))
    assert cli.main(["eval", "mupots", "--root", str(tmp_path), "--sequences", "TS1"]) == 2
    error = capsys.readouterr().err
    assert "TS1 of MuPoTS-3D.json: has no height-normalised joints" in error and "Get the annot.mat files" in error
