"""Timing: the statistics on hand-made numbers, the measuring on clocks that know the answer, the verb at tiny sizes."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys

import pytest
import torch
from small_network import small_network

from xnect_lite.cli import main
from xnect_lite.errors import XnectError
from xnect_lite.evaluate import measure as measuring
from xnect_lite.evaluate.candidates import Candidate, build_network, build_pass
from xnect_lite.evaluate.measure import Plan, conditions, measure, steps
from xnect_lite.evaluate.peak_memory import in_fresh_process
from xnect_lite.evaluate.pose_engines import pose_engines
from xnect_lite.evaluate.timing import (
    Conditions,
    Timing,
    is_out_of_memory,
    largest_batch,
    median_and_p95,
    time_in_turns,
    time_on_cpu,
    with_ratios,
)
from xnect_lite.evaluate.timing_table import as_rows, tables, title
from xnect_lite.models.classifiers import CLASSIFIERS

CPU = torch.device("cpu")
HERE = Conditions("CPU Test", "fp32", "channels-last", 2, "2.0", "2026-01-02")
TINY = Candidate("selecsls42", 64, 64)


# -- statistics ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([5.0], (5.0, 5.0)),
        ([3.0, 1.0, 2.0], (2.0, 2.9)),  # 95 % of the way over two gaps: 1.9 gaps
        (list(range(21)), (10.0, 19.0)),
    ],
)
def test_median_and_95th_percentile(times, expected):
    assert median_and_p95(times) == pytest.approx(expected)


def row(network: str, ms: float | None, form: str = "plain", **more) -> Timing:
    candidate = Candidate(
        network, more.pop("size", 512), more.pop("height", 512), more.pop("batch", 1), form, more.pop("engine", "eager")
    )
    return Timing(candidate, more.pop("conditions", HERE), 9, ms, ms and ms + 1, **more)


def ratios(*rows: Timing) -> list[float | None]:
    return [r.ratio for r in with_ratios(rows)]


def test_ratios_are_resnets_time_over_this_ones():
    assert ratios(row("selecsls60", 10), row("resnet50", 15)) == [1.5, 1.0]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"size": 400, "height": 400}, None),  # another size
        ({"batch": 16}, None),
        ({"engine": "compiled"}, None),
        ({"conditions": dataclasses.replace(HERE, device="GPU")}, None),
        ({"form": "pruned"}, 2.0),  # no pruned ResNet-50: the plain one
        ({}, 2.0),
    ],
)
def test_only_like_is_compared_with_like(changed, expected):
    assert ratios(row("resnet50", 10), row("selecsls60", 5, **changed))[1] == expected


def test_a_form_is_compared_with_the_same_form_of_resnet():
    assert ratios(row("resnet50", 12), row("resnet50", 9, "fused"), row("selecsls60", 6, "fused"))[2] == 1.5


def test_nothing_is_divided_by_what_was_not_measured():
    assert ratios(row("resnet50", None), row("selecsls60", 5)) == [None, None]
    assert ratios(row("resnet50", 5), row("selecsls60", None)) == [1.0, None]


def test_turns_are_interleaved_and_their_first_pass_does_not_count():
    log: list[str] = []
    passes = [lambda: log.append("a"), lambda: log.append("b")]

    def clock(run) -> float:
        log.append("clock")
        run()
        return float(len(log))

    turns = []
    times = time_in_turns(passes, clock, iterations=3, turn=2, on_turn=lambda: turns.append(1))
    timed_a, timed_b = ["clock", "a"], ["clock", "b"]
    there = ["a", *timed_a, *timed_a, "b", *timed_b, *timed_b]
    back = ["b", *timed_b, "a", *timed_a]  # the second round goes backwards
    assert log == there + back
    assert [len(t) for t in times] == [3, 3] and len(turns) == 4
    assert steps(2, Plan(iterations=3), turn=2) == 2 + 4  # and one per candidate for getting it ready


def test_the_clock_waits_for_the_pass():
    import time

    assert 20 <= time_on_cpu(lambda: time.sleep(0.02)) < 500


@pytest.mark.parametrize(
    ("most", "limit", "expected"), [(0, 64, 0), (1, 64, 1), (37, 64, 37), (64, 64, 64), (99, 64, 64), (99, 50, 50)]
)
def test_the_largest_batch_is_found(most, limit, expected):
    asked = []

    def fits(batch: int) -> bool:
        asked.append(batch)
        return batch <= most

    assert largest_batch(fits, limit) == expected
    assert max(asked) <= limit and len(asked) <= 14


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("x"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("shape mismatch"), False),
    ],
)
def test_what_counts_as_out_of_memory(error, expected):
    assert is_out_of_memory(error) is expected


# -- tables ----------------------------------------------------------------------------------------------------------


def test_a_table_has_networks_down_and_sizes_across():
    rows = [
        row("resnet50", 15.04), row("selecsls60b", 10.2, "pruned"),
        row("resnet50", 175, batch=16), row("selecsls60b", 102, "pruned", batch=16, peak_mib=99.6),
    ]  # fmt: skip
    text = tables(with_ratios(rows))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "CPU Test, fp32, channels-last, 2 CPU threads, torch 2.0, 2026-01-02; whole classifiers, forward" in lines
    assert "| | 512 b1 eager | 512 b16 eager |" in lines
    assert "| ResNet-50 | 15.0 (16.0) 1.00x | 175.0 (176.0) 1.00x |" in lines
    assert "| SelecSLS-60_B (P) | 10.2 (11.2) 1.47x | 102.0 (103.0) 1.72x |" in lines
    assert "| SelecSLS-60_B (P) | – | 100 |" in lines  # peak memory


def test_what_was_not_measured_is_a_dash_with_its_reason_below():
    text = tables([row("resnet50", 5), row("resnet50", None, engine="compiled", note="no compiler")])
    assert "–" in text and text.endswith("ResNet-50, 512 b1 compiled: no compiler")


def test_each_device_has_its_own_table():
    gpu = dataclasses.replace(HERE, device="GPU Test")
    text = tables([row("resnet50", 5, conditions=gpu), row("resnet50", 50)])
    assert text.index("GPU Test") < text.index("CPU Test") and text.count("| ResNet-50") == 2


@pytest.mark.parametrize(
    ("network", "expected"),
    [("resnet50", "ResNet-50"), ("vovnet39", "VoVNet-39"), ("selecsls102", "SelecSLS-102"), ("selecsls42b", "SelecSLS-42_B")],
)
def test_names_in_print(network, expected):
    assert title(network) == expected


def test_json_rows_are_complete_in_themselves():
    (found,) = as_rows([row("selecsls60", 10.0)])
    expected = {
        "name": "SelecSLS-60", "width": 512, "batch": 1, "form": "plain", "engine": "eager", "median_ms": 10.0, "p95_ms": 11.0,
        "device": "CPU Test", "precision": "fp32", "threads": 2, "torch": "2.0", "date": "2026-01-02",
    }  # fmt: skip
    assert found.items() >= expected.items()
    assert json.loads(json.dumps(found)) == found


# -- what is timed ---------------------------------------------------------------------------------------------------


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
    monkeypatch.setattr("xnect_lite.evaluate.candidates.build_network", lambda _c: net)
    out = build_pass(Candidate("x", 48, 32, 3, engine=engine, channels_last=channels_last), CPU)()
    assert out.shape == (3, 4, 32, 48) and not out.requires_grad
    assert seen[-1].is_contiguous(memory_format=torch.channels_last) == channels_last


@pytest.mark.parametrize("pose", [False, True])
def test_training_leaves_a_gradient_on_every_parameter(pose, monkeypatch):
    nets = []

    def kept(candidate: Candidate) -> torch.nn.Module:
        nets.append(build_network(candidate))
        return nets[-1]

    monkeypatch.setattr("xnect_lite.evaluate.candidates.build_network", kept)
    run = build_pass(dataclasses.replace(TINY, batch=2, train=True, pose=pose), CPU)
    run()
    assert all(p.grad is not None for p in nets[0].parameters()) and nets[0].training


@pytest.mark.parametrize("engine", ["torch", "torchscript"])
def test_whole_stage_i_runs_from_pictures_to_maps(engine):
    out = build_pass(dataclasses.replace(TINY, width=96, batch=2, engine=engine, pose=True), CPU)()
    maps = out["heatmaps"] if isinstance(out, dict) else out[0]
    assert maps.shape == (2, 24, 8, 12)


def test_stage_i_can_run_on_every_back_end_of_its_device():
    from xnect_lite.runtime.backends.names import BACKENDS

    on_cpu, on_gpu = pose_engines(CPU), pose_engines(torch.device("cuda"))
    assert {*on_cpu, *on_gpu} == {*BACKENDS, "torchscript", "openvino-int8"}
    assert "cudagraph" not in on_cpu and "openvino" not in on_gpu


def test_stage_i_is_timed_in_int8_too(monkeypatch):
    pytest.importorskip("nncf", reason="the extra 'export' is not installed")
    monkeypatch.setattr("xnect_lite.evaluate.candidates.build_network", lambda _c: small_network())
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


# -- the verb --------------------------------------------------------------------------------------------------------

QUICK = ["timing", "--device", "cpu", "--input_size", "64", "--num_iter", "1", "--warm-up", "1"]


def test_the_verb_prints_a_table_with_the_published_options():
    call = [sys.executable, "-m", "xnect_lite.cli", *QUICK, "--model_class", "selecsls", "--model_config", "SelecSLS42_B",
            "--pruned_and_fused", "True", "--gamma_thresh", "0.001", "--engines", "eager"]  # fmt: skip
    done = subprocess.run(call, capture_output=True, text=True, check=False, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
    assert done.returncode == 0, done.stderr
    assert "64 b1 eager" in done.stdout
    assert "| SelecSLS-42_B " in done.stdout and "| SelecSLS-42_B (P) " in done.stdout
    assert f"torch {torch.__version__}" in done.stdout


@pytest.fixture
def no_work(monkeypatch) -> None:
    """Passes that do nothing: for what the verb chooses to time."""
    monkeypatch.setattr(measuring, "build_pass", lambda candidate, device: lambda: None)


def test_sizes_batches_networks_and_forms_multiply(no_work, capsys):
    more = [
        "--model-config",
        "selecsls42,ResNet50",
        "--input-size",
        "64,96x64",
        "--batch",
        "1,2",
        "--engines",
        "eager",
        "--json",
    ]
    assert main([*QUICK, *more]) == 0
    rows = json.loads(capsys.readouterr().out)
    seen = [(r["network"], r["form"], r["width"], r["height"], r["batch"]) for r in rows]
    assert len(seen) == len(set(seen)) == 2 * 2 * 2 * 2
    assert {s[2:4] for s in seen} == {(64, 64), (96, 64)}
    assert all(r["ratio"] == 1 for r in rows if r["network"] == "resnet50")
    assert all(r["ratio"] > 0 and r["iterations"] == 1 for r in rows)
    assert all(0 < r["best_ms"] == r["median_ms"] for r in rows)


def test_without_options_all_networks_at_the_published_sizes(no_work, capsys):
    assert main(["timing", "--device", "cpu", "--num-iter", "1", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {r["network"] for r in rows} == set(CLASSIFIERS)
    assert list(dict.fromkeys(r["width"] for r in rows)) == [512, 400, 224] and {r["batch"] for r in rows} == {1}
    assert {r["engine"] for r in rows} == {"eager", "torchscript", "compiled"} and {r["form"] for r in rows} == {
        "plain",
        "fused",
    }


def test_whole_stage_i_is_timed_with_three_backbones(capsys):
    assert main([*QUICK, "--pose", "--engines", "eager", "--forms", "plain", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(r["network"], r["engine"], r["pose"]) for r in rows] == [
        ("selecsls60", "torch", True), ("resnet50", "torch", True), ("vovnet39", "torch", True),
    ]  # fmt: skip


def test_stage_i_is_timed_at_stride_4_and_grouped_where_there_are_groups(no_work, capsys):
    more = ["--stride", "8,4", "--grouped", "--model-config", "SelecSLS42,ResNet50", "--engines", "torch", "--forms", "plain"]
    assert main([*QUICK, "--pose", *more]) == 0
    names = [line.split("|")[1].strip() for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [n for n in names if n and "-" in n and n.strip("-")] == [
        "SelecSLS-42", "SelecSLS-42, grouped", "SelecSLS-42, stride 4", "SelecSLS-42, stride 4, grouped",
        "ResNet-50", "ResNet-50, stride 4",
    ]  # fmt: skip


def test_a_batch_that_cannot_be_trained_says_why(capsys):
    assert main([*QUICK, "--train", "--model-config", "SelecSLS42"]) == 2  # norms of one value per channel
    captured = capsys.readouterr()
    assert "Expected more than 1 value per channel" in captured.err and "nothing could be measured" in captured.err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--model_config", "SelecSLS61"], "--model-config SelecSLS61: is unknown. Known: selecsls42"),
        (["--model_class", "vovnet", "--model_config", "ResNet50"], "unknown in class vovnet"),
        (["--num_iter", "0"], "--num-iter 0: is too small"),
        (["--input_size", "0"], "is no size"),
        (["--input_size", "64x64x64"], "is no size"),
        (["--input_size", "big"], "is no size"),
        (["--input_size", "99999999"], "is no size"),
        (["--pose", "--input_size", "100"], "no multiple of 16"),
        (["--batch", "1,0"], "--batch 1,0: is no list"),
        (["--engines", "eager,turbo"], "'turbo' is unknown"),
        (["--pose", "--engines", "cudagraph"], "'cudagraph' is unknown here"),
        (["--forms", "thin"], "'thin' is unknown"),
        (["--precision", "fp8"], "is unknown"),
        (["--precision", "auto"], "says not what is measured"),
        (["--model_weights", "x.pth"], "cannot fit 8 networks"),
        (["--model_weights", "x.pth", "--model_config", "SelecSLS42"], "x.pth: no such weight file"),
        (["--model_weights", __file__, "--model_config", "SelecSLS42"], "is no file of plain tensors"),
        (["--pose", "--model_weights", __file__, "--model_config", "SelecSLS42"], "is no"),
        (["--gpu_id", "0"], "both name a device"),
        (["--largest-batch"], "needs a GPU"),
        (["--device", "tpu"], "is no device"),
        (["--stride", "4"], "are of Stage I"),
        (["--pose", "--stride", "2"], "'2' is unknown"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(capsys, more, words):
    assert main([*QUICK, *more]) == 2
    error = capsys.readouterr().err.strip()
    assert words in error and len(error.splitlines()) == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("flags", [["--gpu_id", "0"], ["--gpu-id", "7"], ["--device", "cuda"]])
def test_a_gpu_that_is_not_there_is_an_error(capsys, flags):
    assert main(["timing", *flags]) == 2
    assert "no CUDA device" in capsys.readouterr().err


def test_weights_of_another_network_are_refused_before_anything_is_timed(tmp_path, capsys):
    torch.save(build_network(Candidate("selecsls42b", 64, 64)).state_dict(), tmp_path / "b.pth")
    assert main([*QUICK, "--model_config", "SelecSLS42", "--model_weights", str(tmp_path / "b.pth")]) == 2
    error = capsys.readouterr().err.strip()
    assert "does not fit selecsls42" in error and len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "forms"), [("True", ["plain", "pruned"]), ("False", ["plain", "fused"]), (None, ["plain", "pruned"])]
)
def test_false_means_false(no_work, capsys, text, forms):
    flags = ["--pruned_and_fused", text] if text else ["--pruned-and-fused"]
    assert main([*QUICK, *flags, "--model_config", "SelecSLS42", "--engines", "eager", "--json"]) == 0
    assert [r["form"] for r in json.loads(capsys.readouterr().out)] == forms


def test_neither_true_nor_false_is_a_usage_error(capsys):
    with pytest.raises(SystemExit):
        main([*QUICK, "--pruned_and_fused", "maybe"])
    assert "'maybe' is neither True nor False" in capsys.readouterr().err
