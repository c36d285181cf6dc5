"""A toy run through the command line: its files, exact resumption, renders, archives."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from kit import write_kit
from toy_run import STEPS, arguments

import train_pose
from xnect_lite.data.archives.parts import write_manifest, write_parts
from xnect_lite.data.readers.photokit import read_photokit
from xnect_lite.inference.weights import load_network
from xnect_lite.models.xnect import XNect
from xnect_lite.train.checkpoint import load_state
from xnect_lite.train.stage1 import run as stage1
from xnect_lite.train.stage1 import step


def test_a_run_ends_well_and_leaves_its_files(straight):
    out, result = straight
    assert result.returncode == 0, result.stderr
    names = {p.name for p in out.iterdir()}
    files = {"state.pt", "last.safetensors", "best.safetensors", "log.jsonl", "config.json", "sheet_0000001.jpg"}
    assert names - {"tensorboard"} == files
    assert "step 4" in result.stdout and "images/s" in result.stdout and "pck=" in result.stdout
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert len(lines) == 1 and lines[0]["step"] == STEPS and lines[0]["seen"] > STEPS
    assert {"pck", "recall_100", "person_precision", "mpjpe_teacher_mm"} <= lines[0].keys()
    config = json.loads((out / "config.json").read_text())
    assert config["steps"] == STEPS and config["augment"]["flip"] == 0.5, "defaults are written down too"


def test_the_run_learned_something_and_its_weights_can_be_used(straight):
    out, _ = straight
    state = load_state(out / "state.pt")
    assert state["step"] == STEPS and state["ema_updates"] == STEPS and 0 < state["spent_s"] < 240
    assert all(torch.isfinite(v).all() for v in state["net"].values())
    net = load_network(out / "last.safetensors", "selecsls42")
    torch.testing.assert_close(net.heads.out_2d.weight.detach(), state["ema"]["heads.out_2d.weight"].half().float())
    torch.manual_seed(0)
    start = XNect("selecsls42").state_dict()
    assert not torch.equal(start["heads.out_3d.weight"], state["net"]["heads.out_3d.weight"])
    torch.testing.assert_close(start["mean"], state["ema"]["mean"])


def _same(one, other, where: str = "") -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            _same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for i, (a, b) in enumerate(zip(one, other, strict=True)):
            _same(a, b, f"{where}[{i}]")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    else:
        assert one == other or (one != one and other != other), where


def test_stopped_and_resumed_is_the_same_as_straight_through(straight, photos, tmp_path, monkeypatch, capsys):
    """Ctrl-C after two steps ends the run at once with its state saved; resuming gives the very same numbers."""
    out = tmp_path / "run"
    losses, calls = step.stage1_losses, []

    def interrupted(*inputs):
        calls.append(torch.backends.cudnn.benchmark)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        return losses(*inputs)

    monkeypatch.setattr(step, "stage1_losses", interrupted)
    assert train_pose.main(arguments(photos, out)) == 0
    assert len(calls) == 2 and load_state(out / "state.pt")["step"] == 2
    assert all(calls) and not torch.backends.cudnn.benchmark, "cuDNN's search is on during training only"
    assert train_pose.main(arguments(photos, out, "--resume")) == 0
    assert len(calls) == STEPS
    state, expected = load_state(out / "state.pt"), load_state(straight[0] / "state.pt")
    for key in ("ema", "net", "optimizer", "sampler", "step", "seen", "ema_updates"):
        _same(state[key], expected[key], key)
    assert (out / "last.safetensors").read_bytes() == (straight[0] / "last.safetensors").read_bytes()
    assert [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()] == [4]
    assert "step 3" in capsys.readouterr().out


def test_resuming_a_finished_run_changes_nothing(straight, photos, tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    (out / "state.pt").write_bytes((straight[0] / "state.pt").read_bytes())
    assert train_pose.main(arguments(photos, out, "--resume")) == 0
    state, before = load_state(out / "state.pt"), load_state(straight[0] / "state.pt")
    _same(state["ema"], before["ema"])
    assert state["step"] == STEPS


def test_pictures_without_human_joints_still_leave_a_best_file(tmp_path):
    """PCK is then unknown, not zero."""
    photos = write_kit(tmp_path / "kit", train=1, val=1)
    path = photos / "lspet" / "labels.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for record in records:
        for person in record["people"]:
            person.pop("lsp14")
    path.write_text("".join(json.dumps(r) + "\n" for r in records))
    assert train_pose.main(arguments(photos, tmp_path / "run", "steps=1")) == 0
    assert (tmp_path / "run" / "best.safetensors").is_file()


@pytest.fixture(scope="module")
def renders(photos, tmp_path_factory) -> Path:
    """A folder like one that ``xnect-lite synth render`` writes: two pictures to train on, one to validate on."""
    folder = tmp_path_factory.mktemp("renders")
    splits = {
        split: [replace(s, synthetic=True) for s in list(read_photokit(photos, split, ("lspet",)))[:count]]
        for split, count in (("train", 2), ("val", 1))
    }
    write_manifest(folder, {"parts": list(write_parts(folder, splits, 1e9))})
    return folder


def test_a_run_on_photographs_and_renders_can_be_resumed(photos, renders, tmp_path, capsys):
    values = (f"data.synthetic=[{renders}]", "data.synthetic_share=0.5", "steps=1")
    assert train_pose.main(arguments(photos, tmp_path / "run", *values)) == 0
    figures = json.loads((tmp_path / "run" / "log.jsonl").read_text())
    assert {
        "pck",
        "ap",
        "mpjpe_teacher_mm",
        "renders_pck",
        "renders_ap",
        "renders_mpjpe_mm",
        "renders_pck3d_150",
    } <= figures.keys()
    assert "mpjpe_mm" not in figures and "renders_mpjpe_teacher_mm" not in figures, "truth is called so for renders alone"
    state = load_state(tmp_path / "run" / "state.pt")
    assert json.loads(state["data"])["renders"] == 2 and "synthetic_queue" in json.loads(state["sampler"])
    assert train_pose.main(arguments(photos, tmp_path / "run", *values[:2], "steps=2", "--resume")) == 0
    assert load_state(tmp_path / "run" / "state.pt")["step"] == 2
    assert train_pose.main(arguments(photos, tmp_path / "run", "--resume")) == 2
    assert "does not fit this run" in capsys.readouterr().err


def test_a_run_on_renders_alone(photos, renders, tmp_path):
    values = ("data.photos=''", f"data.synthetic=[{renders}]", "steps=1")
    assert train_pose.main(arguments(photos, tmp_path / "run", *values)) == 0
    assert json.loads(load_state(tmp_path / "run" / "state.pt")["data"])["pictures"] == 2
    assert (tmp_path / "run" / "best.safetensors").is_file()
    figures = json.loads((tmp_path / "run" / "log.jsonl").read_text())
    assert "renders_pck" in figures and "pck" not in figures


def test_the_best_weights_are_those_with_the_best_pck(photos, tmp_path, monkeypatch):
    """Three validations: the second is better than the first, the third is not, and the second is kept."""
    scores = iter([0.2, 0.4, 0.3])
    monkeypatch.setattr(stage1, "validate", lambda *_: {"pck": next(scores)})
    out, saved = tmp_path / "run", []
    monkeypatch.setattr(stage1, "save_weights", lambda path, *_: saved.append(path.name))
    assert train_pose.main(arguments(photos, out, "steps=2", "validation.every_minutes=0")) == 0
    assert [name for name in saved if name == "best.safetensors"] == ["best.safetensors"] * 2
    assert load_state(out / "state.pt")["best"] == 0.4


def test_a_run_on_an_archive_in_parts(photos, tmp_path):
    samples = {split: list(read_photokit(photos, split, ("lspet",))) for split in ("train", "val")}
    write_manifest(tmp_path, {"parts": list(write_parts(tmp_path, samples, 1))})
    values = ("data.photos=nowhere", f"data.archive={tmp_path}", "steps=1")
    assert train_pose.main(arguments(photos, tmp_path / "run", *values)) == 0
    assert json.loads(load_state(tmp_path / "run" / "state.pt")["data"])["pictures"] == 4
