"""Names of the back ends and the files they open. Imports nothing, so that the app can check them at once."""

from __future__ import annotations

BACKENDS = ("torch", "compiled", "cudagraph", "openvino", "onnxruntime", "sparse")
"""What --backend takes beside 'auto'."""

EXPORTED = {".onnx": "onnxruntime", ".xml": "openvino"}
"""Suffix of an exported network -> the back end that runs it."""

NEVER_OPENED = (".pt", ".pth", ".ts", ".torchscript", ".pkl")
"""Suffixes of files that may run code when they are opened."""
