"""Menus, toolbar and the camera chooser, made from the table of actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QMainWindow, QMenu, QToolBar, QToolButton

from xnect_lite.gui.actions import Action, menus

_NUMBERS_OFFERED = 4  # where cameras have no names to be listed by


def build_controls(
    window: QMainWindow, handlers: Mapping[str, Callable[[], object]], camera_menu: QMenu
) -> tuple[dict[str, QAction], QToolBar]:
    """Put every action into menu bar and toolbar. Returns them by name.

    handlers: name -> what to call; every action but "camera" needs one.
    """
    toolbar = QToolBar("Tools", window)
    toolbar.setObjectName("tools")
    toolbar.setMovable(False)
    toolbar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    window.addToolBar(toolbar)
    actions: dict[str, QAction] = {}
    for title, entries in menus():
        menu = window.menuBar().addMenu(f"&{title}")
        for entry in entries:
            if entry.name == "camera":
                action = menu.addMenu(camera_menu)
                camera_menu.setTitle(entry.title)
                camera_menu.setToolTip(entry.tip)
            else:
                action = _action(window, entry, handlers[entry.name])
                menu.addAction(action)
            actions[entry.name] = action  # type: ignore[assignment]  # PyQt6's stub calls it Optional
            if entry.in_toolbar:
                toolbar.addAction(action)
        if any(entry.in_toolbar for entry in entries):
            toolbar.addSeparator()
    for action in toolbar.actions():
        button = toolbar.widgetForAction(action)
        if isinstance(button, QToolButton):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Space is for Start and Stop
            if action.menu():
                button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    return actions, toolbar


def _action(window: QMainWindow, entry: Action, handler: Callable[[], object]) -> QAction:
    action = QAction(entry.title, window)
    action.setObjectName(entry.name)
    action.setShortcuts([QKeySequence(key) for key in entry.shortcuts])
    keys = f" ({action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)})" if entry.shortcuts else ""
    action.setToolTip(f"{entry.tip}{keys}")
    action.setStatusTip(entry.tip)
    action.setCheckable(entry.is_toggle)
    action.setChecked(entry.is_on)
    action.triggered.connect(lambda: handler())
    window.addAction(action)  # shortcuts work in full screen too, where the menu bar is hidden
    return action


def fill_camera_menu(menu: QMenu, choose: Callable[[str], None]) -> None:
    """Cameras by name as they are plugged in now; by number where names cannot be had."""
    from xnect_lite.capture import list_cameras

    menu.clear()
    cameras = [(f"camera:{c.path}" if c.path else str(c.index), c.name) for c in list_cameras()]
    if not cameras:
        none = menu.addAction("No camera found by name; try a number:")
        none.setEnabled(False)
        cameras = [(str(i), f"Camera {i}") for i in range(_NUMBERS_OFFERED)]
    for spec, name in cameras:
        menu.addAction(name).triggered.connect(lambda _=False, s=spec: choose(s))
