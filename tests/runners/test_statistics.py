"""The figures of the latency panel."""

from __future__ import annotations

import pytest

from xnect_lite.runners.statistics import LatencyStatistics, RateMeter


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


def test_rate_over_the_last_two_seconds():
    meter = RateMeter()
    assert meter.per_s == 0
    for i in range(100):  # 25 a second, then 50
        meter.mark(i * 0.04, i)
    assert meter.per_s == pytest.approx(25)
    for i in range(200):
        meter.mark(4 + i * 0.02, 100 + i)
    assert meter.per_s == pytest.approx(50, rel=0.02)


def test_report():
    clock = Clock()
    figures = LatencyStatistics(clock)
    for i in range(1, 61):
        clock.now_s += 0.05
        figures.processed({"network": 20.0, "grouping": 5.0}, wait_ms=3.0, received=3 * i, dropped=2 * i)
        figures.painted(draw_ms=7.0, end_to_end_ms=40.0)
    report = figures.report()
    assert list(report.stages) == ["network", "grouping"]
    assert report.stages["network"].p50_ms == 20 and report.total.p50_ms == 25
    assert (report.wait.p50_ms, report.draw.p95_ms, report.end_to_end.p50_ms) == (3, 7, 40)
    assert report.fps_out == pytest.approx(20) and report.fps_in == pytest.approx(60)
    assert (report.received, report.processed, report.dropped) == (180, 60, 120)


def test_the_first_frames_warm_up_and_a_reset_forgets():
    figures = LatencyStatistics(Clock())
    for _ in range(10):
        figures.processed({"network": 900.0}, 0.0, 1, 0)
    assert not figures.report().stages and figures.report().total is None
    figures.processed({"network": 20.0}, 0.0, 1, 0)
    assert figures.report().stages["network"].p95_ms == 20
    figures.reset()
    assert figures.report().processed == 0 and not figures.report().stages


def test_the_parts_add_up_to_end_to_end():
    """10 ms of capture, 2 of waiting, 20 + 3 of stages, 1 until the window takes it up, 4 of drawing."""
    statistics = LatencyStatistics(clock=lambda: 0.0)
    for n in range(40):
        statistics.processed({"network": 20.0, "grouping": 3.0}, 2.0, n, 0, capture_ms=10.0)
        statistics.painted(4.0, 40.5, handover_ms=1.0)
    report = statistics.report()
    assert [name for name, _ in report.parts] == ["capture", "wait", "network", "grouping", "hand over", "draw"]
    total = sum(row.p50_ms for _, row in report.parts)
    assert total == pytest.approx(40.0) and abs(total - report.end_to_end.p50_ms) < 0.1 * report.end_to_end.p50_ms
    assert report.history_ms == (40.5,) * 40


def test_another_network_is_measured_anew_and_frames_are_counted_on():
    statistics = LatencyStatistics(clock=lambda: 0.0)
    for n in range(20):
        statistics.processed({"network": 20.0}, 2.0, n + 1, 0)
    statistics.reconfigured()
    assert statistics.report().total is None and statistics.report().received == 20
    for n in range(20):
        statistics.processed({"network": 5.0}, 2.0, n + 21, 0)
    assert statistics.report().total.p50_ms == 5.0
