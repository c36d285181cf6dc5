"""``xnect-lite eval report``: one page of all results."""

from __future__ import annotations

import argparse
from pathlib import Path

from xnect_lite.errors import XnectError
from xnect_lite.evaluate.report import report
from xnect_lite.evaluate.results import load_result


def run_report(options: argparse.Namespace) -> int:
    page = report([load_result(Path(path)) for path in options.results])
    if not options.output:
        print(page, end="")
        return 0
    try:
        Path(options.output).write_text(page, encoding="utf-8")
    except OSError as error:
        raise XnectError(options.output, f"cannot be written ({error.strerror})", "Choose another file") from error
    return 0
