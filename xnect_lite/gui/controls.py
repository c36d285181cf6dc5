"""Menus and toolbar, made from the table of actions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from PyQt6.QtCore import QEvent, QObject, QPoint, Qt
from PyQt6.QtGui import QAction, QCursor, QKeyEvent, QKeySequence
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QMainWindow,
    QMenu,
    QSizePolicy,
    QToolBar,
    QToolButton,
    QWidget,
)

from xnect_lite.capture import list_cameras
from xnect_lite.gui.actions import ACTIONS, Action, menus
from xnect_lite.gui.icons import icon

_NUMBERS_OFFERED = 4  # where cameras have no names to be listed by
_AT_THE_END = ("latency", "settings")  # of the toolbar, behind a stretch
_NARROW_PX = 900

Handler = Callable[[], object]
Fill = Callable[[QMenu], None]


class Controls:
    """Every action of the table in the window's menu bar and toolbar.

    handlers: name -> what to call; of an action that opens a menu: what fills the menu.
    """

    def __init__(self, window: QMainWindow, handlers: Mapping[str, Handler], fills: Mapping[str, Fill]) -> None:
        self._window = window
        self.actions: dict[str, QAction] = {}
        self._menus: dict[str, QMenu] = {}
        self.toolbar = QToolBar("Tools", window)
        self.toolbar.setObjectName("tools")
        self.toolbar.setMovable(False)
        self.toolbar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        window.addToolBar(self.toolbar)
        for title, entries in menus():
            menu = window.menuBar().addMenu(f"&{title}")
            for entry in entries:
                if entry.starts_group:
                    menu.addSeparator()
                if entry.is_menu:
                    menu.addAction(self._submenu(entry, fills[entry.name]))
                else:
                    menu.addAction(self._action(entry, handlers[entry.name]))
        self._fill_toolbar()
        self.recolor()

    def enable(self, there: Collection[str]) -> None:
        """Only what can be done now. ``there``: what actions need."""
        for entry in ACTIONS:
            self.actions[entry.name].setEnabled(not entry.needs or entry.needs in there)

    def recolor(self) -> None:
        """Icons in the colours of the window as it looks now."""
        palette = self._window.palette()
        for entry in ACTIONS:
            if entry.icon:
                self.actions[entry.name].setIcon(icon(entry.icon, palette))

    def make_room(self, width: int) -> None:
        """In a narrow window the last buttons go without their words, so that none is out of sight."""
        both, icon_only = Qt.ToolButtonStyle.ToolButtonTextBesideIcon, Qt.ToolButtonStyle.ToolButtonIconOnly
        for name in _AT_THE_END:
            self.button(name).setToolButtonStyle(icon_only if width < _NARROW_PX else both)

    def button(self, name: str) -> QToolButton:
        """The toolbar's button of an action."""
        button = self.toolbar.widgetForAction(self.actions[name])
        assert isinstance(button, QToolButton)
        return button

    def pop_up(self, name: str, place: QPoint | None = None) -> None:
        """The menu of an action where the mouse is, or at a place of the screen."""
        menu = self._menus[name]
        menu.popup(place or QCursor.pos())

    def _action(self, entry: Action, handler: Handler) -> QAction:
        action = QAction(entry.title, self._window)
        self._describe(action, entry)
        action.setCheckable(entry.is_toggle)
        action.setChecked(entry.is_on)
        action.triggered.connect(lambda: handler())
        self._window.addAction(action)  # shortcuts work in full screen too, where the menu bar is hidden
        return action

    def _submenu(self, entry: Action, fill: Fill) -> QAction:
        menu = QMenu(entry.title, self._window)

        def refill() -> None:
            menu.clear()
            fill(menu)

        menu.aboutToShow.connect(refill)
        self._menus[entry.name] = menu
        action = menu.menuAction()
        assert action is not None
        self._describe(action, entry)
        if entry.shortcuts:  # Qt lets no menu have a key of its own
            key = QAction(entry.title, self._window)
            key.setShortcuts([QKeySequence(k) for k in entry.shortcuts])
            key.triggered.connect(lambda: self._pop_up_if(action, entry.name))
            self._window.addAction(key)
            action.setShortcuts([])
            action.setText(f"{entry.title}\t{QKeySequence(entry.shortcuts[0]).toString()}")
        return action

    def _pop_up_if(self, action: QAction, name: str) -> None:
        if action.isEnabled():
            self.pop_up(name)

    def _describe(self, action: QAction, entry: Action) -> None:
        action.setObjectName(entry.name)
        action.setShortcuts([QKeySequence(key) for key in entry.shortcuts])
        keys = f" ({action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)})" if entry.shortcuts else ""
        action.setToolTip(f"{entry.tip}{keys}")
        action.setStatusTip(entry.tip)
        self.actions[entry.name] = action

    def _fill_toolbar(self) -> None:
        before = ""
        for entry in ACTIONS:
            if entry.in_toolbar and entry.name not in _AT_THE_END:
                if before and entry.menu != before:
                    self.toolbar.addSeparator()
                self.toolbar.addAction(self.actions[entry.name])
                before = entry.menu
        stretch = QWidget()
        stretch.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.toolbar.addWidget(stretch)
        for name in _AT_THE_END:
            self.toolbar.addAction(self.actions[name])
        for action in self.toolbar.actions():
            button = self.toolbar.widgetForAction(action)
            if isinstance(button, QToolButton):
                button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves Space to Start and Stop
                button.setAccessibleName(action.text().partition("\t")[0])
                if action.menu():
                    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)


def fill_camera_menu(menu: QMenu, choose: Callable[[str], None]) -> None:
    """Cameras by name as they are plugged in now; by number where names cannot be had."""
    menu.clear()
    cameras = [(f"camera:{c.path}" if c.path else str(c.index), c.name) for c in list_cameras()]
    if not cameras:
        none = menu.addAction("No camera found by name; try a number:")
        none.setEnabled(False)
        cameras = [(str(i), f"Camera {i}") for i in range(_NUMBERS_OFFERED)]
    for spec, name in cameras:
        menu.addAction(name).triggered.connect(lambda _=False, s=spec: choose(s))


class SpaceFilter(QObject):
    """Space presses the button, box or row that the keyboard has reached; only else it is for Start and Stop."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        if (application := QApplication.instance()) is not None:
            application.installEventFilter(self)

    def remove(self) -> None:
        """Watch keys no longer."""
        if (application := QApplication.instance()) is not None:
            application.removeEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Qt's."""
        is_asked = isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride
        if not is_asked or event.key() != Qt.Key.Key_Space:
            return super().eventFilter(watched, event)
        is_theirs = isinstance(QApplication.focusWidget(), (QAbstractButton, QComboBox, QAbstractItemView))
        event.setAccepted(is_theirs)
        return is_theirs
