"""``xnect-lite export``: what is written is compared with torch, and kept only if it is good."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
import torch
from kit import write_kit
from small_network import NAME, pictures, register, small_network

from xnect_lite.cli.main import main
from xnect_lite.config import NetworkConfig
from xnect_lite.errors import XnectError
from xnect_lite.export import write as module
from xnect_lite.export.calibration import Photographs, read_photographs
from xnect_lite.export.quantise import Accuracy, measure_accuracy
from xnect_lite.export.write import FORMATS, check_target, compare, export
from xnect_lite.inference.choose import open_backend
from xnect_lite.inference.torch_eager import TorchBackend
from xnect_lite.inference.weights import save_weights
from xnect_lite.models.compress import fuse
from xnect_lite.models.xnect import XNect
from xnect_lite.stages.network import Predictor
from xnect_lite.timer import StageTimer
from xnect_lite.types import Frame

SMALL = NetworkConfig(NAME, device="cpu", long_side_net_px=96, short_side_net_px=64)
PACKAGES = {
    "safetensors": (),
    "onnx": ("onnx", "onnxruntime"),
    "openvino": ("openvino",),
    "openvino-int8": ("openvino", "nncf"),
    "torchscript": (),
}
PHOTOGRAPHS = Photographs([p[None] for p in pictures(6, 64, 96)], [p[None] for p in pictures(2, 64, 96, seed=1)], [], "blots")


def _need(form: str) -> None:
    for package in PACKAGES[form]:
        pytest.importorskip(package)


@pytest.mark.parametrize("form", ["onnx", "openvino", "torchscript"])
def test_what_is_written_agrees_with_torch_and_is_reported(net, tmp_path, form):
    _need(form)
    report = export(net, form, tmp_path / "new" / f"network{FORMATS[form]}", SMALL)
    assert sorted(report.files) == sorted((tmp_path / "new").iterdir())  # and nothing else is left there
    assert report.bytes == sum(f.stat().st_size for f in report.files) and report.accuracy is None
    assert [e.output for e in report.errors] == ["heatmaps", "centre", "pafs", "locations", "depth"] * 2
    assert {e.pictures for e in report.errors} == {"noise", "blots"}
    assert all(0 <= e.share < 1e-4 and e.worst >= 0 for e in report.errors) and any(e.worst > 0 for e in report.errors)
    assert json.loads(json.dumps(report.as_dict()))["files"]


def half_silenced(path: Path) -> XNect:
    """A network of whose norms' scales every other is nothing, saved to ``path``."""
    net = small_network()
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight[::2] = 0.0
    save_weights(path, net.state_dict(), net.arch)
    return net


def test_the_command_prunes_what_training_has_silenced(tmp_path, monkeypatch, capsys):
    """Half of the norms' scales are nothing: the file is narrower, computes the same, and runs like any other."""
    register(monkeypatch)
    net = half_silenced(tmp_path / "whole.safetensors")
    small = tmp_path / "small.safetensors"
    words = ["export", "--format", "safetensors", "-o", str(small), "--backbone", NAME]
    assert main([*words, "--weights", str(tmp_path / "whole.safetensors"), "--prune", "0.001"]) == 0
    out = capsys.readouterr()
    assert "kept/total" in out.err and "GMACs" in out.err and str(small) in out.out
    assert small.stat().st_size < 0.6 * (tmp_path / "whole.safetensors").stat().st_size
    image = pictures(1, 64, 96)
    before = TorchBackend(net, "cpu", "fp32")(image)
    after = open_backend(dataclasses.replace(SMALL, weights=str(small), backend="torch", precision="fp32"))(image)
    for name, expected in before.items():
        assert (after[name] - expected).abs().max() < 0.02 * expected.abs().max(), name
    assert main([*words, "--weights", str(small), "--prune", "0.001"]) == 2
    assert "no batch norms left" in capsys.readouterr().err


def test_pruning_says_what_it_does_to_the_network(tmp_path, monkeypatch, capsys):
    """The file is always close to the pruned network; whether that is still the network it was is another figure."""
    register(monkeypatch)
    half_silenced(tmp_path / "whole.safetensors")
    words = ["export", "--format", "safetensors", "-o", str(tmp_path / "small.safetensors"), "--backbone", NAME, "--weights"]
    change = {}
    for gamma in ("0.001", "100"):  # nothing that counts is cut; nearly everything is
        assert main([*words, str(tmp_path / "whole.safetensors"), "--prune", gamma, "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert max(row["share"] for row in report["errors"]) < 0.02
        change[gamma] = max(row["share"] for row in report["against_unpruned"])
    assert change["0.001"] < 1e-4 and change["100"] > 0.1
    assert main([*words, str(tmp_path / "whole.safetensors"), "--prune", "0.001"]) == 0
    assert "against the unpruned network: " in capsys.readouterr().out


def test_int8_is_close_and_runs_from_its_file(net, tmp_path):
    _need("openvino-int8")
    report = export(net, "openvino-int8", tmp_path / "network.xml", SMALL, PHOTOGRAPHS, max_drop=3.0)
    assert report.accuracy.before == 100 and 97 < report.accuracy.after < 100  # the joint maps' cosine
    assert {e.pictures for e in report.errors} == {"noise", "photographs"}
    backend = open_backend(dataclasses.replace(SMALL, weights=str(tmp_path / "network.xml")))
    assert (backend.name, backend.precision) == ("openvino", "int8")
    image = pictures(1, 96, 64, seed=5)
    with torch.inference_mode():
        truth = net(image.permute(0, 3, 1, 2).float())
    found = backend(image)
    for name, value in truth.items():
        error = (found[name] - value).std() / value.std()
        assert 1e-4 < error < 0.5, f"{name}: {error:.3f}"  # rounded, but not another map


def test_int8_that_loses_too_much_is_not_kept(net, tmp_path, monkeypatch):
    def write(net, form, part, *_):
        part.write_text("network")
        part.with_suffix(".bin").write_text("weights")
        return TorchBackend(small_network(), "cpu", "fp32")

    _need("openvino-int8")
    monkeypatch.setattr(module, "_write", write)
    monkeypatch.setattr(module.openvino, "open_network", lambda *_: None)
    monkeypatch.setattr(module, "measure_accuracy", lambda *_: Accuracy("PCK@0.2 on 9 photographs", 40.0, 38.5))
    message = r"network\.xml: not kept: int8 loses 1\.50 points, more than 1 \(PCK@0\.2 on 9 photographs\)\. .*--max-drop"
    with pytest.raises(XnectError, match=message):
        export(net, "openvino-int8", tmp_path / "network.xml", SMALL, PHOTOGRAPHS)
    assert list(tmp_path.iterdir()) == []
    export(net, "openvino-int8", tmp_path / "network.xml", SMALL, PHOTOGRAPHS, max_drop=2.0)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("after", [math.nan, 30.0], ids=["no figure", "ten points"])
def test_no_figure_is_no_pass(after):
    with pytest.raises(XnectError, match="not kept"):
        module._judge(SMALL, (), Accuracy("PCK", 40.0, after), 1.0)


@pytest.mark.parametrize("form", ["onnx", "openvino", "torchscript"])
def test_a_file_that_computes_something_else_is_not_kept(net, tmp_path, monkeypatch, form):
    _need(form)
    other = small_network(seed=1)
    write = module._write
    monkeypatch.setattr(module, "_write", lambda _net, *rest: write(other, *rest))
    with pytest.raises(XnectError, match=r"not kept: \w+ is \d\.\de.\d\d of its range away from torch's on (noise|blots)"):
        export(net, form, tmp_path / f"network{FORMATS[form]}", SMALL)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [math.nan, math.inf, 0.5])
def test_the_comparison_sees_what_is_wrong(wrong):
    maps = {name: torch.ones(1, 2, 4, 4) for name in ("heatmaps", "centre", "pafs", "locations", "depth")}
    changed = {**maps, "pafs": maps["pafs"].clone()}
    changed["pafs"][0, 1, 2, 3] += wrong
    errors = compare(lambda _: maps, lambda _: changed, "noise", [pictures(1, 32, 32)])
    assert [e.output for e in errors if e.share > 1e-3] == ["pafs"]


@pytest.mark.parametrize("form", ["onnx", "openvino", "torchscript"])
@pytest.mark.parametrize("kind", ["fused", "stride 4"])
def test_networks_of_other_forms_are_exported_too(net, tmp_path, monkeypatch, form, kind):
    _need(form)
    register(monkeypatch)
    other = fuse(net) if kind == "fused" else XNect(NAME, stride=4).eval()
    file = tmp_path / f"network{FORMATS[form]}"
    export(other, form, file, SMALL)
    if form == "torchscript":
        return
    maps = Predictor(dataclasses.replace(SMALL, weights=str(file)))(Frame(pictures(1, 64, 96)[0].numpy(), 0.0, 0), StageTimer())
    assert maps.stride == (8 if kind == "fused" else 4) and maps.pafs.shape == (50, 64 // maps.stride, 96 // maps.stride)


def test_the_network_handed_over_stays_as_it_was(net, tmp_path):
    _need("openvino")
    before = {k: (v.clone(), v.stride()) for k, v in net.state_dict().items()}
    export(net, "openvino", tmp_path / "network.xml", SMALL)
    assert all(torch.equal(v, before[k][0]) and v.stride() == before[k][1] for k, v in net.state_dict().items())


# -- pictures --------------------------------------------------------------------------------------------------------


def test_a_photo_kit_calibrates_on_one_split_and_scores_the_other(tmp_path):
    photographs = read_photographs(write_kit(tmp_path, train=5, val=3), SMALL, calibration=4, check=2)
    assert len(photographs.calibration) == 3 and len(photographs.labelled) == len(photographs.check) == 2
    assert photographs.calibration[0].shape == (1, 64, 96, 3) and photographs.calibration[0].dtype == torch.uint8
    assert photographs.title == "2 validation photographs"


def test_a_folder_without_labels_keeps_some_for_the_check(tmp_path):
    for i, picture in enumerate(pictures(9, 80, 60)):
        cv2.imwrite(str(tmp_path / f"{i}.png"), picture.numpy())
    (tmp_path / "broken.png").write_bytes(b"no picture")
    photographs = read_photographs(tmp_path, SMALL, calibration=20, check=20)
    assert (len(photographs.calibration), len(photographs.check), photographs.labelled) == (6, 3, [])
    assert photographs.check[0].shape == (1, 96, 64, 3)
    assert not any(torch.equal(a, b) for a in photographs.calibration for b in photographs.check)


def test_labels_are_scored(net, tmp_path):
    """The two back ends' own PCK, in percent."""
    photographs = read_photographs(write_kit(tmp_path), SMALL, calibration=1, check=2)
    backend = open_backend(SMALL, net)
    accuracy = measure_accuracy(backend, backend, photographs, SMALL)
    assert accuracy.measure == "PCK@0.2 on 2 validation photographs"
    assert accuracy.before == accuracy.after == 0 and accuracy.drop == 0  # random weights find nobody


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "none", r"none: is no folder"),
        (lambda folder: folder, r"has no picture that can be read"),
    ],
    ids=["no folder", "an empty folder"],
)
def test_without_pictures_there_is_an_error(tmp_path, make, message):
    with pytest.raises(XnectError, match=message):
        read_photographs(make(tmp_path), SMALL, 4, 4)


# -- bad requests ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "name", "message"),
    [
        ("tflite", "a.tflite", r"--format tflite: is unknown. Use one of safetensors, onnx, openvino"),
        ("torchscript", "a.onnx", r"a\.onnx: expected a name that ends in \.ts for torchscript. Change --output"),
        ("torchscript", "folder.ts", r"folder\.ts: is a folder"),
        ("torchscript", "file/a.ts", r"a\.ts: cannot be written"),
    ],
)
def test_targets_that_cannot_be(tmp_path, form, name, message):
    (tmp_path / "folder.ts").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(XnectError, match=message):
        check_target(form, tmp_path / name)


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(module.os, "access", lambda *_: False)
    with pytest.raises(XnectError, match=r"a\.ts: its folder cannot be written. Choose a folder you may write to"):
        check_target("torchscript", tmp_path / "a.ts")


def test_a_full_disk_is_named(net, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_write", full)
    with pytest.raises(XnectError, match=r"a\.ts: cannot be written \(No space left on device\)"):
        export(net, "torchscript", tmp_path / "a.ts", SMALL)


@pytest.mark.parametrize(
    ("form", "package", "extra"),
    [("onnx", "onnx", "export"), ("openvino", "openvino", "cpu"), ("openvino-int8", "nncf", "export")],
)
def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch, form, package, extra):
    real = importlib.util.find_spec
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None if name == package else real(name))
    for other in PACKAGES[form]:
        if other != package:
            pytest.importorskip(other)
    message = rf"--format {form}: needs the package {package}, which is not installed\. Run pip install -e '\.\[{extra}\]'"
    with pytest.raises(XnectError, match=message):
        check_target(form, tmp_path / f"a{FORMATS[form]}")


def _run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "xnect_lite.cli", "export", *arguments], capture_output=True, text=True, timeout=300
    )


@pytest.mark.slow
def test_the_command_writes_a_file_and_reports(tmp_path):
    """As a process of its own, with a network that is known there."""
    torch.manual_seed(0)
    net = XNect("selecsls42")
    weights, file = tmp_path / "w.safetensors", tmp_path / "w.ts"
    save_weights(weights, net.state_dict(), net.arch)
    done = _run("--format", "torchscript", "-o", str(file), "--weights", str(weights), "--backbone", "selecsls42")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == str(file) and "differences from torch fp32" in done.stdout
    assert file.is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "torchscript", "-o", "{folder}/a.ts", "--weights", "{folder}/none.safetensors"], "no such weight file"),
        (["--format", "torchscript", "-o", "{folder}/a.ts", "--weights", "{folder}/a.onnx"], "is an exported network already"),
        (["--format", "torchscript", "-o", "{folder}/a.ts", "--weights", "{folder}/cut.safetensors"], "is no safetensors file"),
        (["--format", "torchscript", "-o", "{folder}/a.xyz"], "expected a name that ends in .ts"),
    ],
    ids=["no weights", "an exported file", "weights cut short", "a wrong suffix"],
)
def test_the_command_says_what_is_wrong_in_one_line(tmp_path, capsys, monkeypatch, net, arguments, message):
    register(monkeypatch)
    save_weights(tmp_path / "cut.safetensors", net.state_dict(), net.arch)
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "cut.safetensors").read_bytes()[:500])
    (tmp_path / "a.onnx").write_bytes(b"")
    assert main(["export", "--backbone", NAME, *(a.format(folder=tmp_path) for a in arguments)]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error and "\n" not in error


def test_int8_without_pictures_is_refused(tmp_path, capsys, monkeypatch, net):
    _need("openvino-int8")
    register(monkeypatch)
    save_weights(tmp_path / "w.safetensors", net.state_dict(), net.arch)
    arguments = ["--backbone", NAME, "--weights", str(tmp_path / "w.safetensors"), "-o", str(tmp_path / "a.xml")]
    assert main(["export", "--format", "openvino-int8", *arguments]) == 2
    assert "needs pictures to calibrate with. Give --photos DIR" in capsys.readouterr().err
