"""What each action of the table does: names to calls, and the menus whose entries are known only when they open."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtWidgets import QFileDialog, QMenu

from xnect_lite.gui.controls import fill_camera_menu
from xnect_lite.gui.dialogs import show_about, show_shortcuts
from xnect_lite.gui.export.dialog import show_export
from xnect_lite.gui.folders import open_folder
from xnect_lite.gui.settings.dialog import show_settings

if TYPE_CHECKING:
    from xnect_lite.gui.main_window import MainWindow

_VIDEOS = "Videos (*.mp4 *.mov *.avi *.mkv *.webm *.m4v *.mpg *.mpeg *.wmv);;All files (*)"


def handlers(window: MainWindow) -> dict[str, Callable[[], object]]:
    """name -> call, of every action that opens no menu."""
    player, mending, actions = window.player, window.mending, lambda name: window.actions_by_name[name]
    return {
        "open": lambda: choose_video(window), "open_take": lambda: choose_take(window), "demo": window.play_demo,
        "export": lambda: show_export(window), "close_take": window.close_take, "takes": lambda: show_takes(window),
        "settings": lambda: show_settings(window), "quit": window.close, "run": window.toggle_running,
        "record": window.toggle_recording, "cancel": window.files.cancel, "mirror": window.toggle_mirror,
        "step_back": lambda: player.step(-1), "step_forward": lambda: player.step(1),
        "jump_back": lambda: player.jump(-1.0), "jump_forward": lambda: player.jump(1.0),
        "first": lambda: player.to_end(False), "last": lambda: player.to_end(True),
        "slower": lambda: player.change_speed(-1), "faster": lambda: player.change_speed(1),
        "loop": lambda: player.set_loop(actions("loop").isChecked()),
        "mark_in": lambda: player.mark(lambda p: p.set_in()), "mark_out": lambda: player.mark(lambda p: p.set_out()),
        "clear_marks": lambda: player.mark(lambda p: p.clear_marks()), "trim": mending.trim,
        "again": lambda: process_again(window),
        "undo": mending.undo, "redo": mending.redo, "cut": mending.cut, "rename": mending.rename,
        "delete": mending.delete, "hide": lambda: player.hide(window.looks.chosen),
        "main_only": lambda: mending.only_main(actions("main_only").isChecked()), "next_person": player.choose_next,
        **dict.fromkeys(("overlay", "ids", "ponder", "latency", "side_panels"), window.show_layers),
        **{name: partial(window.views.view3d.show_preset, name) for name in ("front", "side", "top", "home")},
        "accept": window.banner.accept, "dismiss": window.banner.clear,
        "fullscreen": window.toggle_fullscreen, "shortcuts": lambda: show_shortcuts(window),
        "about": lambda: show_about(window, window.worker.pipeline_name, window.views.view3d.drawn_by),
    }  # fmt: skip


def fills(window: MainWindow) -> dict[str, Callable[[QMenu], None]]:
    """name -> what fills the menu, of every action that opens one."""
    return {
        "camera": lambda menu: fill_camera_menu(menu, window.open_camera),
        "recent": lambda menu: _fill_recent(window, menu),
        "swap": window.mending.fill_swap,
        "merge": window.mending.fill_merge,
    }


def choose_video(window: MainWindow) -> None:
    """Ask for videos."""
    recent = window.settings.now.recent
    paths, _ = QFileDialog.getOpenFileNames(window, "Open video", str(Path(recent[0]).parent) if recent else "", _VIDEOS)
    window.open_files(paths)


def choose_take(window: MainWindow) -> None:
    """Ask for a take's folder."""
    if folder := QFileDialog.getExistingDirectory(window, "Open take", str(window.takes)):
        window.open_files([folder])


def process_again(window: MainWindow) -> None:
    """Every frame of the film of the take that is open, into another take."""
    film, editor = window.player.film, window.player.editor
    if editor is None or window.files.is_busy:
        return
    if film.path is None or film.is_drawn:
        window.banner.show_info("The film of this take is not there: find it first, or open it as a video")
        return
    is_own = film.path.parent == editor.folder
    window.files.ask([str(editor.folder if is_own else film.path)])


def show_takes(window: MainWindow) -> None:
    """The takes folder in the file manager."""
    try:
        window.takes.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        words = f"{window.takes} cannot be made ({error.strerror}). Choose another folder for takes in the settings"
        window.banner.show_error(words)
        return
    if not open_folder(window.takes):
        window.banner.show_info(f"No file manager answers. The folder, copied to the clipboard, is {window.takes}")


def _fill_recent(window: MainWindow, menu: QMenu) -> None:
    for path in window.settings.now.recent:
        menu.addAction(Path(path).name).triggered.connect(lambda _=False, p=path: window.open_files([p]))
    if menu.isEmpty():
        menu.addAction("Nothing yet").setEnabled(False)
