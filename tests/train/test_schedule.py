"""Learning rates, budgets, and what is due."""

from __future__ import annotations

import math

import pytest

from xnect_lite.train.schedule import Budget, Due, learning_rate


@pytest.mark.parametrize(
    ("step", "progress", "expected"),
    [
        (0, 0.0, 0.1),
        (4, 0.0, 0.5),
        (9, 0.0, 1.0),
        (100, 0.0, 1.0),
        (100, 0.5, 0.505),
        (100, 1.0, 0.01),
        (100, 1.7, 0.01),
        (4, 1.0, 0.005),
        (100, 0.25, 0.01 + 0.99 * 0.5 * (1 + math.sqrt(0.5))),
    ],
)
def test_learning_rate(step, progress, expected):
    assert learning_rate(2.0, step, progress, warm_up_steps=10, final_rate=0.01) == pytest.approx(2 * expected)


def test_without_a_warm_up_the_rate_starts_at_its_base():
    assert learning_rate(1.0, 0, 0.0, warm_up_steps=0, final_rate=0.01) == 1.0


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        (0.0, 1.0),  # constant
        (0.8, 1.0),  # to where the decay begins
        (0.9, 0.5),  # half-way down at half of the decay
        (1.0, 0.0),
        (1.2, 0.0),  # over time: no second wave
    ],
)
def test_the_rate_may_fall_only_at_the_end(progress, expected):
    found = learning_rate(1.0, 100, progress, warm_up_steps=0, final_rate=0.0, decay_share=0.2)
    assert found == pytest.approx(expected, abs=1e-9)


def test_a_budget_by_steps():
    budget = Budget(minutes=0, steps=8)
    assert [budget.progress(s) for s in (0, 2, 8)] == [0, 0.25, 1]


def test_a_budget_by_the_clock_counts_earlier_sittings(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("xnect_lite.train.schedule.time.monotonic", lambda: now[0])
    budget = Budget(minutes=10, steps=8, spent_s=120)
    assert budget.progress(7) == pytest.approx(0.2)
    now[0] += 180
    assert budget.spent_s == pytest.approx(300) and budget.progress(0) == pytest.approx(0.5)


def test_something_due_every_minute(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("xnect_lite.train.schedule.time.monotonic", lambda: now[0])
    due = Due(1.0)
    found = []
    for now[0] in (1000.0, 1059.0, 1061.0):
        found.append(due.now)
    due.restart()
    assert found == [False, False, True] and not due.now
