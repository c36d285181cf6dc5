"""What is built is what lies there: a folder forgotten by the build works in the checkout and is missing for users."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOMES = {"xnect_lite": "xnect_lite", "models": "xnect_lite.models", "weights": "xnect_lite._weights"}
"""Folder of the repository -> the package it becomes."""

_MODULES_OF_THE_BUILD = """
import json
from distutils.core import run_setup
build = run_setup("setup.py", stop_after="config").get_command_obj("build_py")
build.ensure_finalized()
print(json.dumps(sorted({package + "." + module for package, module, _ in build.find_all_modules()})))
"""


def _modules_there() -> list[str]:
    """Every Python file, as package.module."""
    return sorted(
        {
            ".".join([home, *path.relative_to(ROOT / folder).with_suffix("").parts])
            for folder, home in HOMES.items()
            for path in (ROOT / folder).rglob("*.py")
        }
    )


def test_the_wheel_holds_every_module():
    code = "import setuptools\n" + _MODULES_OF_THE_BUILD
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == _modules_there()


def test_every_folder_with_modules_is_a_package():
    for folder in HOMES:
        homeless = {path.parent for path in (ROOT / folder).rglob("*.py") if not (path.parent / "__init__.py").is_file()}
        assert not homeless
