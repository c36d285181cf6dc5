"""Options that mean the same everywhere, so that they are called the same everywhere."""

from __future__ import annotations

import argparse

PHOTOS = "folder of the photo kit's sets"


def add_output(parser: argparse.ArgumentParser, text: str, metavar: str = "FILE", **more: object) -> argparse.Action:
    """``-o``, ``--output``: what is written, a file or a folder."""
    return parser.add_argument("-o", "--output", metavar=metavar, help=text, **more)  # type: ignore[arg-type]


def add_photos(parser: argparse.ArgumentParser, text: str = PHOTOS, **more: object) -> argparse.Action:
    """``--photos``: labelled photographs."""
    return parser.add_argument("--photos", metavar="DIR", help=text, **more)  # type: ignore[arg-type]


def add_result(parser: argparse.ArgumentParser) -> None:
    """What every verb offers that measures something: the result as a file, and as JSON."""
    add_output(parser, "keep the result as JSON, for xnect-lite eval report")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def understood(parser: argparse.ArgumentParser, action: argparse.Action, *older: str) -> None:
    """Names that an option had before; no help lists them."""
    for name in older:
        parser._option_string_actions[name] = action
