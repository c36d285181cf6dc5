"""Mistakes in a run's settings and files end in one line."""

from __future__ import annotations

import pickle

import pytest
import torch
from bomb import Bomb
from toy_run import arguments, command

import train_pose
from xnect_lite.errors import XnectError
from xnect_lite.models.xnect import XNect
from xnect_lite.train.checkpoint import load_state, save_state


def test_an_unknown_key_ends_with_code_2_and_the_nearest_key(tmp_path):
    result = command("stage1", "--set", "learning_rat=1", "--set", f"out={tmp_path / 'run'}")
    assert result.returncode == 2
    assert result.stderr.strip() == "configuration key 'learning_rat': is unknown. Did you mean 'learning_rate'?"
    assert result.stdout == "" and not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("data.photos=nowhere", r"nowhere.lspet.labels.jsonl: does not exist.*--set data.photos="),
        ("data.sets=[lspet, ccp]", r"ccp.labels.jsonl: does not exist"),
        ("data.backgrounds=nowhere", r"nowhere: is no folder"),
        ("data.archive=nowhere.npz", r"nowhere.npz: is no training archive"),
        ("data.synthetic=[nowhere]", r"nowhere: is no training archive"),
        ("data.synthetic_share=1.0", r"'data.synthetic_share': needs 0 to below 1, got 1.0. Write --set data.synth"),
        ("data.synthetic_share=0.3", r"data.synthetic_share: is 0.3, but there are not both renders and photographs"),
        ("data.human_share=-0.1", r"'data.human_share': needs 0 to below 1, got -0.1"),
        ("frozen_stride=2", r"'frozen_stride': needs 0, 4, 8 or 16, got 2"),
        ("init=nowhere.safetensors", r"nowhere.safetensors: no such weight file"),
        ("backbone=selecsls61", r"backbone 'selecsls61': is unknown. Known: selecsls42"),
        ("device=cuda:99", r"--device cuda:99: "),
        ("optimizer=sgd", r"'optimizer': needs adamw or adam, got 'sgd'"),
        ("accumulate=0", r"'accumulate': needs 1 to 10000, got 0"),
        ("precision=fp17", r"'precision': needs bf16 or fp32, got 'fp17'"),
        ("augment.paste=15", r"'augment.paste': needs 0 to 1, got 15"),
        ("augment.jpeg=-0.1", r"'augment.jpeg': needs 0 to 1, got -0.1"),
        ("data.finish_share=1.5", r"'data.finish_share': needs 0 to 1, got 1.5"),
        ("snapshots=[0.5, 1.0]", r"'snapshots': needs more than 0 to below 1, got 1.0"),
        ("augment.min_person_net_px=0", r"'augment.min_person_net_px': needs more than 0 to 4096, got 0"),
        ("data.sizes_net_px=[[64, 65]]", r"'data.sizes_net_px': needs 16 to 4096 in multiples of 16, got 65"),
        ("data.finish_sizes_net_px=[]", r"finish_sizes_net_px needs a size at least"),
        ("validation.width_net_px=100", r"'validation.width_net_px': needs 16 to 4096 in multiples of 16, got 100"),
        ("--resume", r"state.pt: does not exist. Start the run without --resume"),
        ("--config=nowhere.yaml", r"nowhere.yaml: cannot be read"),
    ],
    ids=lambda v: v.partition("=")[0],
)
def test_mistakes_end_in_one_line_with_code_2(photos, tmp_path, capsys, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    assert train_pose.main(arguments(photos, tmp_path / "run", change)) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line and "decoding" not in line]  # the progress bar
    assert len(lines) == 1 and "Traceback" not in lines[0]
    with pytest.raises(XnectError, match=message):
        raise XnectError(lines[0], "", "")


@pytest.mark.parametrize("kind", ["pickle", "a pickle inside torch.save", "text", "cut off"])
def test_a_state_file_that_is_none_is_refused_and_never_executed(tmp_path, kind):
    path, marker = tmp_path / "state.pt", tmp_path / "executed"
    if kind == "pickle":
        path.write_bytes(pickle.dumps({"net": Bomb(marker)}, protocol=2))
    elif kind == "text":
        path.write_text("hello")
    else:
        save_state(path, {"net": torch.zeros(100) if kind == "cut off" else Bomb(marker)})
        if kind == "cut off":
            path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(XnectError, match=r"state\.pt: is no training state .* Remove it to start afresh"):
        load_state(path)
    assert not marker.exists()


def test_a_state_of_another_network_is_refused(photos, tmp_path, capsys):
    out = tmp_path / "run"
    save_state(out / "state.pt", {"net": XNect("selecsls60").state_dict(), "step": 1})
    assert train_pose.main(arguments(photos, out, "--resume")) == 2
    assert "state.pt: does not fit this run" in capsys.readouterr().err


@pytest.mark.slow
def test_a_finished_run_is_not_overwritten_by_a_new_one(straight, photos, capsys):
    before = (straight[0] / "state.pt").read_bytes()
    assert train_pose.main(arguments(photos, straight[0])) == 2
    assert "holds a run already. Go on with it by --resume" in capsys.readouterr().err
    assert (straight[0] / "state.pt").read_bytes() == before


def test_resuming_over_other_pictures_is_refused(straight, photos, tmp_path, capsys):
    out = tmp_path / "run"
    out.mkdir()
    (out / "state.pt").write_bytes((straight[0] / "state.pt").read_bytes())
    assert train_pose.main(arguments(photos, out, "data.limit=1", "--resume")) == 2
    assert "does not fit this run (it was trained on" in capsys.readouterr().err


def test_saving_a_state_replaces_it_whole(tmp_path):
    path = tmp_path / "deep" / "state.pt"
    for number in (1, 2):
        save_state(path, {"step": number, "values": [1.5, "a", {"b": torch.ones(2)}]})
    state = load_state(path)
    assert state["step"] == 2 and state["values"][:2] == [1.5, "a"] and list(path.parent.iterdir()) == [path]
