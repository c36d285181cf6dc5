"""Starts the app: ``app.py``, ``xnect-lite-app``, ``xnect-lite run SOURCE --show``; nothing heavy before words are known."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from xnect_lite.cli.parsers.app import app_parser
from xnect_lite.cli.pipeline_options import pipeline_config
from xnect_lite.errors import XnectError
from xnect_lite.gui.options import Options

if TYPE_CHECKING:
    from xnect_lite.gui.worker import MakePipeline


def run(arguments: Sequence[str] | None = None, *, make_pipeline: MakePipeline | None = None) -> int:
    """Run the app until its window is closed; returns the exit code.

    0 done, 1 failed, 2 something the user can mend, said in one line on standard error, 130 interrupted.
    ``make_pipeline``: as in `gui.application.start`.
    """
    try:
        return _start(parse_arguments(sys.argv[1:] if arguments is None else arguments), make_pipeline=make_pipeline)
    except XnectError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # before there was a window to close
        print("interrupted", file=sys.stderr)
        return 130


def run_show(options: argparse.Namespace) -> int:
    """``xnect-lite run SOURCE --show``."""
    if options.json or options.every_frame or any(given is not None for given in (options.start, options.end, options.osc)):
        raise XnectError("--show", "goes with none of --json, --every-frame, --start, --end, --osc", "Leave them out")
    return _start(Options(pipeline_config(options), options.source))


def _start(options: Options, make_pipeline: MakePipeline | None = None) -> int:
    from xnect_lite.gui.application import start  # what looks at sources, such as OpenCV, comes with it

    return start(options, make_pipeline=make_pipeline) if make_pipeline else start(options)


def parse_arguments(arguments: Sequence[str]) -> Options:
    """Exits with 2 on words that are no options. Raises XnectError for a configuration that is wrong."""
    options = app_parser().parse_args(arguments)
    return Options(
        config=pipeline_config(options),
        source=options.source,
        open=tuple(options.files),
        demo=options.demo,
        takes=options.takes.expanduser() if options.takes else None,
        settings=options.settings,
        record=options.record,
        screenshot=options.screenshot,
        after_s=options.after,
        size=options.size,
    )
