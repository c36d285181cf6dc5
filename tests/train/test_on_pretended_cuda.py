"""Stage I's way from pictures to losses on a pretended CUDA device, in a process of its own: `tests/helpers/pretended_cuda.py`.

What it cannot show: gradients, optimisers, cuDNN and cuBLAS, and how long anything takes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pretended_cuda import compile_guard

HELPERS = Path(__file__).parents[1] / "helpers"


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("pretended")
    guard = compile_guard(folder)
    if guard is None:
        pytest.skip("needs g++ and torch's headers")
    path = os.pathsep.join([str(HELPERS.parents[1]), str(HELPERS)])
    run = subprocess.run(
        [sys.executable, str(HELPERS / "on_pretended_cuda.py"), str(guard), str(folder)],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    assert (folder / "sheet.jpg").stat().st_size > 1000 and (folder / "last.safetensors").stat().st_size > 1000
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.slow
def test_every_augmentation_forward_losses_sheet_validation_and_saving_run(report):
    assert report["maps"] == ["cuda:0", "torch.bfloat16"] and report["finite"]
    assert report["validation"].keys() >= {"pck", "ap", "recall_100"}


def test_the_host_never_waits_for_the_device(report):
    """From drawing a batch to moving the average, that is; and the count would have told."""
    assert report["waits"] == {}
    assert all(count == 1 for count in report["caught"].values()) and len(report["caught"]) == 6, report["caught"]


def test_eight_times_as_many_canvases_do_not_take_many_more_operations(report):
    """Nothing is done canvas by canvas; only the largest crowd of a batch grows with it."""
    few, many = report["operations"]
    assert few > 100 and many < 2 * few


def test_the_device_computes_what_the_cpu_computes(report):
    """Images of 0 to 255, targets, losses, in single precision, two batches."""
    largest = report["largest_difference"]
    assert largest["image"] < 0.01 and largest["targets"] < 1e-5 and largest["losses"] < 1e-4
