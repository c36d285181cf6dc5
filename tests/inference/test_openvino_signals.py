"""OpenVINO beside signals: a process that opened networks and let go of them still answers to one."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

pytest.importorskip("openvino", reason="the extra 'cpu' is not installed")

PROGRAM = """
import gc, os, signal
import xnect_lite, openvino
from openvino import opset13
from xnect_lite.inference.openvino import OpenVinoBackend

def network():
    image = opset13.parameter([1, 8, 8, 3], openvino.Type.f32)
    backend = OpenVinoBackend(openvino.Model([opset13.relu(image)], [image], "small"), "fp32")
    backend._compile((1, 8, 8, 3))
    return backend

signal.signal(signal.SIGUSR1, lambda *_: print("answered", flush=True))
one = network()
other = network()
del one
gc.collect()
del other
gc.collect()
os.kill(os.getpid(), signal.SIGUSR1)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no such signal here")
def test_a_signal_is_answered_after_networks_were_closed_in_the_order_they_were_opened():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "answered\n"), done.stderr
