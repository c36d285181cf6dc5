"""A run on a pack with silhouettes: people are pasted into its canvases, and it trains, stops and goes on like any other."""

from __future__ import annotations

import json

import pytest
from kit import write_kit
from small_network import NAME
from toy_run import arguments

import train_pose
from xnect_lite.cli import main as cli


@pytest.mark.usefixtures("small")
def test_a_run_with_pasted_people_and_without_validation_pictures(tmp_path):
    """Nobody is held out in this kit: the latest weights are then the best ones."""
    kit = write_kit(tmp_path / "kit", sets=("lspet", "ccp", "har15", "capston"), train=2, val=0)
    pack, out = str(tmp_path / "pack.npz"), tmp_path / "run"
    assert cli.main(["data", "pack", "--photos", str(kit), "-o", pack]) == 0
    more = [f"backbone={NAME}", f"data.archive={pack}", "augment.paste=1.0", "augment.mosaic=0.0", "augment.jpeg=1.0"]
    assert train_pose.main(arguments(kit, out, *more)) == 0
    assert train_pose.main(arguments(kit, out, *more, "steps=6", "--resume")) == 0
    assert (out / "best.safetensors").is_file()
    assert [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()] == [4, 6]
