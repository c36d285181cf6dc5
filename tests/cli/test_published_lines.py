"""The usage lines of SelecSLS's published scripts (SelecSLS-Pytorch 3852734), word for word, on a machine without a GPU."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from xnect_lite.benchmark import measure as measuring
from xnect_lite.cli.main import main
from xnect_lite.models.classifiers import build_classifier

LINES = """\
evaluate_timing.py --num_iter 100 --model_class selecsls --model_config SelecSLS60 --model_weights ./weights/SelecSLS60_statedict.pth --input_size 512 --gpu_id <id>
evaluate_imagenet.py --model_class selecsls --model_config SelecSLS60 --model_weights ./weights/SelecSLS60_statedict.pth --gpu_id <id> --imagenet_base_path <path_to_imagenet_dataset>
evaluate_timing.py --num_iter 100 --model_class selecsls --model_config SelecSLS84 --model_weights ./weights/SelecSLS84_statedict.pth --input_size 512 --pruned_and_fused True --gamma_thresh 0.001 --gpu_id <id>
evaluate_imagenet.py --model_class selecsls --model_config SelecSLS84 --model_weights ./weights/SelecSLS84_statedict.pth --pruned_and_fused True --gamma_thresh 0.001 --gpu_id <id> --imagenet_base_path <path_to_imagenet_dataset>
""".splitlines()  # noqa: E501 - verbatim
SHOWN = {
    0: ["512 b1 eager", "| SelecSLS-60 ", "| SelecSLS-60 (F) "],
    1: ["Top-1 Error: 0.00 Top-5 Error 0.00", "SelecSLS-60 (as loaded), 2 pictures"],
    2: ["512 b1 eager", "| SelecSLS-84 ", "| SelecSLS-84 (P) "],
    3: ["Top-1 Error: 0.00 Top-5 Error 0.00", "SelecSLS-84 (pruned at 0.001:"],
}
NAMES = {"evaluate_timing.py": "timing", "evaluate_imagenet.py": "imagenet"}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with weights/ and imagenet/val/: two pictures of the class that a bias makes the networks name."""
    folder = tmp_path_factory.mktemp("published")
    (folder / "weights").mkdir()
    for number in ("60", "84"):
        torch.manual_seed(0)
        state = build_classifier(f"selecsls{number}").state_dict()
        last = [key for key in state if key.endswith("bias")][-1]
        state[last] = torch.zeros_like(state[last]).index_fill(0, torch.tensor([0]), 100.0)
        first = next(key for key, value in state.items() if key.endswith("weight") and value.ndim == 1)
        state[first][:5] = 1e-4  # weak channels, to be cut
        torch.save(state, folder / "weights" / f"SelecSLS{number}_statedict.pth")
    classes = folder / "imagenet" / "val" / "n01440764"
    classes.mkdir(parents=True)
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(classes / name), np.full((40, 40, 3), 90, np.uint8))
    return folder


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("number", range(4), ids=["timing", "imagenet", "timing, pruned", "imagenet, pruned"])
def test_a_published_line_runs(place, monkeypatch, capsys, number):
    monkeypatch.chdir(place)
    monkeypatch.setattr(measuring, "build_pass", lambda candidate, device: lambda: None)  # how long it takes is not the point
    script, *words = LINES[number].replace("<id>", "0").replace("<path_to_imagenet_dataset>", "imagenet").split()
    assert main([NAMES[script], *words]) == 0
    said = capsys.readouterr()
    assert all(words in said.out for words in SHOWN[number])
    assert "--gpu-id 0: there is no CUDA GPU here; on the CPU, as the published script" in said.err
    assert ("27/32" in said.err) == (number >= 2)  # what is left of the first layer, as the published scripts say it too
    assert "ResNet-50's median" not in said.out  # it was not measured
