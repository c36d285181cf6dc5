"""``xnect-lite eval report``: one page of all results."""

from __future__ import annotations

import argparse
from pathlib import Path

from xnect_lite.errors import XnectError


def add(kinds: argparse._SubParsersAction) -> None:
    """Register it."""
    parser = kinds.add_parser("report", help="one page of results kept with --out, beside what others published")
    parser.add_argument("results", nargs="*", metavar="RESULT", help="files kept with --out")
    parser.add_argument("-o", "--page", metavar="FILE", help="the page to write (default: standard output)")
    parser.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> int:
    from xnect_lite.evaluate.report import report
    from xnect_lite.evaluate.results import load_result

    page = report([load_result(Path(path)) for path in options.results])
    if not options.page:
        print(page, end="")
        return 0
    try:
        Path(options.page).write_text(page, encoding="utf-8")
    except OSError as error:
        raise XnectError(options.page, f"cannot be written ({error.strerror})", "Choose another file") from error
    return 0
