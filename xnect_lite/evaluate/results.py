"""The result of an evaluation: figures, and all that is needed to believe them. Printed, and kept as JSON for the report."""

from __future__ import annotations

import datetime
import json
import math
import os
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from xnect_lite.config import PipelineConfig
from xnect_lite.errors import XnectError
from xnect_lite.inference.devices import cpu_name
from xnect_lite.inference.weights import find_weights, sha256
from xnect_lite.stages.lifting.network import find_lifter
from xnect_lite.stages.refining.refine import find_refiner

SCHEMA_VERSION = 1
Table = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Result:
    """What came of one evaluation.

    name: of the protocol. data: what was scored, in words. part: '' if that was the whole data set, else what is missing.
    figures: name -> number, NaN = nothing to measure. tables: title -> row -> column -> number.
    made_by: of the system: weights and their sha256, back end, settings. Also command, date and hardware.
    """

    name: str
    data: str
    part: str
    figures: Mapping[str, float]
    tables: Mapping[str, Table] = field(default_factory=dict)
    made_by: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    date: str = ""
    hardware: str = ""
    schema_version: int = SCHEMA_VERSION

    def as_json(self) -> str:
        """JSON, null where nothing could be measured."""
        return json.dumps(without_nan(asdict(self)), indent=2, allow_nan=False)

    def as_text(self) -> str:
        """For people; tables are Markdown. A part is never printed as a whole."""
        lines = [f"PART ONLY, {self.part}: {self.name}, {self.data}" if self.part else f"{self.name}, {self.data}"]
        lines.append(", ".join(f"{key} {value}" for key, value in self.made_by.items() if value not in ("", None)))
        for title, table in self.tables.items():
            lines += ["", f"{title}{' (PART ONLY)' if self.part else ''}", "", markdown(table)]
        width = max(map(len, self.figures), default=0)
        lines += ["", *(f"{name:<{width}} {number(value)}" for name, value in self.figures.items())]
        return "\n".join(lines)


def result(
    name: str, data: str, part: str, figures: Mapping[str, float], tables: Mapping[str, Table], made_by: Mapping[str, Any]
) -> Result:
    """A result of this program's run: with its command line, today's date and this machine."""
    words = ["xnect-lite", *sys.argv[1:]] if len(sys.argv) > 1 else ["xnect-lite"]
    return Result(
        name, data, part, figures, tables, made_by, shlex.join(words), datetime.date.today().isoformat(), hardware()
    )  # fmt: skip


def hardware() -> str:
    """Processor and graphics card of this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    words = [cpu_name() or platform.machine(), f"{cores} core{'' if cores == 1 else 's'}"]

    if torch.cuda.is_available():
        words.append(torch.cuda.get_device_name())
    return ", ".join(words)


def weights_used(config: PipelineConfig) -> dict[str, str]:
    """File name -> first 12 digits of the sha256, of everything that takes part."""

    files: list[Path | None] = [find_weights(config.network.backbone, config.network.weights)]
    files += [find_refiner(config.refining.weights) if config.refining.network else None]
    files += [find_lifter(config.lifting.weights) if config.lifting.network else None]
    return {path.name: sha256(path)[:12] for path in files if path}


def save_result(path: Path, one: Result) -> None:
    """Write JSON for ``xnect-lite eval report``. Raises XnectError if it cannot be written."""
    try:
        path.write_text(one.as_json() + "\n", encoding="utf-8")
    except OSError as error:
        raise XnectError(str(path), f"cannot be written ({error.strerror})", "Choose another file") from error


def load_result(path: Path) -> Result:
    """Read what `save_result` wrote. Raises XnectError if it is something else."""
    again = "Write it with xnect-lite eval … --out FILE"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema_version"] != SCHEMA_VERSION:
            raise XnectError(str(path), f"has version {data['schema_version']}, not {SCHEMA_VERSION}", again)
        return Result(**data)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise XnectError(str(path), f"is no result of an evaluation ({error})", again) from error


def without_nan(value: object) -> object:
    """The same with None for floats that are not finite, which JSON does not have; in tables and lists too."""
    if isinstance(value, Mapping):
        return {key: without_nan(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(member) for member in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def markdown(table: Table, first: str = "") -> str:
    """Rows down, columns across, aligned for the terminal as well."""
    columns = list(dict.fromkeys(column for row in table.values() for column in row))
    lines = [[first, *columns], *([name, *(number(row.get(column)) for column in columns)] for name, row in table.items())]
    return markdown_lines(lines)


def markdown_lines(lines: Sequence[Sequence[str]]) -> str:
    """The first line is the head."""
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(lines[0]))]
    rows = ["| " + " | ".join(_cells(line, widths)) + " |" for line in lines]
    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    return "\n".join([rows[0], rule, *rows[1:]])


def _cells(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]


def number(value: float | None) -> str:
    """A figure in print: counts whole, others with one digit or, from -2 to 2, with three; empty if nothing was measured."""
    if value is None or value != value:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3f}" if 0 < abs(value) < 2 else f"{value:.1f}"
