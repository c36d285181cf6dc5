"""``xnect-lite bench data``: figures of the data pipeline on this machine."""

from __future__ import annotations

import json

import pytest
from kit import write_kit

from xnect_lite.cli import main as cli
from xnect_lite.data.archives.archive import write_archive
from xnect_lite.data.readers.photokit import read_photokit


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmark")
    kit = write_kit(folder / "kit", train=3, val=0)
    write_archive(folder / "kit.npz", {"train": read_photokit(kit, "train", ("lspet",))})
    return folder / "kit.npz"


def run(archive, *more) -> int:
    small = ["--width", "64", "--height", "48", "--batch", "2", "--batches", "2", "--device", "cpu"]
    return cli.main(["bench", "data", "--archive", str(archive), *small, *more])


def test_figures(archive, capsys):
    assert run(archive, "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["pictures"], figures["width"], figures["height"], figures["batch"]) == (3, 64, 48, 2)
    assert figures["device"] == "CPU" and figures["threads"] >= 1
    made = 2 / (figures["augment_ms"] + figures["targets_ms"]) * 1000
    assert figures["canvases_per_s"] == pytest.approx(made, rel=0.3) and figures["decoded_per_s"] > 0


def test_figures_for_people(archive, capsys):
    assert run(archive, "--limit", "1") == 0
    out = capsys.readouterr().out
    assert "canvases_per_s" in out and ["pictures", "1"] in [line.split() for line in out.splitlines()]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--batch", "0"], "--batch: is 0. Give 1 or more"),
        (["--width", "100"], "--width, --height: are 100, 48. Give multiples of 16"),
        (["--device", "warp"], "--device warp: "),
        (["--archive", "nowhere.npz"], "nowhere.npz: is no training archive"),
    ],
)
def test_mistakes(archive, more, message, capsys):
    assert run(archive, *more) == 2
    assert message in capsys.readouterr().err
