"""``xnect-lite bench networks``: what it chooses to time, at tiny sizes, and its mistakes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch

from xnect_lite.benchmark import measure as measuring
from xnect_lite.benchmark.candidate import Candidate
from xnect_lite.benchmark.candidates import build_network
from xnect_lite.cli.main import main
from xnect_lite.models.classifiers import CLASSIFIERS

QUICK = ["timing", "--device", "cpu", "--input_size", "64", "--num_iter", "1", "--warm-up", "1"]


@pytest.mark.slow
def test_the_verb_prints_a_table_with_the_published_options():
    call = [sys.executable, "-m", "xnect_lite.cli", *QUICK, "--model_class", "selecsls", "--model_config", "SelecSLS42_B",
            "--pruned_and_fused", "True", "--gamma_thresh", "0.001", "--engines", "eager"]  # fmt: skip
    done = subprocess.run(call, capture_output=True, text=True, check=False, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
    assert done.returncode == 0, done.stderr
    assert "64 b1 eager" in done.stdout
    assert "| SelecSLS-42_B " in done.stdout and "| SelecSLS-42_B (P) " in done.stdout
    assert f"torch {torch.__version__}" in done.stdout


@pytest.fixture
def no_work(monkeypatch) -> None:
    """Passes that do nothing: for what the verb chooses to time."""
    monkeypatch.setattr(measuring, "build_pass", lambda candidate, device: lambda: None)


def test_sizes_batches_networks_and_forms_multiply(no_work, capsys):
    more = [
        "--model-config",
        "selecsls42,ResNet50",
        "--input-size",
        "64,96x64",
        "--batch",
        "1,2",
        "--engines",
        "eager",
        "--json",
    ]
    assert main([*QUICK, *more]) == 0
    rows = json.loads(capsys.readouterr().out)
    seen = [(r["network"], r["form"], r["width"], r["height"], r["batch"]) for r in rows]
    assert len(seen) == len(set(seen)) == 2 * 2 * 2 * 2
    assert {s[2:4] for s in seen} == {(64, 64), (96, 64)}
    assert all(r["ratio"] == 1 for r in rows if r["network"] == "resnet50")
    assert all(r["ratio"] > 0 and r["iterations"] == 1 for r in rows)
    assert all(0 < r["best_ms"] == r["median_ms"] for r in rows)


def test_without_options_all_networks_at_the_published_sizes(no_work, capsys):
    assert main(["timing", "--device", "cpu", "--num-iter", "1", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {r["network"] for r in rows} == set(CLASSIFIERS)
    assert list(dict.fromkeys(r["width"] for r in rows)) == [512, 400, 224] and {r["batch"] for r in rows} == {1}
    assert {r["engine"] for r in rows} == {"eager", "torchscript", "compiled"} and {r["form"] for r in rows} == {
        "plain",
        "fused",
    }


def test_whole_stage_i_is_timed_with_three_backbones(capsys):
    assert main([*QUICK, "--pose", "--engines", "eager", "--forms", "plain", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(r["network"], r["engine"], r["pose"]) for r in rows] == [
        ("selecsls60", "torch", True), ("resnet50", "torch", True), ("vovnet39", "torch", True),
    ]  # fmt: skip


def test_stage_i_is_timed_at_stride_4_and_grouped_where_there_are_groups(no_work, capsys):
    more = ["--stride", "8,4", "--grouped", "--model-config", "SelecSLS42,ResNet50", "--engines", "torch", "--forms", "plain"]
    assert main([*QUICK, "--pose", *more]) == 0
    names = [line.split("|")[1].strip() for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [n for n in names if n and "-" in n and n.strip("-")] == [
        "SelecSLS-42", "SelecSLS-42, grouped", "SelecSLS-42, stride 4", "SelecSLS-42, stride 4, grouped",
        "ResNet-50", "ResNet-50, stride 4",
    ]  # fmt: skip


def test_a_batch_that_cannot_be_trained_says_why(capsys):
    assert main([*QUICK, "--train", "--model-config", "SelecSLS42"]) == 2  # norms of one value per channel
    captured = capsys.readouterr()
    assert "Expected more than 1 value per channel" in captured.err and "nothing could be measured" in captured.err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--model_config", "SelecSLS61"], "--model-config SelecSLS61: is unknown. Known: selecsls42"),
        (["--model_class", "vovnet", "--model_config", "ResNet50"], "unknown in class vovnet"),
        (["--num_iter", "0"], "--num-iter 0: is too small"),
        (["--input_size", "0"], "is no size"),
        (["--input_size", "64x64x64"], "is no size"),
        (["--input_size", "big"], "is no size"),
        (["--input_size", "99999999"], "is no size"),
        (["--pose", "--input_size", "100"], "no multiple of 16"),
        (["--batch", "1,0"], "--batch 1,0: is no list"),
        (["--engines", "eager,turbo"], "'turbo' is unknown"),
        (["--pose", "--engines", "cudagraph"], "'cudagraph' is unknown here"),
        (["--forms", "thin"], "'thin' is unknown"),
        (["--precision", "fp8"], "is unknown"),
        (["--precision", "auto"], "says not what is measured"),
        (["--model_weights", "x.pth"], "cannot fit 8 networks"),
        (["--model_weights", "x.pth", "--model_config", "SelecSLS42"], "x.pth: no such weight file"),
        (["--model_weights", __file__, "--model_config", "SelecSLS42"], "is no file of plain tensors"),
        (["--pose", "--model_weights", __file__, "--model_config", "SelecSLS42"], "is no"),
        (["--gpu_id", "0"], "both name a device"),
        (["--largest-batch"], "needs a GPU"),
        (["--device", "tpu"], "is no device"),
        (["--stride", "4"], "are of Stage I"),
        (["--pose", "--stride", "2"], "'2' is unknown"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(capsys, more, words):
    assert main([*QUICK, *more]) == 2
    error = capsys.readouterr().err.strip()
    assert words in error and len(error.splitlines()) == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("flags", [["--device", "cuda:7"], ["--device", "cuda"]])
def test_a_gpu_that_is_not_there_is_an_error(capsys, flags):
    assert main(["timing", *flags]) == 2
    assert "no CUDA device" in capsys.readouterr().err


def test_weights_of_another_network_are_refused_before_anything_is_timed(tmp_path, capsys):
    torch.save(build_network(Candidate("selecsls42b", 64, 64)).state_dict(), tmp_path / "b.pth")
    assert main([*QUICK, "--model_config", "SelecSLS42", "--model_weights", str(tmp_path / "b.pth")]) == 2
    error = capsys.readouterr().err.strip()
    assert "does not fit selecsls42" in error and len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "forms"), [("True", ["plain", "pruned"]), ("False", ["plain", "fused"]), (None, ["plain", "pruned"])]
)
def test_false_means_false(no_work, capsys, text, forms):
    flags = ["--pruned_and_fused", text] if text else ["--pruned-and-fused"]
    assert main([*QUICK, *flags, "--model_config", "SelecSLS42", "--engines", "eager", "--json"]) == 0
    assert [r["form"] for r in json.loads(capsys.readouterr().out)] == forms


def test_neither_true_nor_false_is_a_usage_error(capsys):
    with pytest.raises(SystemExit):
        main([*QUICK, "--pruned_and_fused", "maybe"])
    assert "'maybe' is neither True nor False" in capsys.readouterr().err
