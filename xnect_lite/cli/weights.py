"""``xnect-lite weights``: list or verify the weight files."""

from __future__ import annotations

import argparse

from xnect_lite.errors import XnectError, printable
from xnect_lite.inference.weight_search import manifest, search_folders, verify

_LISTED = ("arch", "licence", "trained", "sources", "accuracy")  # keys of the manifest


def run_weights(options: argparse.Namespace) -> int:
    found = False
    for folder in search_folders():
        for name, entry in manifest(folder).items():
            if not (folder / name).is_file():
                continue
            found = True
            if options.action == "verify":
                verify(folder / name)
                print(f"{folder / name}: as in the manifest")
            else:
                lines = [printable(line) for key in _LISTED for line in _lines(key, entry.get(key))]
                print(folder / name, *lines, sep="\n  ")
    if not found:
        looked = ", ".join(map(str, search_folders()))
        raise XnectError("weights", f"none found in: {looked}", "Run xnect-lite train stage1, or set XNECT_WEIGHTS")
    return 0


def _lines(key: str, value: object) -> list[str]:
    """What the manifest says under ``key``; of lists and tables an indented line for each member."""
    if isinstance(value, dict):
        return [f"{key}:", *(f"  {name}: {member}" for name, member in value.items())]
    if isinstance(value, list):
        return [f"{key}:", *(f"  {member}" for member in value)]
    return [f"{key}: {'not stated' if value is None else value}"]
