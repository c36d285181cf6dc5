"""What is timed: whole passes of every form and engine, each measured or with a reason why not."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest
import torch
from small_network import small_network

from xnect_lite.benchmark import measure as measuring
from xnect_lite.benchmark.candidate import Candidate
from xnect_lite.benchmark.candidates import build_network, build_pass
from xnect_lite.benchmark.measure import Plan, conditions, measure
from xnect_lite.benchmark.peak_memory import in_fresh_process
from xnect_lite.benchmark.pose_engines import pose_engines
from xnect_lite.errors import XnectError

CPU = torch.device("cpu")
TINY = Candidate("selecsls42", 64, 64)


def test_every_form_computes_the_same():
    image = torch.randn(1, 3, 64, 64)
    expected = build_network(TINY)(image)
    for form in ("fused", "pruned"):
        other = build_network(dataclasses.replace(TINY, form=form))
        torch.testing.assert_close(other(image), expected, atol=1e-4, rtol=1e-3)
        assert sum("BatchNorm" in type(m).__name__ for m in other.modules()) == 0


@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize("engine", ["eager", "torchscript"])
def test_a_pass_classifies_a_batch_of_the_size_asked_for(engine, channels_last, monkeypatch):
    seen = []
    net = torch.nn.Conv2d(3, 4, 1)
    net.register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0]))
    monkeypatch.setattr("xnect_lite.benchmark.candidates.build_network", lambda _c: net)
    out = build_pass(Candidate("x", 48, 32, 3, engine=engine, channels_last=channels_last), CPU)()
    assert out.shape == (3, 4, 32, 48) and not out.requires_grad
    assert seen[-1].is_contiguous(memory_format=torch.channels_last) == channels_last


@pytest.mark.parametrize("pose", [False, True])
def test_training_leaves_a_gradient_on_every_parameter(pose, monkeypatch):
    nets = []

    def kept(candidate: Candidate) -> torch.nn.Module:
        nets.append(build_network(candidate))
        return nets[-1]

    monkeypatch.setattr("xnect_lite.benchmark.candidates.build_network", kept)
    run = build_pass(dataclasses.replace(TINY, batch=2, train=True, pose=pose), CPU)
    run()
    assert all(p.grad is not None for p in nets[0].parameters()) and nets[0].training


@pytest.mark.parametrize("engine", ["torch", "torchscript"])
def test_whole_stage_i_runs_from_pictures_to_maps(engine):
    out = build_pass(dataclasses.replace(TINY, width=96, batch=2, engine=engine, pose=True), CPU)()
    maps = out["heatmaps"] if isinstance(out, dict) else out[0]
    assert maps.shape == (2, 24, 8, 12)


def test_stage_i_can_run_on_every_back_end_of_its_device():
    from xnect_lite.inference.names import BACKENDS

    on_cpu, on_gpu = pose_engines(CPU), pose_engines(torch.device("cuda"))
    dense = {*BACKENDS} - {"sparse"}  # which runs nothing but networks with masks
    assert {*on_cpu, *on_gpu} == dense | {"torchscript", "openvino-int8"}
    assert "cudagraph" not in on_cpu and "openvino" not in on_gpu


def test_stage_i_is_timed_in_int8_too(monkeypatch):
    pytest.importorskip("nncf", reason="the extra 'export' is not installed")
    monkeypatch.setattr("xnect_lite.benchmark.candidates.build_network", lambda _c: small_network())
    out = build_pass(dataclasses.replace(TINY, width=96, batch=2, engine="openvino-int8", pose=True), CPU)()
    assert out["heatmaps"].shape == (2, 24, 8, 12)


def test_measuring_gives_every_candidate_a_row_in_order_and_a_reason_where_it_failed(monkeypatch):
    def build(candidate: Candidate, _device):
        if candidate.network == "absent":
            raise XnectError("--backend absent", "is not installed", "Install it")
        if candidate.network == "huge":
            raise torch.OutOfMemoryError("out of memory")
        return lambda: None

    monkeypatch.setattr(measuring, "build_pass", build)
    candidates = [dataclasses.replace(TINY, network=n) for n in ("a", "absent", "b", "huge")]
    called = []
    rows = measure(candidates, CPU, Plan(iterations=7, warm_up=1), on_step=lambda: called.append(1))
    assert [r.candidate.network for r in rows] == ["a", "absent", "b", "huge"]
    assert [r.median_ms is None for r in rows] == [False, True, False, True]
    assert "is not installed" in rows[1].note and rows[3].note == "out of memory"
    assert len(called) == 4 + 2 * 2
    assert not torch.backends.cudnn.benchmark  # as it was


def test_an_unexpected_failure_is_not_swallowed(monkeypatch):
    def build(_candidate, _device):
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr(measuring, "build_pass", build)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        measure([TINY], CPU, Plan(1, 0))


def test_conditions_name_device_precision_threads_version_and_date():
    found = conditions(dataclasses.replace(TINY, precision="bf16"), CPU)
    assert found.device.startswith("CPU") and found.precision == "bf16" and found.layout == "channels-last"
    assert found.threads == torch.get_num_threads() and found.torch == torch.__version__ and len(found.date) == 10


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the peak counts building as well")
def test_peak_memory_is_that_of_weights_and_activations():
    weights_mib = sum(p.numel() * 4 for p in build_network(TINY).parameters()) / 2**20
    training = in_fresh_process(dataclasses.replace(TINY, batch=2, train=True))
    assert 2 * weights_mib < training < 2 * weights_mib + 150  # weights, gradients, activations


def test_a_process_that_dies_gives_no_figure(monkeypatch):
    def killed(*call, **_options):
        return subprocess.CompletedProcess(call, -9, "12.5\n", "")

    monkeypatch.setattr(subprocess, "run", killed)
    assert in_fresh_process(TINY) is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_time_and_peak_memory_are_measured():
    (found,) = measure([dataclasses.replace(TINY, width=224, height=224)], torch.device("cuda"), Plan(5, 3))
    weights_mib = sum(p.numel() * 4 for p in build_network(TINY).parameters()) / 2**20
    assert found.median_ms > 0 and found.peak_mib > weights_mib and found.conditions.device.startswith("GPU")
