"""The app's command line. Imports next to nothing, so that ``--help`` answers at once."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xnect_lite import __version__
from xnect_lite.commands.pipeline_options import add_pipeline_options, pipeline_config
from xnect_lite.config import PipelineConfig

DEFAULT_TAKES = Path("~/xnect_takes")


@dataclass(frozen=True, slots=True)
class Options:
    """What the app was asked for.

    source:      as `capture.open_source` takes it.
    takes:       folder that takes are put in.
    record:      record from the first result on.
    screenshot:  picture of the window to save, ``after_s`` seconds after the first result, and then quit.
    size:        (width, height) of the window, None = what suits the screen.
    """

    config: PipelineConfig
    source: str = "0"
    takes: Path = DEFAULT_TAKES
    record: bool = False
    screenshot: Path | None = None
    after_s: float = 2.0
    size: tuple[int, int] | None = None


def parse_arguments(arguments: Sequence[str]) -> Options:
    """Exits with 2 on words that are no options. Raises XnectError for a configuration that is wrong."""
    options = _parser().parse_args(arguments)
    return Options(
        config=pipeline_config(options),
        source=options.source,
        takes=options.takes.expanduser(),
        record=options.record,
        screenshot=options.screenshot,
        after_s=options.after,
        size=options.size,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="app.py", description="3D motion capture of several people from one camera, live.")
    parser.add_argument("--version", action="version", version=f"xnect_lite {__version__}")
    parser.add_argument(
        "--source", default="0", help="video file, camera number or name, image folder, stream URL (default: 0)"
    )
    parser.add_argument(
        "--takes", type=Path, default=DEFAULT_TAKES, metavar="DIR", help=f"folder for takes (default: {DEFAULT_TAKES})"
    )
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
