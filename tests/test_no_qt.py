"""Qt stays at the edge: only `xnect_lite.gui` imports it, and there only the files that show something."""

from __future__ import annotations

import subprocess
import sys

_IMPORT_ALL_BUT_GUI = """
import importlib, pkgutil, sys
import xnect_lite
for module in pkgutil.walk_packages(xnect_lite.__path__, "xnect_lite."):
    if module.name.startswith("xnect_lite.gui") or module.name.endswith("__main__"):
        continue
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:
        if error.name.startswith("xnect_lite"):  # a library of an extra that is not installed is no fault
            raise
"""
_LOGIC = ("actions", "colors", "framing", "options", "orbit", "scene", "startup")


def _qt_modules_after(code: str) -> str:
    code += "\nprint(sorted(m for m in sys.modules if m.split('.')[0] in ('PyQt5', 'PyQt6', 'PySide6', 'pyqtgraph')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_no_module_outside_the_gui_imports_qt():
    assert _qt_modules_after(_IMPORT_ALL_BUT_GUI) == "[]"


def test_logic_of_the_app_needs_no_qt():
    assert _qt_modules_after("import sys, " + ", ".join(f"xnect_lite.gui.{name}" for name in _LOGIC)) == "[]"


def test_help_and_window_code_do_not_import_torch():
    code = "import sys, xnect_lite.gui.application, xnect_lite.cli.app\nassert 'torch' not in sys.modules"
    assert _qt_modules_after(code) == "[]"
