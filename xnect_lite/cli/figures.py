"""Figures on standard output, for people or for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping

from xnect_lite.evaluate.results import without_nan
from xnect_lite.types import RunsOn


def print_figures(figures: Mapping[str, object], as_json: bool, digits: int) -> None:
    """As JSON, where null is what could not be measured, or a line for each with floats rounded to ``digits`` decimals."""
    if as_json:
        print(json.dumps(without_nan(figures), indent=2, allow_nan=False))
        return
    width = max(map(len, figures), default=0)
    for name, value in figures.items():
        print(f"{name:<{width}} {round(value, digits) if isinstance(value, float) else value}")


def print_stages(stages: Mapping[str, Mapping[str, float]], runs_on: RunsOn) -> None:
    """Milliseconds of every stage: median and 95th percentile."""
    print(f"{'stage':<12}{'p50 ms':>10}{'p95 ms':>10}   {runs_on}")
    for name, row in stages.items():
        print(f"{name:<12}{row['p50_ms']:>10.1f}{row['p95_ms']:>10.1f}")
