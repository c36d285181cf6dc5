"""The command line: ``xnect-lite VERB``. Results go to standard output, messages to standard error.

Exit codes: 0 done, 1 interrupted, 2 something the user can mend. Heavy imports happen inside the verbs, so that
``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from xnect_lite import __version__
from xnect_lite.commands import benchmark, data, devices, evaluate, export, imagenet, process, run, synth, take, timing, weights
from xnect_lite.commands.benchmark_pipeline import with_action
from xnect_lite.errors import XnectError

VERBS = (run, process, take, export, evaluate, benchmark, timing, imagenet, data, synth, weights, devices)
"""In the order that ``--help`` lists them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    options = _parser().parse_args(with_action(list(sys.argv[1:] if arguments is None else arguments)))
    try:
        return options.run(options)
    except XnectError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; what was recorded so far is kept", file=sys.stderr)
        return 1


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


if __name__ == "__main__":
    sys.exit(main())
