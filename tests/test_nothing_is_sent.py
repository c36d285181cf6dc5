"""Nothing leaves the machine: libraries that would report home are kept from it, in worker processes as well."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# A hook that no library can go around: every connection and every look-up of a host name is written down and refused.
_WATCH = """
import os, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        if event == "socket.connect" and isinstance(arguments[1], (str, bytes)):
            return  # a socket of this machine's own file system
        with open(os.environ["WATCHED"], "a") as file:
            file.write(f"{event} {arguments[1:]}\\n")
        raise OSError("no network here")

sys.addaudithook(watch)
"""
_OPEN_OPENVINO = "from xnect_lite.inference.openvino import _core; _core()"
_OPEN_ONNX = "from xnect_lite.inference.onnx_runtime import _onnxruntime; _onnxruntime()"
_IN_A_WORKER = """
import multiprocessing
from xnect_lite.inference.openvino import _core
if __name__ == "__main__":
    worker = multiprocessing.get_context("spawn").Process(target=_core)
    worker.start()
    worker.join()
    assert worker.exitcode == 0
"""
_CALIBRATE = """
import torch
from xnect_lite.export.quantise import quantise
try:
    quantise(torch.nn.Identity(), [torch.zeros(1, 32, 32, 3, dtype=torch.uint8)])
except Exception as error:  # this is no network of ours; NNCF has been imported, which is when it would report
    print(type(error))
"""


@pytest.mark.parametrize(
    ("package", "program"),
    [
        pytest.param("openvino", _OPEN_OPENVINO, id="the fast back end opens"),
        pytest.param("openvino", _IN_A_WORKER, id="it opens in a worker process"),
        pytest.param("nncf", _CALIBRATE, id="int8 calibration"),
        pytest.param("onnxruntime", _OPEN_ONNX, id="ONNX Runtime"),
    ],
)
def test_no_connection_is_tried_and_no_folder_made(package, program, tmp_path):
    pytest.importorskip(package, reason="the library that might report is not installed")
    home, log = tmp_path / "home", tmp_path / "watched.txt"
    home.mkdir()
    (tmp_path / "sitecustomize.py").write_text(_WATCH, encoding="utf-8")
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    quiet_by_accident = ("CI", "GITHUB_ACTIONS", "TF_BUILD", "JENKINS_URL", "NNCF_CI", "NNCF_DEV")  # the reporters' own rules
    environment = {key: value for key, value in os.environ.items() if key not in quiet_by_accident}
    environment |= {"HOME": str(home), "USERPROFILE": str(home), "WATCHED": str(log), "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, tmp_path / "program.py"], capture_output=True, text=True, timeout=120, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert not log.exists(), log.read_text(encoding="utf-8")
    assert not (home / "intel").exists()


def test_the_watch_sees_a_connection(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(_WATCH, encoding="utf-8")
    log = tmp_path / "watched.txt"
    program = "import socket; socket.create_connection(('127.0.0.1', 9), 1)"
    environment = os.environ | {"WATCHED": str(log), "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode != 0 and "socket" in log.read_text(encoding="utf-8")
