"""What may import what: training runs where the app's libraries are missing."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("xnect_lite.cli.train", ("av", "PyQt6", "openvino", "onnxruntime", "moderngl", "anny")),  # torch and little else
        ("xnect_lite", ("torch", "cv2", "av", "PyQt6")),  # importing the package costs nothing
    ],
)
def test_importing_does_not_pull_in(module, absent):
    code = f"import sys; import {module}; print([m for m in {absent!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
