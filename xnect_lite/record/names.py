"""What people of a take are called: ``"names": {"2": "Anna"}`` in take.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xnect_lite.errors import XnectError

LONGEST_NAME = 60
"""Characters."""


def names_of(info: Mapping[str, Any]) -> dict[int, str]:
    """id -> name, of take.json as it is read. Of a take that was edited in place, `Take.names` is what counts."""
    return {int(identity): str(name) for identity, name in info.get("names", {}).items()}


def write_names(folder: str | Path, names: Mapping[int, str]) -> None:
    """Give people of a take these names, and no others. Raises XnectError for a bad name, or a folder that refuses."""
    from xnect_lite.record.take_folder import read_info, write_info

    folder = Path(folder)
    write_info(folder, read_info(folder) | {"names": {str(i): checked_name(name) for i, name in sorted(names.items())}})


def checked_name(name: str) -> str:
    """``name`` on one line, without blanks around it. Raises XnectError if nothing can be called so."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise XnectError(f"the name '{name}'", f"is empty, too long or not printable (at most {LONGEST_NAME} characters)",
                         "Choose another")  # fmt: skip
    return name


def parse_names(given: list[str]) -> dict[int, str]:
    """``["2=Anna"]`` -> {2: "Anna"}; of two names of one person the last counts. Raises XnectError."""
    names = {}
    for item in given:
        identity, separator, name = item.partition("=")
        if not separator or not (identity.isascii() and identity.isdigit()) or not 0 < int(identity[:18]) < 10**9:
            raise XnectError(f"--name {item}", "is not ID=NAME", "Write for instance 2=Anna")
        names[int(identity)] = checked_name(name)
    return names
