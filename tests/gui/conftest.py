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


@pytest.fixture
def player_window(keep, tmp_path):
    """Builds windows drawn without OpenGL, with a pipeline and a camera that are not real."""
    from gui_fakes import FakePipeline, FakeRecorder, FakeSource

    from xnect_lite.config import PipelineConfig
    from xnect_lite.gui.main_window import MainWindow
    from xnect_lite.gui.settings.store import SettingsKeeper
    from xnect_lite.gui.worker import InferenceWorker
    from xnect_lite.runners.session import Session

    def make(pipeline=None, store=None):
        session = Session(FakeRecorder)
        worker = InferenceWorker(
            session, PipelineConfig(), lambda config: pipeline or FakePipeline(), lambda spec: FakeSource(live=True)
        )
        settings = SettingsKeeper(store)
        settings.change(takes=str(tmp_path / "takes"))
        window = keep(MainWindow("0", session, worker, settings, use_opengl=False))
        window.resize(1100, 700)
        window.show()
        return window

    return make
