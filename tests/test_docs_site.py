"""The documentation as a site: it builds without a warning, and its API pages say what every argument is."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NAMES = re.findall(r"^::: (\S+)$", "\n".join(p.read_text() for p in sorted((ROOT / "docs/api").glob("*.md"))), re.MULTILINE)


def found(name: str) -> Any:
    module, _, own = name.rpartition(".")
    return getattr(importlib.import_module(module), own)


def callables() -> dict[str, Any]:
    """What the pages show: functions, classes and their methods, but not values that are made by hand nowhere."""
    out = {}
    for name in NAMES:
        thing = found(name)
        out[name] = thing
        if inspect.isclass(thing) and not dataclasses.is_dataclass(thing) and not getattr(thing, "_is_protocol", False):
            methods = inspect.getmembers(thing, inspect.isfunction)
            out |= {f"{name}.{own}": method for own, method in methods if not own.startswith("_") or own == "__call__"}
    return out


CALLABLES = callables()


def test_there_are_pages():
    assert len(NAMES) >= 40 and len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("name", CALLABLES)
def test_every_argument_is_explained(name):
    """In a section that documentation tools read; keys of a configuration have comments instead."""
    thing = CALLABLES[name]
    text = inspect.getdoc(thing) or ""
    assert text, "says what it is for"
    if inspect.isclass(thing) and (issubclass(thing, BaseException) or name.startswith("xnect_lite.config.")):
        return
    if dataclasses.is_dataclass(thing):
        wanted, section = [field.name for field in dataclasses.fields(thing)], "Attributes:"
        if section not in text:
            assert re.search(r"BvhOptions|Take$|Camera$|PlacedCamera", name), "columns are explained"
            return
    else:
        made = thing.__init__ if inspect.isclass(thing) and not getattr(thing, "_is_protocol", False) else thing
        wanted = [] if inspect.isclass(made) else [p for p in inspect.signature(made).parameters if p not in ("self", "cls")]
        section = "Args:"
    if len(wanted) <= 1 and section not in text:
        return  # one argument: the first line is about it
    explained = re.findall(r"^    (\w+): ", text[text.index(section) :], re.MULTILINE)
    assert [name for name in wanted if name not in explained] == []


@pytest.mark.skipif(importlib.util.find_spec("mkdocstrings") is None, reason="needs the extra 'docs'")
def test_the_site_builds_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "site/api/run/index.html").read_text(encoding="utf-8")
    assert "newest" in page and "Parameters" in page
