"""The GPU's kernels, in triton's interpreter on this CPU: equal to the masked networks. No card has run them here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from xnect_lite.models.dynamic.gpu import ActiveList

CHECK = """
import torch
from test_sparse import MASKS, inputs, level_block, residual
from xnect_lite.models.dynamic.gpu import GpuBlock, GpuResidual
for name, mask in MASKS.items():
    block = level_block()
    features, skip = inputs(mask)
    wanted = block([features, skip, mask])[0]
    found, _, listed = GpuBlock(block)([features, skip, mask])
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    again = GpuBlock(block)([features, skip, listed])[0]
    assert torch.equal(again, found), name
    inner, x = residual(mask), torch.randn(len(mask), 8, *mask.shape[2:])
    torch.testing.assert_close(GpuResidual(inner)(x), inner(x), rtol=1e-5, atol=1e-5)
    print(name)
"""


def test_active_pixels_are_listed_in_order_without_asking_how_many():
    mask = torch.tensor([[[[0.0, 1.0], [1.0, 0.0]]], [[[0.0, 0.0], [0.0, 1.0]]]])
    listed = ActiveList.of(mask)
    assert listed.count.tolist() == [3] and listed.index[:3].tolist() == [1, 2, 7]
    assert listed.flags.tolist() == [0, 1, 1, 0, 0, 0, 0, 1] and len(listed.index) == 9


@pytest.mark.parametrize("mask", [torch.zeros(1, 1, 3, 3), torch.ones(1, 1, 3, 3)], ids=["empty", "full"])
def test_nothing_and_everything_can_be_listed(mask):
    listed = ActiveList.of(mask)
    assert listed.count.item() == int(mask.sum()) and listed.index[: listed.count].tolist() == list(range(int(mask.sum())))


def test_interpreted_kernels_compute_what_the_masked_networks_compute():
    pytest.importorskip("triton")
    here = Path(__file__).parent
    environment = os.environ | {
        "TRITON_INTERPRET": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": f"{here}:{here.parents[1] / 'helpers'}",
    }
    done = subprocess.run(
        [sys.executable, "-c", f"import torch\nwith torch.inference_mode():\n    exec({CHECK!r})"],
        capture_output=True, text=True, env=environment, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(done.stdout.split("\n")) >= 8
