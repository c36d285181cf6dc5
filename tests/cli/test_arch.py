"""``xnect-lite arch``: what is printed, drawn and pruned."""

from __future__ import annotations

import cv2
import pytest
import torch
from small_network import NAME, register

from xnect_lite.cli.main import main
from xnect_lite.inference.single import load_single
from xnect_lite.inference.weights import load_network, save_weights
from xnect_lite.models.fabric.config import CellConfig, FabricHeadsConfig, HeadsConfig
from xnect_lite.models.fabric.prune import dropped_of
from xnect_lite.models.fabric.single import FabricConfig
from xnect_lite.models.single import build_single
from xnect_lite.models.xnect import XNect
from xnect_lite.train.single.config import SingleConfig, arch_of
from xnect_lite.train.single.data import SingleDataConfig

CELL = CellConfig(depth=3, cut_layers_num=1, size_types=(1, 2), factor=4, operators=("Zero", "skip_connect", "Sep_Conv_3x3"))
BACKBONE = CellConfig(depth=3, cut_layers_num=0, size_types=(1, 2), factor=4, operators=("skip_connect",))


@pytest.fixture
def run(tmp_path):
    """A run's folder with a single-person fabric in which the head's last cell reads only what is finer."""
    torch.manual_seed(0)
    config = SingleConfig(
        network="fabric", width_net_px=64, height_net_px=64, data=SingleDataConfig(photos="somewhere"),
        fabric=FabricConfig("meta_arch", 3, CELL, BACKBONE, 2),
    )  # fmt: skip
    net = build_single(arch_of(config))
    fabric = net.net.parts["head_part"].fabric
    with torch.no_grad():
        fabric.betas[2] = torch.tensor([-200.0, 0.0, -200.0])
        fabric.alphas[0] = torch.tensor([-200.0, 0.0, 1.0])
    save_weights(tmp_path / "best.safetensors", net.state_dict(), net.arch)
    return tmp_path


def test_show_prints_costs_weights_and_the_strongest_and_draws_them(run, capsys):
    assert main(["arch", "show", str(run)]) == 0
    said = capsys.readouterr().out
    assert "network: " in said and "GMACs at 64 x 64" in said
    assert "upper_limb_part: 3 cells" in said and "head_part: 3 cells" in said
    assert "cell_2_0  beta  parallel 0.000  finer 1.000*  coarser 0.000" in said
    assert "alpha Zero 0.000  skip_connect 0.269  Sep_Conv_3x3 0.731*" in said
    assert "head_part: cell_2_0(Sep_Conv_3x3) <- cell_1_0(Sep_Conv_3x3) <- map 0" in said
    picture = cv2.imread(str(run / "architecture.png"))
    assert picture is not None and picture.std() > 5


def test_prune_writes_a_smaller_network_that_says_the_same(run, capsys):
    assert main(["arch", "prune", str(run), "-o", str(run / "small.safetensors")]) == 0
    said = capsys.readouterr().out
    assert "net.parts.head_part.fabric:cell_1_1" in said and "1 cells" in said
    before, after = load_single(run / "best.safetensors"), load_single(run / "small.safetensors")
    picture = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(after(picture)[0], before(picture)[0], rtol=0, atol=1e-5)
    assert sum(p.numel() for p in after.parameters()) < sum(p.numel() for p in before.parameters())
    assert main(["arch", "show", str(run / "small.safetensors")]) == 0
    assert "pruned: cell_1_1" in capsys.readouterr().out


def test_stage1_with_fabrics_is_pruned_by_a_threshold(tmp_path, monkeypatch, capsys):
    register(monkeypatch)
    net = XNect(NAME, heads=HeadsConfig(FabricHeadsConfig(parts=3, factor=1)))
    with torch.no_grad():
        for part in net.heads.parts.values():
            part.fabric.betas[:, 0] = 3.0
    save_weights(tmp_path / "last.safetensors", net.state_dict(), net.arch)
    assert main(["arch", "prune", str(tmp_path), "--threshold", "0.1"]) == 0
    assert "train stage1" in capsys.readouterr().out
    assert len(dropped_of(load_network(tmp_path / "pruned.safetensors", NAME))) > 10


def test_what_has_no_fabric_is_refused(tmp_path, monkeypatch, capsys):
    register(monkeypatch)
    net = XNect(NAME)
    save_weights(tmp_path / "w.safetensors", net.state_dict(), net.arch)
    (tmp_path / "empty").mkdir()
    for arguments, message in (
        (["show", str(tmp_path / "w.safetensors")], "has no fabric"),
        (["show", str(tmp_path / "empty")], "holds no weights"),
        (["prune", str(tmp_path / "none")], "no such run"),
        (["prune", str(tmp_path / "w.safetensors"), "-o", "a.onnx"], "has no fabric"),
    ):
        assert main(["arch", *arguments]) == 2
        assert message in capsys.readouterr().err


def test_a_threshold_of_one_or_a_name_of_another_kind_is_refused(run, capsys):
    assert main(["arch", "prune", str(run), "--threshold", "1"]) == 2
    assert "threshold 1" in capsys.readouterr().err
    assert main(["arch", "prune", str(run), "-o", str(run / "a.onnx")]) == 2
    assert ".safetensors" in capsys.readouterr().err
    assert main(["arch", "show", str(run), "-o", str(run / "a.picture")]) == 2
    assert "ends in .png" in capsys.readouterr().err
