"""The middle of the window: the picture on the left, space on the right, each under a line that says what it is."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSplitter,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from xnect_lite.gui.latency import LatencyPanel
from xnect_lite.gui.looks import Looks
from xnect_lite.gui.view2d import View2D
from xnect_lite.gui.view3d import View3D
from xnect_lite.gui.welcome import Welcome
from xnect_lite.types import PoseResult

_PRESETS = ("front", "side", "top", "home")


class Views(QSplitter):
    """Picture, space, latency. ``looks`` is shared by all that shows people."""

    def __init__(self, looks: Looks, *, use_opengl: bool | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setObjectName("views")
        self.setChildrenCollapsible(False)
        self.looks = looks
        self.view2d, self.view3d = View2D(looks=looks), View3D(use_opengl=use_opengl, looks=looks)
        self.latency = LatencyPanel()
        self.latency.hide()
        self._headers = [Header("Picture"), Header("Space")]
        self._stack = QStackedLayout()
        self._stack.addWidget(self.view2d)
        left, right = QWidget(), QWidget()
        for side, header in zip((left, right), self._headers, strict=True):
            column = QVBoxLayout(side)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            column.addWidget(header)
        left.layout().addLayout(self._stack)  # type: ignore[attr-defined]
        right.layout().addWidget(self.view3d)
        right.layout().addWidget(self.latency)
        right.layout().setStretch(1, 1)  # type: ignore[attr-defined]
        for side, share in ((left, 11), (right, 9)):
            self.addWidget(side)
            self.setStretchFactor(self.count() - 1, share)
        self.setSizes([1100, 900])
        self.setHandleWidth(1)

    def add_actions(self, actions: dict[str, QAction]) -> None:
        """Buttons of the 3D view, and the first screen's."""
        for name in _PRESETS:
            self._headers[1].add(actions[name])
        self.welcome = Welcome(actions)
        self._stack.addWidget(self.welcome)

    def name(self, picture: str = "Picture", space: str = "Space") -> None:
        """What the lines above say."""
        for header, words in zip(self._headers, (picture, space), strict=True):
            header.title.setText(words)

    def set_headers(self, are_shown: bool) -> None:
        """The lines above the views."""
        for header in self._headers:
            header.setVisible(are_shown)

    def show_welcome(self, is_shown: bool) -> None:
        """The first screen, or the picture."""
        self._stack.setCurrentIndex(1 if is_shown else 0)

    @property
    def is_welcoming(self) -> bool:
        """Whether the first screen is seen."""
        return self._stack.currentIndex() == 1

    def show_result(self, result: PoseResult, *, picture: bool = True) -> None:
        """A frame in both views; in space alone if its picture is not there yet."""
        if picture:
            self.view2d.show_result(result)
        self.view3d.show_result(result)

    def refresh(self) -> None:
        """The looks have changed."""
        self.view2d.refresh()
        self.view3d.refresh()

    def clear(self) -> None:
        """Nobody is there."""
        self.view2d.clear()
        self.view3d.clear()


class Header(QFrame):
    """A thin line above a view."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.setObjectName("header")
        self.setFixedHeight(self.fontMetrics().height() + 14)
        self.title = QLabel(words)
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 0, 6, 0)
        self._row.setSpacing(0)
        self._row.addWidget(self.title, 1)

    def add(self, action: QAction) -> None:
        """A small button."""
        button = QToolButton()
        button.setDefaultAction(action)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        button.setText(action.text().partition(" ")[0])
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setAccessibleName(action.toolTip())
        self._row.addWidget(button)
