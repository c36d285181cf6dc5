"""The pipeline as the app and the command line open it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from xnect_lite.config import PipelineConfig
from xnect_lite.runners import application
from xnect_lite.types import RunsOn


@pytest.mark.parametrize(
    ("backend", "threads"),
    [
        ("torch", 3),  # torch has the network and keeps its threads
        ("compiled", 3),
        ("openvino", 1),  # another runtime has the network: torch would only wait
        ("onnxruntime", 1),
    ],
)
@pytest.mark.parametrize("what", ["Pipeline", "Predictor"])
def test_the_cores_are_left_to_what_runs_the_network(monkeypatch, backend, threads, what):
    runs_on = RunsOn("net", "CPU", backend, "fp32")
    monkeypatch.setattr(application, what, lambda config: SimpleNamespace(runs_on=runs_on, config=config))
    before = torch.get_num_threads()
    blas = threadpool_limits(2, user_api="blas")
    try:
        torch.set_num_threads(3)
        config = PipelineConfig()
        assert getattr(application, f"open_{what.lower()}")(config).config is config
        assert torch.get_num_threads() == threads
        assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {1}
    finally:
        torch.set_num_threads(before)
        blas.restore_original_limits()
