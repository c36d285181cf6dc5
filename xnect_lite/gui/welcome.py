"""What is seen while nothing is: three ways to begin."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from xnect_lite.gui.colors import CANVAS, CANVAS_DIM, CANVAS_TEXT

_STYLE = """
QWidget#welcome {{ background: rgb{canvas}; }}
QWidget#welcome QLabel {{ color: rgb{dim}; background: transparent; }}
QWidget#welcome QLabel#title {{ color: rgb{text}; }}
QWidget#welcome QPushButton {{ color: rgb{text}; background: rgb(46,50,57); padding: 9px 20px; }}
QWidget#welcome QPushButton {{ border: 1px solid rgb(64,69,78); }}
QWidget#welcome QPushButton:hover {{ background: rgb(56,61,69); }}
QWidget#welcome QPushButton:focus {{ border-color: rgb(74,158,234); }}
QWidget#welcome QPushButton[primary="true"] {{ background: rgb(74,158,234); border-color: rgb(74,158,234); color: white; }}
"""
_CHOICES = (("open", "Open a video"), ("camera", "Use a camera"), ("demo", "Play the demo"))


class Welcome(QWidget):
    """Stands where the picture will be."""

    def __init__(self, actions: dict[str, QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("welcome")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setStyleSheet(_STYLE.format(canvas=CANVAS, dim=CANVAS_DIM, text=CANVAS_TEXT))
        title = QLabel("See everyone move in 3D")
        title.setObjectName("title")
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.7)
        font.setBold(True)
        title.setFont(font)
        words = QLabel("Open a video to have every frame processed, or use a camera live.\nYou may also drop a file here.")
        words.setWordWrap(True)
        self.buttons: dict[str, QPushButton] = {}
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addStretch(1)
        for name, text in _CHOICES:
            button = QPushButton(text)
            button.setProperty("primary", name == "open")
            button.setToolTip(actions[name].toolTip())
            if (menu := actions[name].menu()) is not None:
                button.clicked.connect(lambda _=False, b=button, m=menu: m.popup(b.mapToGlobal(b.rect().bottomLeft())))
            else:
                button.clicked.connect(actions[name].trigger)
            self.buttons[name] = button
            row.addWidget(button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(14)
        column.addStretch(3)
        for label in (title, words):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(label)
        column.addSpacing(6)
        column.addLayout(row)
        column.addStretch(4)
