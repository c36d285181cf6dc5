"""What may come from anywhere is read within limits; whatever is wrong with it is a ValueError of a few words."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

import yaml

MOST_TEXT_BYTES = 16 << 20
"""Of a description such as take.json or a manifest; ours have a few thousand."""
MOST_SETTINGS_BYTES = 1 << 18
"""Of a YAML file, whose reader needs a second for so much."""
_DEEPEST = 20  # sections within sections
_MOST_DIGITS = 40


def open_regular(path: str | Path) -> BinaryIO:
    """An ordinary file, to read. Raises OSError; ValueError for a pipe or device, which may never end."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("is no ordinary file")
    return open(descriptor, "rb")


def read_bytes(path: str | Path, most_bytes: int) -> bytes:
    """A file's content. Raises OSError, and ValueError for what is no ordinary file or larger than ``most_bytes``."""
    with open_regular(path) as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise ValueError(f"has more than {most_bytes:,} bytes")
    return data


def load_json(text: str | bytes) -> Any:
    """What JSON text holds."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("is nested too deep") from None


def read_json(path: str | Path, most_bytes: int = MOST_TEXT_BYTES) -> Any:
    """What a JSON file in UTF-8 holds. Raises OSError or ValueError."""
    return load_json(read_bytes(path, most_bytes).decode("utf-8"))


def load_yaml(text: str) -> Any:
    """What YAML holds: numbers, words, lists and sections; no dates, no tags, no aliases, no key twice."""
    if len(text) > MOST_SETTINGS_BYTES:
        raise ValueError(f"has {len(text):,} characters; at most {MOST_SETTINGS_BYTES:,} are read")
    try:
        return yaml.load(text, _PlainLoader)
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"{error.problem or error.context or 'cannot be understood'}{line}") from None
    except (yaml.YAMLError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
        raise ValueError(str(error).splitlines()[0] if str(error) else "cannot be understood") from None
    except RecursionError:
        raise ValueError("is nested too deep") from None


def read_yaml(path: str | Path) -> Any:
    """What a YAML file in UTF-8 holds. Raises OSError or ValueError."""
    return load_yaml(read_bytes(path, MOST_SETTINGS_BYTES).decode("utf-8-sig"))


class _PlainLoader(yaml.SafeLoader):
    """YAML without what nobody needs in settings and what can be made to run for hours."""

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("uses aliases (*), which are not read")
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError("is nested too deep")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and key.value in seen:  # YAML itself would keep the last one silently
                raise ValueError(f"holds '{key.value[:40]}' twice in one section")
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else "")
        return super().construct_mapping(node, deep)

    def construct_number(self, node: Any) -> Any:
        if len(str(node.value)) > _MOST_DIGITS:
            raise ValueError(f"holds a number of {len(node.value):,} digits")
        try:
            return self.construct_yaml_int(node) if node.tag.endswith(":int") else self.construct_yaml_float(node)
        except (ValueError, IndexError, TypeError):
            raise ValueError(f"'{node.value}' is no number") from None


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_PLAIN = ("null", "bool", "int", "float", "str", "seq", "map")
_PlainLoader.yaml_constructors = {
    tag: make for tag, make in yaml.SafeLoader.yaml_constructors.items() if tag is None or tag.rpartition(":")[2] in _PLAIN
}
for _kind in ("int", "float"):
    _PlainLoader.add_constructor(f"tag:yaml.org,2002:{_kind}", _PlainLoader.construct_number)
