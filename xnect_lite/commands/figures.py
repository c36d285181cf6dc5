"""Figures on standard output, for people or for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping


def print_figures(figures: Mapping[str, object], as_json: bool, digits: int) -> None:
    """As JSON, where null is what could not be measured, or a line for each with floats rounded to ``digits`` decimals."""
    if as_json:
        print(json.dumps(without_nan(figures), indent=2, allow_nan=False))
        return
    width = max(map(len, figures), default=0)
    for name, value in figures.items():
        print(f"{name:<{width}} {round(value, digits) if isinstance(value, float) else value}")


def without_nan(value: object) -> object:
    """The same with None for floats that are not finite, which JSON does not have; in tables and lists too."""
    if isinstance(value, Mapping):
        return {key: without_nan(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(member) for member in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
