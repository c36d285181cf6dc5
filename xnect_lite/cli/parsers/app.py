"""The app's command line: ``app.py``, ``xnect-lite-app``."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from xnect_lite import __version__
from xnect_lite.cli.parsers.pipeline_options import add_pipeline_options
from xnect_lite.cli.parsers.words import add_output, understood
from xnect_lite.gui.options import DEFAULT_TAKES


def app_parser() -> argparse.ArgumentParser:
    """A parser of its own: the app is no verb, `xnect-lite run SOURCE --show` stands for it."""
    parser = argparse.ArgumentParser(prog="app.py", description="3D motion capture of several people from one camera, live.")
    parser.add_argument("--version", action="version", version=f"xnect_lite {__version__}")
    parser.add_argument("files", nargs="*", metavar="FILE", help="videos to be processed, or a take to be seen")
    parser.add_argument(
        "--source", default="", help="played live: camera number or name, video file, image folder, stream URL, 'synthetic'"
    )
    parser.add_argument("--demo", action="store_true", help="play the built-in clip")
    where = f"folder for takes (default: as the settings say, at first {DEFAULT_TAKES})"
    takes = add_output(parser, where, "TAKES", dest="takes", type=Path, default=None)
    understood(parser, takes, "--takes")
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
