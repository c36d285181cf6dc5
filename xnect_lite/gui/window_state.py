"""The window as it was left: its place, its parts, what was ticked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xnect_lite.gui.main_window import MainWindow

_TICKS = ("latency", "side_panels", "overlay", "ids", "ponder")
_NARROW_PX = 1000  # where the lists at the side would leave too little for the views


def restore(window: MainWindow) -> None:
    """As it was left; what is damaged is left out by Qt."""
    store = window.settings.store
    if (geometry := store.data("window/geometry")) is not None:
        window.restoreGeometry(geometry)
    if (state := store.data("window/state")) is not None:
        window.restoreState(state)
    for name in _TICKS:
        if (kept := store.text(f"window/{name}")) is not None:
            window.actions_by_name[name].setChecked(kept == "on")
    window.actions_by_name["mirror"].setChecked(window.looks.mirrored)
    window.show_layers()


def keep(window: MainWindow) -> None:
    """For the next time."""
    if window.isFullScreen():
        return
    store = window.settings.store
    store.keep_data("window/geometry", window.saveGeometry().data())
    store.keep_data("window/state", window.saveState().data())
    for name in _TICKS:
        store.keep_text(f"window/{name}", "on" if window.actions_by_name[name].isChecked() else "off")


def make_room(window: MainWindow, width: int) -> None:
    """A window of this width shows the views rather than the lists at the side, if it is small."""
    if width < _NARROW_PX and window.actions_by_name["side_panels"].isChecked():
        window.actions_by_name["side_panels"].setChecked(False)
        window.show_layers()
