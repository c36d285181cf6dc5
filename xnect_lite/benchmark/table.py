"""Timings as tables, laid out like the published one, and as plain rows for JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from xnect_lite.benchmark.candidate import FORMS
from xnect_lite.benchmark.clock import Timing

_TITLES = {"resnet50": "ResNet-50", "vovnet39": "VoVNet-39"}
_NOTHING = "–"


def title(network: str) -> str:
    """The name in print: selecsls60b -> SelecSLS-60_B."""
    if network in _TITLES:
        return _TITLES[network]
    number = network.removeprefix("selecsls")
    return f"SelecSLS-{number.removesuffix('b')}{'_B' if number.endswith('b') else ''}"


def as_rows(timings: Sequence[Timing]) -> list[dict[str, Any]]:
    """One flat dictionary per timing, complete in itself."""
    return [
        {"name": title(t.candidate.network), **asdict(t.candidate), **_without(asdict(t), "candidate", "conditions")}
        | asdict(t.conditions)
        for t in timings
    ]


def _without(row: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {k: v for k, v in row.items() if k not in keys}


def tables(timings: Sequence[Timing]) -> str:
    """All timings: a table per device (and precision, layout), networks down, sizes and engines across; then the notes."""
    blocks = []
    for conditions in dict.fromkeys(t.conditions for t in timings):
        rows = [t for t in timings if t.conditions == conditions]
        head = f"{conditions.device}, {conditions.precision}, {conditions.layout}, {_count(conditions.threads, 'CPU thread')}, "
        head += f"torch {conditions.torch}, {conditions.date}; {_what(rows[0])}"
        blocks.append(head)
        if any(t.median_ms is not None for t in rows):
            ratios = ", and ResNet-50's median / this one's" if any(t.ratio is not None for t in rows) else ""
            blocks.append(f"Median ms (95th percentile) of {rows[0].iterations}{ratios}:")
            blocks.append(_pivot(rows, _time_cell))
        if any(t.peak_mib is not None for t in rows):
            blocks.append("Peak memory, MiB:")
            blocks.append(_pivot(rows, lambda t: _number(t.peak_mib, 0)))
        if any(t.largest_batch is not None for t in rows):
            blocks.append("Largest batch that fits:")
            blocks.append(_pivot(rows, lambda t: _number(t.largest_batch, 0)))
    used = {t.candidate.form for t in timings}
    if used - {"plain"}:
        blocks.append("(F) norms fused into the convolutions, (P) fused and pruned")
    notes = dict.fromkeys(f"{_row_name(t)}, {_column_name(t)}: {t.note}" for t in timings if t.note)
    return "\n\n".join([*blocks, *notes])


def _what(timing: Timing) -> str:
    whole = "whole Stage I" if timing.candidate.pose else "whole classifiers"
    return f"{whole}, {'forward and backward' if timing.candidate.train else 'forward'}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _row_name(timing: Timing) -> str:
    c = timing.candidate
    variant = f"{', stride 4' if c.stride == 4 else ''}{', grouped' if c.grouped else ''}"
    return title(c.network) + variant + FORMS[c.form]


def _column_name(timing: Timing) -> str:
    c = timing.candidate
    size = f"{c.width}" if c.width == c.height else f"{c.width}x{c.height}"
    return f"{size} b{c.batch}" + ("" if c.train else f" {c.engine}")


def _time_cell(timing: Timing) -> str:
    if timing.median_ms is None:
        return _NOTHING
    ratio = "" if timing.ratio is None else f" {timing.ratio:.2f}x"
    return f"{_number(timing.median_ms)} ({_number(timing.p95_ms)}){ratio}"


def _number(value: float | None, digits: int = 1) -> str:
    return _NOTHING if value is None else f"{value:.{digits}f}"


def _pivot(timings: Iterable[Timing], cell: Callable[[Timing], str]) -> str:
    """A Markdown table, aligned for the terminal as well."""
    timings = list(timings)
    columns = list(dict.fromkeys(map(_column_name, timings)))
    names = list(dict.fromkeys(map(_row_name, timings)))
    found = {(_row_name(t), _column_name(t)): cell(t) for t in timings}
    lines = [["", *columns], *([name, *(found.get((name, column), "") for column in columns)] for name in names)]
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(columns) + 1)]
    lines.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    return "\n".join(_line(line, widths) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(cells, widths, strict=True)
    return "| " + " | ".join([first[0].ljust(first[1]), *(text.rjust(width) for text, width in rest)]) + " |"
