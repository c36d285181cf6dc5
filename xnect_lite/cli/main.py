"""The command line: ``xnect-lite VERB``. Results go to standard output, messages to standard error.

Exit codes: 0 done, 1 unexpected, 2 something the user can mend, 130 interrupted. What a verb needs is imported once its words
are understood (`parsers.later`), so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

from xnect_lite import __version__
from xnect_lite.cli.parsers import arch, bench, data, devices, evaluate, export, process, run, synth, take, train, weights
from xnect_lite.errors import XnectError, next_step_of
from xnect_lite.signals import ending_by, interrupt

VERBS = (run, process, take, train, evaluate, bench, data, synth, export, arch, weights, devices)
"""In the order that ``--help`` lists them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    try:
        with ending_by(interrupt):
            return _run(sys.argv[1:] if arguments is None else arguments)
    except XnectError as error:
        _say(str(error))
        return 2
    except KeyboardInterrupt as error:
        _say(f"interrupted{'; ' if str(error) else ''}{error}")
        return 130
    except MemoryError:
        _say("memory: there is not enough. Close other programs, or give less at a time")
        return 2
    except OSError as error:
        if error.filename is not None:  # of a file that nobody asked about before: whatever it is, the name is what to look at
            _say(str(XnectError(os.fsdecode(error.filename), f"cannot be used ({error.strerror})", next_step_of(error))))
            return 2
        if not _is_about_output():
            raise
        return _without_output(error)


def train_pose(arguments: Sequence[str] | None = None) -> int:
    """``xnect-lite train``, as the door of a checkout."""
    return main(["train", *(sys.argv[1:] if arguments is None else arguments)])


def _run(arguments: Sequence[str]) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files need not be text
    try:
        options = _parser().parse_args(arguments)
        return options.run(options)
    finally:  # also after --help, which ends here
        if sys.stdout is not None:
            sys.stdout.flush()


def _is_about_output() -> bool:
    """Whether it is standard output that is full, closed or gone; then not even an empty line can be written."""
    try:
        print(flush=True)
    except OSError:
        return True
    return False


def _without_output(error: OSError) -> int:
    """What is left to do when nothing can be printed any more; Python would try again on its way out, and fail there."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if error.errno == errno.EPIPE:  # whoever read our lines has seen enough
        return 0
    _say(f"standard output: cannot be written ({error.strerror}). {next_step_of(error)}, or write to a file")
    return 2


def _say(line: str) -> None:
    rank = os.environ.get("RANK", "0")  # of several processes that train together
    with contextlib.suppress(OSError):  # the terminal may be gone
        print(line if rank == "0" else f"process {rank}: {line}", file=sys.stderr)


class _Verbs(argparse._SubParsersAction):
    """Verbs whose own ``--help`` begins with what the list of verbs says of them."""

    def add_parser(self, name: str, **options: Any) -> argparse.ArgumentParser:
        words = str(options.get("help") or "")
        options.setdefault("description", f"{words[:1].upper()}{words[1:]}." if words else None)
        return super().add_parser(name, **options)


class _Parser(argparse.ArgumentParser):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.register("action", "parsers", _Verbs)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="xnect-lite", description="3D motion capture of several people from one camera.")
    parser.add_argument("--version", action="version", version=f"xnect-lite {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in VERBS:
        verb.add(verbs)
    return parser
