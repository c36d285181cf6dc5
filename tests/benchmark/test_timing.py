"""Timing: the statistics on hand-made numbers, turns of measuring on clocks that know the answer, tables."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch

from xnect_lite.benchmark.candidate import Candidate
from xnect_lite.benchmark.clock import (
    Conditions,
    Timing,
    is_out_of_memory,
    largest_batch,
    median_and_p95,
    time_in_turns,
    time_on_cpu,
    with_ratios,
)
from xnect_lite.benchmark.measure import Plan, steps
from xnect_lite.benchmark.table import as_rows, tables, title

HERE = Conditions("CPU Test", "fp32", "channels-last", 2, "2.0", "2026-01-02")


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
