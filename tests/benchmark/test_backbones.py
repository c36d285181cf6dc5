"""``eval backbones``: every row has its figures, and what was not measured is left empty."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from kit import write_kit

from xnect_lite.benchmark.backbones import compare, rows_of
from xnect_lite.benchmark.measure import Plan
from xnect_lite.cli import main as cli
from xnect_lite.config import GroupingConfig
from xnect_lite.data.readers.photokit import read_photokit
from xnect_lite.inference.weights import save_weights
from xnect_lite.models.xnect import XNect


@pytest.fixture(scope="module")
def weak(tmp_path_factory) -> str:
    """Weights of a SelecSLS-60 of which a third of the channels are too weak to be kept; it finds nobody."""
    torch.manual_seed(0)
    net = XNect("selecsls60")
    for module in net.backbone.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data[::3], module.bias.data[::3] = 1e-6, 0.0
    torch.nn.init.constant_(net.heads.out_2d.bias, -9.0)
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    save_weights(path, net.state_dict(), net.arch)
    return str(path)


def test_rows():
    names = [row.name for row in rows_of({"selecsls60": "w"}, "openvino", "fp32", (64, 32), 1e-3)]
    assert names == ["SelecSLS-60 (F)", "SelecSLS-60 (P)", "SelecSLS-60 (F) int8", "ResNet-50 (F), untrained"]
    assert len(rows_of({}, "torch", "fp32", (64, 32), 1e-3)) == 3, "int8 is OpenVINO's"


@pytest.mark.slow
def test_pruning_makes_it_smaller_and_what_has_no_weights_has_no_accuracy(weak, tmp_path):
    samples = list(read_photokit(write_kit(tmp_path, train=1, val=0), "train", ("lspet",)))
    rows = rows_of({"selecsls60": weak}, "torch", "fp32", (64, 32), 1e-3)
    table = compare(rows, torch.device("cpu"), Plan(1, 1), samples, GroupingConfig())
    plain, pruned, reference = table.values()
    assert pruned["gmacs"] < 0.7 * plain["gmacs"] and pruned["m_parameters"] < 0.7 * plain["m_parameters"]
    assert plain["m_parameters"] == pytest.approx(9.6, abs=0.1)
    assert plain["pck"] == pruned["pck"] == 0.0 and np.isnan(reference["pck"])
    assert all(row["ms"] > 0 for row in table.values()) and reference["resnet50_ms / ms"] == 1.0


def test_the_command(weak, tmp_path, capsys, monkeypatch):
    """What it measures is tested above; here, what it asks for and what it prints."""
    asked = []

    def measured(rows, device, plan, samples, *_, **__):
        asked.extend([[row.name for row in rows], str(device), plan.iterations, plan.memory, len(samples)])
        return {"SelecSLS-60 (P)": {"pck": np.nan, "ms": 12.5}}

    monkeypatch.setattr("xnect_lite.cli.evaluate_backbones.compare", measured)
    command = ["eval", "backbones", "--weights", f"selecsls60={weak}", "--backend", "torch", "--device", "cpu"]
    assert cli.main([*command, "--input-size", "64x32", "--num-iter", "7", "--out", str(tmp_path / "r.json")]) == 0
    assert asked == [["SelecSLS-60 (F)", "SelecSLS-60 (P)", "ResNet-50 (F), untrained"], "cpu", 7, True, 0]
    assert re.search(r"\| SelecSLS-60 \(P\) \| +\| 12.5 \|", capsys.readouterr().out)
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["data"] == "no accuracy measured" and "w.safetensors" in result["made_by"]["weights"]


MISTAKES = [
    (["--weights", "resnet50"], "is not NAME=FILE"),
    (["--weights", "resnet50=nowhere"], "no such weight file"),
    (["--input-size", "100x100"], "multiples of 16"),
    (["--num-iter", "0"], "is too small"),
]


@pytest.mark.parametrize(("options", "message"), MISTAKES, ids=[m[1] for m in MISTAKES])
def test_mistakes(capsys, options, message):
    assert cli.main(["eval", "backbones", *options]) == 2
    assert message in capsys.readouterr().err
