"""The user mends a take: menus of people, edits with the words for them, and files that are written anew after them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QPoint
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QFileDialog, QMenu

from xnect_lite.errors import XnectError
from xnect_lite.gui.banner import Banner
from xnect_lite.gui.people_list import PeopleList, swatch
from xnect_lite.gui.player.controller import Player
from xnect_lite.gui.player.editor import TakeEditor
from xnect_lite.gui.views import Views

if TYPE_CHECKING:
    from xnect_lite.gui.main_window import MainWindow


_MENU = ("swap", "merge", "cut", "rename", "delete", "hide")


class Mending:
    """What the "People" menu does."""

    def __init__(self, player: Player, people: PeopleList, banner: Banner, window: MainWindow) -> None:
        self._player, self._people, self._banner, self._window = player, people, banner, window
        player.failed.connect(self._show_failure)
        people.renamed.connect(self._rename)

    @property
    def _chosen(self) -> int:
        return self._window.looks.chosen

    def fill_swap(self, menu: QMenu) -> None:
        """Whom the chosen person changes places with."""
        now_s = self._player.playback.t_s if self._player.playback else 0.0
        self._fill(menu, lambda editor, other: editor.swap(self._chosen, other, now_s))

    def fill_merge(self, menu: QMenu) -> None:
        """Whom the chosen person is one with, who keeps their number."""
        self._fill(menu, lambda editor, other: editor.merge(other, self._chosen), choose=True)

    def ask(self, identity: int, place: QPoint) -> None:
        """The menu of a person."""
        self._window.choose(identity)
        if self._player.is_open and identity:
            menu = QMenu(self._window)
            for name in _MENU:
                menu.addAction(self._window.actions_by_name[name])
            menu.popup(place)

    def cut(self) -> None:
        """The chosen person is somebody else from here on."""
        if self._player.playback is not None:
            now_s = self._player.playback.t_s
            self._do(lambda editor: editor.cut(self._chosen, now_s))

    def rename(self) -> None:
        """Let the user type a name."""
        self._window.actions_by_name["side_panels"].setChecked(True)
        self._window.show_layers()
        self._people.edit_name(self._chosen)

    def delete(self) -> None:
        """Without the chosen person."""
        self._do(lambda editor: editor.delete(self._chosen))

    def trim(self) -> None:
        """Without what is not between the marks."""
        playback = self._player.playback
        if playback is None or not playback.has_marks:
            self._banner.show_info("Set marks first: I and O")
            return
        ends = playback.t_s_of(playback.mark_in), playback.t_s_of(playback.mark_out)
        self._do(lambda editor: editor.trim(*ends))

    def undo(self) -> None:
        """Take back the last edit."""
        if self._player.editor is not None and self._player.editor.undo_words:
            self._do(lambda editor: editor.undo())

    def redo(self) -> None:
        """Do again what was taken back."""
        if self._player.editor is not None and self._player.editor.redo_words:
            self._do(lambda editor: editor.redo())

    def only_main(self, is_on: bool) -> None:
        """Those only who are there most: shown, recorded and exported."""
        self._people.only_main.setChecked(is_on)
        self._player.only_main(is_on)
        for identity in self._player.others:
            self._people.set_left_out(identity, is_on)

    def write_files(self) -> None:
        """The take's files anew where edits have made them stale; a notice says if that cannot be."""
        editor = self._player.editor
        if editor is not None and editor.is_stale and editor.folder.is_dir():
            editor.mark_written()
            self._window.session.write_files(editor.folder)

    @property
    def there(self) -> set[str]:
        """What actions need of a take that is open."""
        editor = self._player.editor
        found = {"take"} | ({"person"} if self._chosen else set())
        if editor is not None:
            found |= {name for name, words in (("undo", editor.undo_words), ("redo", editor.redo_words)) if words}
        return found

    def name_edits(self, actions: dict[str, QAction]) -> None:
        """Undo and redo say what they would do."""
        editor = self._player.editor
        for name, title, words in (
            ("undo", "Undo", editor.undo_words if editor else ""),
            ("redo", "Redo", editor.redo_words if editor else ""),
        ):
            actions[name].setText(f"{title}: {words}" if words else title)
            actions[name].setToolTip(f"{title}: {words}" if words else f"Nothing to {title.lower()}")

    def show_picture_names(self, views: Views) -> None:
        """What the line above the picture says of a take's film."""
        film = self._player.film
        if not self._player.is_open:
            return
        if film.path is not None:
            views.name(f"{self._player.title} · {film.path.name}", "Space")
        else:
            views.name(f"{self._player.title} · no film", "Space")
            views.view2d.show_message("")

    def take_up(self) -> None:
        """Another take is open: what is ticked and how it plays are one."""
        self._people.forget()
        self._window.actions_by_name["main_only"].setChecked(False)
        self._player.set_loop(self._window.actions_by_name["loop"].isChecked())

    def tell_state(self) -> None:
        """What is missing of the take that was opened, and what can be done about it."""
        film, editor = self._player.film, self._player.editor
        if editor is not None and editor.take.info.get("state") != "finished":
            finish = partial(self._finish, editor.folder)
            self._banner.show_info("This take is not finished: it can be seen, not edited.", offer=("Finish it", finish))
        if self._player.is_open and film.path is None:
            where = f"{film.missing} is not there any more" if film.missing else "no film was kept with it"
            self._banner.show_info(
                f"This take is shown without its film: {where}", offer=("Find it…", self._find_film)
            )  # fmt: skip

    def _finish(self, folder: Path) -> None:
        self._window.close_take()
        self._window.session.finish_takes([folder])

    def _find_film(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self._window, "The film of this take", "", "")
        if path:
            self._player.use_film(Path(path))
            self.show_picture_names(self._window.views)

    def _fill(self, menu: QMenu, edit: Callable[[TakeEditor, int], object], *, choose: bool = False) -> None:
        looks = self._window.looks
        for lane in self._player.lanes:
            if lane.id != looks.chosen:
                action = menu.addAction(swatch(looks.color_of(lane.id)), looks.title_of(lane.id))
                action.triggered.connect(lambda _=False, other=lane.id: self._with(other, edit, choose))
        if menu.isEmpty():
            menu.addAction("Nobody else is in this take").setEnabled(False)

    def _with(self, other: int, edit: Callable[[TakeEditor, int], object], choose: bool) -> None:
        then = (lambda: self._player.choose(other)) if choose else None
        self._player.edit(lambda editor: edit(editor, other), then)

    def _rename(self, identity: int, name: str) -> None:
        if self._player.is_open:
            if name != self._window.looks.names.get(identity, ""):
                self._do(lambda editor: editor.rename(identity, name))
        else:
            self._window.looks.names[identity] = name
            self._window.views.refresh()

    def _do(self, edit: Callable[[TakeEditor], object]) -> None:
        self._player.edit(edit)

    def _show_failure(self, error: XnectError) -> None:
        editor = self._player.editor
        offer = None
        if editor is not None and editor.folder.is_dir() and editor.is_changed_elsewhere:
            offer = ("Open it again", self._player.reload)
        self._banner.show_error(str(error), offer=offer)
