"""GUI tests run without a screen unless there is one."""

import gc
import os
import sys

import pytest
from PyQt6.QtCore import QCoreApplication, Qt

if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# As the app does: pyqtgraph's shaders outlive the window they were made for.
QCoreApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)


@pytest.fixture
def keep(qtbot):
    """Holds a widget until the test is over, and lets go of it here.

    pytest-qt goes on painting after the test function has returned, but holds no reference: the garbage collector would
    free a window while it paints itself, or later on a thread that must not touch widgets.
    """
    kept = []

    def keep_widget(widget):
        kept.append(widget)
        return widget

    yield keep_widget
    for widget in kept:
        widget.close()
    kept.clear()
    gc.collect()
