"""Classifier accuracy on made-up folders of plain colours, whose answers can be worked out by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from xnect_lite.cli.main import main
from xnect_lite.errors import XnectError
from xnect_lite.evaluate.imagenet import DEVIATION, MEAN, Preprocessing, read_tree, score
from xnect_lite.models.classifiers import build_classifier

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
SMALL = Preprocessing(resize=16, crop=8)
CPU = torch.device("cpu")


def write_tree(root: Path, pictures: dict[str, list[str]]) -> Path:
    """{class folder: colours of its pictures}; the colour 'broken' is a JPEG that ends too early."""
    for folder, colours in pictures.items():
        (root / folder).mkdir(parents=True)
        for i, colour in enumerate(colours):
            path = root / folder / f"{i}_{colour}.jpg"
            Image.new("RGB", (24, 20), COLOURS.get(colour, (9, 9, 9))).save(path, quality=95)
            if colour == "broken":
                path.write_bytes(path.read_bytes()[:200])
    return root


class MeanColour(nn.Module):
    """Answers with the strengths of blue, green, red, in the order of the sorted class names; then ``more`` silent outputs."""

    def __init__(self, more: int = 0) -> None:
        super().__init__()
        self.more = more

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        rgb = images.mean((2, 3)) * torch.tensor(DEVIATION) + torch.tensor(MEAN)
        return nn.functional.pad(rgb.flip(1), (0, self.more), value=-1.0)


class Always(nn.Module):
    """Ranks the outputs in one order whatever the picture."""

    def __init__(self, ranking: list[int]) -> None:
        super().__init__()
        self.logits = torch.zeros(len(ranking))
        self.logits[ranking] = torch.arange(len(ranking), 0, -1).float()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(len(images), -1)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("batch", "workers"), [(2, 0), (100, 0), (3, 1)])
def test_errors_are_counted_over_pictures_whatever_the_batch(tmp_path, interpolation, batch, workers):
    tree = read_tree(write_tree(tmp_path, {"red": ["red", "red", "green"], "green": ["green"], "blue": ["red"]}))
    result = score(MeanColour(), tree, Preprocessing(16, 8, interpolation), CPU, batch=batch, workers=workers)
    assert (result.pictures, result.right_top1, result.right_top5) == (5, 3, 5)  # one green in red, one red in blue
    assert result.top1_error == pytest.approx(40) and result.top5_error == 0


def test_the_sixth_rank_is_no_longer_top_5(tmp_path):
    folders = {f"c{i}": ["red"] * (i + 1) for i in range(6)}  # 1 .. 6 pictures, 21 in all
    result = score(Always([5, 4, 3, 2, 1, 0]), read_tree(write_tree(tmp_path, folders)), SMALL, CPU)
    assert result.top1_error == pytest.approx(100 * 15 / 21) and result.top5_error == pytest.approx(100 * 1 / 21)


def test_unreadable_pictures_are_named_and_left_out(tmp_path):
    tree = read_tree(write_tree(tmp_path, {"blue": ["blue"], "green": ["broken"], "red": ["red", "broken", "blue"]}))
    result = score(MeanColour(), tree, SMALL, CPU, batch=1)
    assert [Path(p).name for p in result.unreadable] == ["0_broken.jpg", "1_broken.jpg"]
    assert (result.pictures, result.right_top1) == (3, 2)


def test_256_pixels_then_the_middle_224_then_imagenets_scale():
    columns = np.broadcast_to(np.arange(256, dtype=np.uint8)[None, :, None], (256, 256, 3)).copy()
    out = Preprocessing().build()(Image.fromarray(columns))
    assert out.shape == (3, 224, 224)
    expected = (torch.arange(16, 240)[None] / 255 - torch.tensor(MEAN)[:, None]) / torch.tensor(DEVIATION)[:, None]
    torch.testing.assert_close(out[:, 100], expected)


def test_bicubic_is_not_bilinear():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    bilinear, bicubic = (Preprocessing(40, 40, how).build()(noise) for how in ("bilinear", "bicubic"))
    assert (bilinear - bicubic).abs().max() > 0.05


def test_the_middle_is_cropped_and_the_shorter_side_resized():
    columns = np.zeros((10, 40, 3), np.uint8)
    columns[:, 15:25] = 255  # the middle quarter of a wide picture is white
    out = Preprocessing(10, 10).build()(Image.fromarray(columns))
    assert out.shape == (3, 10, 10) and out[0].min() > 2


def test_classes_are_sorted_folders_or_the_lines_of_a_file(tmp_path):
    root = write_tree(tmp_path / "d" / "val", {"b": ["red"], "a": ["red"]}).parent
    assert read_tree(root).classes == ("a", "b")  # by way of val
    order = tmp_path / "order.txt"
    order.write_text("x\nb\na\n")
    tree = read_tree(root, order)
    assert [(Path(p).parent.name, output) for p, output in tree.pictures] == [("a", 2), ("b", 1)]
    order.write_text("x\nb\n")
    with pytest.raises(XnectError, match=r"order.txt: does not name the class folder 'a'"):
        read_tree(root, order)


def test_an_empty_class_folder_still_stands_for_its_output(tmp_path):
    tree = read_tree(write_tree(tmp_path, {"a": [], "b": ["red"]}))
    assert tree.classes == ("a", "b") and [output for _, output in tree.pictures] == [1]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p / "absent", "is no folder"),
        (lambda p: p, "holds no folders of classes"),
        (lambda p: write_tree(p, {"red": []}), "no pictures in its 1 folders"),
    ],
)
def test_what_is_no_image_tree(tmp_path, make, words):
    with pytest.raises(XnectError, match=words):
        read_tree(make(tmp_path))


@pytest.mark.parametrize(
    ("net", "pictures", "words"),
    [
        (Always([0, 1]), {"a": ["red"], "b": ["red"], "c": ["red"]}, "3 classes, but the network has 2 outputs"),
        (MeanColour(), {"a": ["broken"]}, "none of 1 pictures can be read"),
        (Always([0, 1]), {"a": ["red"]}, "not finite"),
    ],
)
def test_what_cannot_be_scored(tmp_path, net, pictures, words):
    if words == "not finite":
        net.logits[0] = float("nan")
    with pytest.raises(XnectError, match=words):
        score(net, read_tree(write_tree(tmp_path, pictures)), SMALL, CPU)


# -- the verb --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """SelecSLS-42 with 8 outputs that ranks 6, 0, 1, 2, 3, 4, 5, 7 whatever it sees."""
    net = build_classifier("selecsls42", 8)
    net.classifier[0].weight.data.zero_()
    net.classifier[0].bias.data[[6, 0, 1, 2, 3, 4, 5, 7]] = torch.arange(8, 0, -1).float()
    path = tmp_path_factory.mktemp("weights") / "selecsls42.safetensors"
    save_file({k: v.half() if v.is_floating_point() else v for k, v in net.state_dict().items()}, path)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Classes 0..7; 2 pictures in 6, 1 in 0, 1 in 5, and one in 7 that is broken: top-1 50 %, top-5 25 %."""
    counts = {"6": ["red", "blue"], "0": ["red"], "5": ["green"], "7": ["broken"], **{i: [] for i in "1234"}}
    return write_tree(tmp_path_factory.mktemp("data"), counts)


def options(data: Path, weights: Path, *more: str) -> list[str]:
    return ["imagenet", "--data", str(data), "--model_config", "SelecSLS42", "--model_weights", str(weights), "--device", "cpu",
            "--workers", "0", "--resize", "32", "--crop", "32", *more]  # fmt: skip


def test_the_verb_prints_errors_and_names_the_unreadable(data, weights):
    call = [sys.executable, "-m", "xnect_lite.cli", *options(data, weights)]
    done = subprocess.run(call, capture_output=True, text=True, check=False, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "Top-1 Error: 50.00 Top-5 Error 25.00"
    assert "SelecSLS-42 (as loaded), 4 pictures, 1 unreadable, 32/32 bilinear; CPU, fp32" in done.stdout
    assert "0_broken.jpg: cannot be read" in done.stderr


@pytest.mark.parametrize(
    ("more", "form"),
    [
        (["--pruned-and-fused"], "pruned at 0.0001"),
        (["--pruned_and_fused", "True", "--gamma_thresh", "-1"], "fused"),
        (["--simulate_pruning", "--gamma-thresh", "0.5", "--pruned_and_fused", "False"], "pruning simulated at 0.5"),
        (["--precision", "bf16", "--interpolation", "bicubic"], "as loaded"),
    ],
)
def test_the_forms_of_the_network_classify_alike(data, weights, capsys, more, form):
    assert main(options(data, weights, "--json", *more)) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["form"].startswith(form)
    assert (figures["top1_error"], figures["top5_error"], figures["pictures"], figures["unreadable"]) == (50, 25, 4, 1)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--model_config", "SelecSLS60"], "does not fit selecsls60"),
        (["--model_config", "SelecSLS61"], "is unknown"),
        (["--model_class", "selecsls", "--model_config", "ResNet50"], "unknown in class selecsls"),
        (["--model_config", "SelecSLS42,SelecSLS60"], "names no single network"),
        (["--model_weights", ""], "is missing"),
        (["--pruned-and-fused", "--simulate-pruning"], "exclude each other"),
        (["--crop", "0"], "--crop 0: is too small"),
        (["--data", "/nowhere/at/all"], "is no folder"),
        (["--gpu_id", "0"], "both name a device"),
        (["--precision", "fp8"], "is unknown"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(data, weights, capsys, more, words):
    assert main(options(data, weights, *more)) == 2
    error = capsys.readouterr().err.strip()
    assert words in error and len(error.splitlines()) == 1


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_truncated_weight_file_is_one_line_and_exit_code_2(data, weights, tmp_path, capsys, suffix):
    torch.save({"classifier.0.weight": torch.zeros(1000)}, tmp_path / "whole.pth")
    whole = weights if suffix == ".safetensors" else tmp_path / "whole.pth"
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole.read_bytes()[:1500])
    assert main(options(data, cut)) == 2
    error = capsys.readouterr().err.strip()
    assert str(cut) in error and len(error.splitlines()) == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_an_error(data, weights, capsys):
    rest = [o for o in options(data, weights) if o not in ("--device", "cpu")]
    assert main([*rest, "--device", "cuda"]) == 2
    assert "no CUDA device" in capsys.readouterr().err
