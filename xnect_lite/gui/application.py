"""Starts the app: arguments, Qt, window. Qt is imported only once the arguments have been understood."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from xnect_lite.errors import XnectError, install
from xnect_lite.gui.options import Options
from xnect_lite.gui.startup import check_options

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QApplication

    from xnect_lite.gui.worker import MakePipeline


def start(options: Options, *, make_pipeline: MakePipeline | None = None) -> int:
    """Show the window until it is closed; returns the exit code. Raises XnectError for what is wrong before there is one.

    ``make_pipeline`` takes the place of the real network; weights and device are then not looked for.
    """
    check_options(options, network=make_pipeline is None)
    application = _start_qt()
    from xnect_lite.gui.show import show  # what shows windows comes with it

    return show(application, options, make_pipeline)


def _start_qt() -> QApplication:
    try:
        from PyQt6.QtCore import Qt
        from PyQt6.QtWidgets import QApplication
    except ImportError as error:
        raise XnectError("the app's window", f"PyQt6 cannot be imported ({error})", install("gui")) from error
    if sys.platform.startswith("linux") and not any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))):
        raise XnectError("the app's window", "there is no display to show it on", "Start it on a desktop, or under xvfb-run")
    import cv2  # noqa: F401 - after PyQt6, and before its variables are dropped

    # OpenCV points Qt at plug-ins of its own, older Qt; they would mislead programs started from here and error texts.
    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        if "cv2" in os.environ.get(name, ""):
            del os.environ[name]
    # pyqtgraph keeps its shaders for as long as the program runs, whatever becomes of the context they were made in.
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    application.setApplicationName("xnect_lite")
    return application
