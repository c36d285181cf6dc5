"""Windows that only tell: the shortcuts, and what this program is made of."""

from __future__ import annotations

from PyQt6.QtCore import PYQT_VERSION_STR, QT_VERSION_STR, Qt
from PyQt6.QtGui import QKeySequence
from PyQt6.QtWidgets import QDialog, QLabel, QMessageBox, QVBoxLayout, QWidget

from xnect_lite import __version__
from xnect_lite.gui.actions import menus

_MOUSE_3D = (
    ("Left button", "turn"),
    ("Middle button, or Shift and left", "shift"),
    ("Wheel", "nearer, farther"),
    ("Double click", "reset"),
)


def shortcuts_html() -> str:
    """The table of actions that have a key, and the mouse in the 3D view."""
    rows = []
    for menu, actions in menus():
        keyed = [a for a in actions if a.shortcuts]
        rows += [f"<tr><th colspan=2 align=left>{menu}</th></tr>"] if keyed else []
        for action in keyed:
            keys = " or ".join(QKeySequence(k).toString(QKeySequence.SequenceFormat.NativeText) for k in action.shortcuts)
            rows.append(f"<tr><td><b>{keys}</b></td><td>{action.title.rstrip('…')}: {action.tip}</td></tr>")
    rows.append("<tr><th colspan=2 align=left>Mouse in 3D</th></tr>")
    rows += [f"<tr><td><b>{what}</b></td><td>{does}</td></tr>" for what, does in _MOUSE_3D]
    return f"<table cellspacing=5>{''.join(rows)}</table>"


def show_shortcuts(parent: QWidget) -> QDialog:
    """Beside the window, which goes on working."""
    dialog = QDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle("Shortcuts")
    label = QLabel(shortcuts_html())
    label.setTextFormat(Qt.TextFormat.RichText)
    QVBoxLayout(dialog).addWidget(label)
    dialog.show()
    return dialog


def show_about(parent: QWidget, pipeline_name: str, view3d: str) -> QMessageBox:
    """Version, what it runs on, and the licences that bind whoever passes it on."""
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle("About xnect_lite")
    box.setText(f"<b>xnect_lite {__version__}</b><br>3D motion capture of several people from one camera.")
    box.setInformativeText(
        f"<p>Running on: {pipeline_name or 'no network loaded yet'}<br>3D view: {view3d}<br>"
        f"Qt {QT_VERSION_STR}, PyQt {PYQT_VERSION_STR}</p>"
        "<p>Code: Apache-2.0. PyQt6, which this window uses, is under GPL-3.0. "
        "The SelecSLS architecture is by Mehta et al., CC BY 4.0.</p>"
    )
    box.setModal(False)
    box.show()
    return box
