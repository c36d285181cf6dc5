"""Stage I with fabrics for heads, pruned, in every format: as torch says it, and read back with its architecture."""

from __future__ import annotations

import pytest
import torch
from small_network import NAME, pictures, register

from xnect_lite.config import NetworkConfig
from xnect_lite.export.calibration import Photographs
from xnect_lite.export.write import FORMATS, export
from xnect_lite.inference.choose import open_backend
from xnect_lite.models.compress import fuse
from xnect_lite.models.fabric.config import FabricHeadsConfig, HeadsConfig
from xnect_lite.models.fabric.prune import prune_fabrics
from xnect_lite.models.xnect import XNect

SMALL = NetworkConfig(NAME, device="cpu", long_side_net_px=96, short_side_net_px=64)
OPERATORS = ("Zero", "skip_connect", "avg_pool_3x3", "max_pool_3x3", "Sep_Conv_3x3")
PACKAGES = {
    "onnx": ("onnx", "onnxruntime"),
    "openvino": ("openvino",),
    "openvino-int8": ("openvino", "nncf"),
    "torchscript": (),
}
PHOTOGRAPHS = Photographs([p[None] for p in pictures(6, 64, 96)], [p[None] for p in pictures(2, 64, 96, seed=1)], [], "blots")


@pytest.fixture
def net(monkeypatch) -> XNect:
    """One fabric with pools beside convolutions, a part of it pruned, on a core with norms used to pictures."""
    register(monkeypatch)
    torch.manual_seed(0)
    made = XNect(NAME, heads=HeadsConfig(FabricHeadsConfig(parts=1, factor=2, operators=OPERATORS)))
    with torch.no_grad():
        for part in made.heads.parts.values():
            torch.nn.init.normal_(part.output[1].weight, std=0.3)
            part.fabric.alphas.normal_()
            part.fabric.betas.normal_()
        for _ in range(10):
            made.train()(pictures(4, 64, 96).permute(0, 3, 1, 2).float())
    return prune_fabrics(made.eval(), torch.zeros(1, 3, 64, 96), 0.1)[0]


@pytest.mark.parametrize("form", PACKAGES)
def test_what_is_written_agrees_with_torch(net, tmp_path, form):
    for package in PACKAGES[form]:
        pytest.importorskip(package)
    path = tmp_path / f"network{FORMATS[form]}"
    photographs = PHOTOGRAPHS if form == "openvino-int8" else None
    report = export(fuse(net), form, path, SMALL, photographs, max_drop=3.0)
    if form != "openvino-int8":
        assert all(error.share < 1e-4 for error in report.errors)
    if form in ("onnx", "openvino"):
        kind = {"onnx": "onnxruntime", "openvino": "openvino"}[form]
        backend = open_backend(
            NetworkConfig(NAME, str(path), device="cpu", backend=kind, long_side_net_px=96, short_side_net_px=64)
        )
        assert backend(pictures(1, 64, 160))["heatmaps"].shape[-2:] == (8, 20)  # of another size than it was written with
