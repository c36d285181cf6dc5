"""What tests of back ends share: settings for the small network, marks for packages that may be absent."""

from __future__ import annotations

import importlib.util

import pytest
from small_network import NAME

from xnect_lite.config import NetworkConfig

needs_openvino = pytest.mark.skipif(not importlib.util.find_spec("openvino"), reason="OpenVINO is not installed")
needs_onnx = pytest.mark.skipif(
    not (importlib.util.find_spec("onnx") and importlib.util.find_spec("onnxruntime")), reason="ONNX Runtime is not installed"
)


def network_config(weights="", **values) -> NetworkConfig:
    """The small network from this file (no file: from memory), on the CPU unless ``values`` say otherwise."""
    return NetworkConfig(NAME, str(weights), **{"device": "cpu", **values})
