"""What is built is what lies there: a folder forgotten by the build works in the checkout and is missing for users."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOMES = {"xnect_lite": "xnect_lite", "models": "xnect_lite.models", "weights": "xnect_lite._weights"}
"""Folder of the repository -> the package it becomes."""

_WHAT_IS_BUILT = """
import json, setuptools
from distutils.core import run_setup
distribution = run_setup("setup.py", stop_after="config")
build = distribution.get_command_obj("build_py")
build.ensure_finalized()
modules = sorted({package + "." + module for package, module, _ in build.find_all_modules()})
print(json.dumps([modules, distribution.package_data]))
"""


@pytest.fixture(scope="module")
def built() -> tuple[list[str], dict[str, list[str]]]:
    """Modules, and patterns of other files by package."""
    done = subprocess.run([sys.executable, "-c", _WHAT_IS_BUILT], cwd=ROOT, capture_output=True, text=True, check=True)
    return tuple(json.loads(done.stdout.splitlines()[-1]))


def _modules_there() -> list[str]:
    """Every Python file, as package.module."""
    return sorted(
        {
            ".".join([home, *path.relative_to(ROOT / folder).with_suffix("").parts])
            for folder, home in HOMES.items()
            for path in (ROOT / folder).rglob("*.py")
        }
    )


def test_the_wheel_holds_every_module(built):
    assert built[0] == _modules_there()


def test_the_wheel_holds_every_other_file(built):
    """Tables and weights that a module reads."""
    named = {
        (ROOT / folder).joinpath(file)
        for folder, home in HOMES.items()
        for pattern in built[1].get(home, ())
        for file in (ROOT / folder).glob(pattern)
    }
    there = {
        path
        for folder in HOMES
        for path in (ROOT / folder).rglob("*.*")
        if path.is_file() and path.suffix not in (".py", ".pyc", ".part")
    }
    assert there and there <= named


def test_every_folder_with_modules_is_a_package():
    for folder in HOMES:
        homeless = {path.parent for path in (ROOT / folder).rglob("*.py") if not (path.parent / "__init__.py").is_file()}
        assert not homeless
