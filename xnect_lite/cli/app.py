"""The app's command line: ``app.py``, ``xnect-lite-app``. Imports next to nothing, so that ``--help`` answers at once."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xnect_lite import __version__
from xnect_lite.cli.pipeline_options import add_pipeline_options, pipeline_config
from xnect_lite.errors import XnectError
from xnect_lite.gui.application import start
from xnect_lite.gui.options import DEFAULT_TAKES, Options

if TYPE_CHECKING:
    from xnect_lite.gui.worker import MakePipeline


def run(arguments: Sequence[str] | None = None, *, make_pipeline: MakePipeline | None = None) -> int:
    """Run the app until its window is closed; returns the exit code.

    0 done, 1 failed, 2 something the user can mend, said in one line on standard error, 130 interrupted.
    ``make_pipeline``: as in `start`.
    """
    try:
        return start(parse_arguments(sys.argv[1:] if arguments is None else arguments), make_pipeline=make_pipeline)
    except XnectError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # before there was a window to close
        print("interrupted", file=sys.stderr)
        return 130


def parse_arguments(arguments: Sequence[str]) -> Options:
    """Exits with 2 on words that are no options. Raises XnectError for a configuration that is wrong."""
    options = _parser().parse_args(arguments)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="app.py", description="3D motion capture of several people from one camera, live.")
    parser.add_argument("--version", action="version", version=f"xnect_lite {__version__}")
    parser.add_argument("files", nargs="*", metavar="FILE", help="videos to be processed, or a take to be seen")
    parser.add_argument(
        "--source", default="", help="played live: camera number or name, video file, image folder, stream URL, 'synthetic'"
    )
    parser.add_argument("--demo", action="store_true", help="play the built-in clip")
    parser.add_argument(
        "--takes", type=Path, metavar="DIR", help=f"folder for takes (default: as the settings say, at first {DEFAULT_TAKES})"
    )
    parser.add_argument("--settings", type=Path, metavar="FILE", help="file of settings, instead of your own")
    parser.add_argument("--record", action="store_true", help="record from the first frame on")
    parser.add_argument("--size", type=_size, metavar="WxH", help="size of the window, such as 1366x768")
    parser.add_argument("--screenshot", type=Path, metavar="FILE", help="save a picture of the window as PNG, then quit")
    parser.add_argument(
        "--after", type=_seconds, default=2.0, metavar="S", help="--screenshot: seconds after the first result (default: 2)"
    )
    add_pipeline_options(parser)
    return parser


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)[xX×](\d+)", text)
    if not match or min(int(match[1]), int(match[2])) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no size; write WIDTHxHEIGHT, such as 1366x768")
    return int(match[1]), int(match[2])


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is no time in seconds")
    return value
