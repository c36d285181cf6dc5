"""Shows a folder in the file manager, also where the desktop has no launcher."""

from __future__ import annotations

import os
from pathlib import Path

from PyQt6.QtCore import QStandardPaths, QUrl
from PyQt6.QtGui import QDesktopServices, QGuiApplication

_LAUNCHERS = ("xdg-open", "gio", "kde-open", "kde-open5", "exo-open")  # what Qt itself looks for on Linux


def open_folder(folder: Path) -> bool:
    """True if a file manager was asked to show it; else its path is on the clipboard."""
    QGuiApplication.clipboard().setText(str(folder))
    has_launcher = os.name == "nt" or QGuiApplication.platformName() == "cocoa"
    has_launcher = has_launcher or any(QStandardPaths.findExecutable(name) for name in _LAUNCHERS)
    return has_launcher and QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
