"""Plays a take in the window: position, pictures, edits, and who is chosen. What is shown where belongs to the widgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from xnect_lite.errors import XnectError
from xnect_lite.gui.looks import Looks
from xnect_lite.gui.people_list import PersonRow
from xnect_lite.gui.player.editor import TakeEditor
from xnect_lite.gui.player.frames import TakeFrames
from xnect_lite.gui.player.lanes import Lane, build_lanes, main_people
from xnect_lite.gui.player.playback import SPEEDS, Playback
from xnect_lite.gui.views import Views
from xnect_lite.runners.pictures import PictureReader
from xnect_lite.runners.shelf import Film, film_of, title_of

_TICK_MS = 15


class Player(QObject):
    """One take at a time.

    moved ()            another frame is shown, or playing began or ended
    changed ()          the take itself, or who is in it, has changed
    failed (XnectError) something could not be done; nothing has changed
    """

    moved = pyqtSignal()
    changed = pyqtSignal()
    failed = pyqtSignal(object)
    _picture_ready = pyqtSignal(int)

    def __init__(self, views: Views, looks: Looks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._views, self._looks = views, looks
        self.editor: TakeEditor | None = None
        self.frames: TakeFrames | None = None
        self.playback: Playback | None = None
        self.lanes: list[Lane] = []
        self.film = Film(None)
        self._pictures: PictureReader | None = None
        self._only_main = False
        self._hidden_by_hand: set[int] = set()
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._picture_ready.connect(self._show_late_picture)

    @property
    def is_open(self) -> bool:
        """Whether a take is shown."""
        return self.editor is not None

    @property
    def title(self) -> str:
        """Of the take."""
        return title_of(self.editor.folder) if self.editor else ""

    def open(self, folder: Path) -> None:
        """Show this take, at its first frame. Raises XnectError, and changes nothing, where it cannot be."""
        editor = TakeEditor(folder)
        if not len(editor.take.every_frame_t_s):
            raise XnectError(str(folder), "holds no frames", "Choose another take")
        frames = TakeFrames(editor.take)
        self.close()
        self._looks.forget()
        self.editor = editor
        self._take_in(frames)
        self.playback = Playback(frames.t_s)
        self._open_film(film_of(folder, editor.take.info))
        self._views.view3d.fix_floor(frames.floor_m)
        self._views.clear()
        self.changed.emit()
        self.show()

    def close(self) -> None:
        """No take is shown any more; files that its edits have made stale are the caller's to write."""
        self._timer.stop()
        if self._pictures is not None:
            self._pictures.close()
        self._pictures = self.editor = self.frames = self.playback = None
        self.lanes, self._only_main, self._hidden_by_hand = [], False, set()
        self._views.view3d.fix_floor(None)
        self._looks.forget()

    def use_film(self, path: Path) -> None:
        """Show the pictures of this file, whose own place is not known any more."""
        self._open_film(Film(path))
        self.show()

    def people_rows(self) -> list[PersonRow]:
        """For the list."""
        if self.playback is None:
            return []
        now = self.playback.frame
        return [PersonRow(lane.id, lane.height_m, lane.score, bool(lane.presence_at(now))) for lane in self.lanes]

    # --- moving

    def toggle(self) -> None:
        """Play or pause."""
        if self.playback is not None:
            self.playback.toggle()
            self._run_timer()
            self.show()

    def seek(self, frame: int) -> None:
        """Stand at this frame."""
        if self.playback is not None and self.playback.seek(frame):
            self.show()

    def step(self, frames: int) -> None:
        """Pause, and go on by so many frames."""
        if self.playback is not None:
            self.playback.step(frames)
            self._run_timer()
            self.show()

    def jump(self, seconds: float) -> None:
        """Go on by so many seconds."""
        if self.playback is not None:
            self.seek(self.playback.frame_at(self.playback.t_s + seconds))

    def to_end(self, is_last: bool) -> None:
        """To a mark; from there on to the take's own begin or end."""
        if self.playback is not None:
            marks = (self.playback.mark_out, len(self.playback) - 1) if is_last else (self.playback.mark_in, 0)
            self.seek(marks[0] if self.playback.frame != marks[0] else marks[1])

    def set_speed(self, speed: float) -> None:
        """Play so many times as fast."""
        if self.playback is not None:
            self.playback.speed = speed
            self.moved.emit()

    def change_speed(self, steps: int) -> None:
        """The next speed up or down."""
        if self.playback is not None:
            place = SPEEDS.index(self.playback.speed) + steps
            self.set_speed(SPEEDS[min(max(place, 0), len(SPEEDS) - 1)])

    def set_loop(self, is_on: bool) -> None:
        """Start again at the end."""
        if self.playback is not None:
            self.playback.loop = is_on

    def mark(self, do: Callable[[Playback], None]) -> None:
        """Set or clear marks."""
        if self.playback is not None:
            do(self.playback)
            self.moved.emit()

    # --- people

    def choose(self, identity: int) -> None:
        """Outline somebody everywhere; 0 = nobody."""
        if identity != self._looks.chosen:
            self._looks.chosen = identity
            self._views.refresh()
            self.moved.emit()

    def choose_next(self) -> None:
        """The next in the list; after the last, nobody."""
        ids = [0, *(lane.id for lane in self.lanes)]
        place = ids.index(self._looks.chosen) if self._looks.chosen in ids else 0
        self.choose(ids[(place + 1) % len(ids)])

    def hide(self, identity: int) -> None:
        """Out of the views, or into them again."""
        self._hidden_by_hand ^= {identity}
        self._hide()

    def only_main(self, is_on: bool) -> None:
        """Show those only who are there most."""
        self._only_main = is_on
        self._hide()

    @property
    def others(self) -> set[int]:
        """Those who are not there most."""
        return {lane.id for lane in self.lanes} - main_people(self.lanes)

    def edit(self, do: Callable[[TakeEditor], object]) -> bool:
        """Change the take; False, and `failed`, where that cannot be."""
        if self.editor is None:
            return False
        try:
            do(self.editor)
        except XnectError as error:
            self.failed.emit(error)
            return False
        self._after_edit()
        return True

    def reload(self) -> None:
        """As it is in its folder by now. Raises XnectError."""
        if self.editor is not None:
            self.editor.reload()
            self._after_edit()

    # --- inside

    def show(self) -> None:
        """What the views should show now."""
        if self.frames is None or self.playback is None:
            return
        frame = self.playback.frame
        image = self._pictures.get(frame) if self._pictures else None
        is_waited_for = self._pictures is not None and image is None and not self._pictures.problem
        result = self.frames.result(frame, image, self._looks.hidden)
        self._views.show_result(result, picture=not is_waited_for)
        self.moved.emit()

    def _show_late_picture(self, frame: int) -> None:
        if frame < 0:
            self.failed.emit(XnectError("the film", self._pictures.problem if self._pictures else "", "Choose another file"))
            self.show()
            return
        if self.playback is None or self.frames is None or self._pictures is None or frame != self.playback.frame:
            return
        if (image := self._pictures.get(frame)) is not None:
            self._views.view2d.show_result(self.frames.result(frame, image, self._looks.hidden))

    def _tick(self) -> None:
        if self.playback is not None and self.playback.tick():
            self.show()
        self._run_timer()

    def _run_timer(self) -> None:
        is_playing = self.playback is not None and self.playback.is_playing
        if is_playing and not self._timer.isActive():
            self._timer.start()
        elif not is_playing:
            self._timer.stop()

    def _take_in(self, frames: TakeFrames) -> None:
        self.frames = frames
        self.lanes = build_lanes(frames)
        self._looks.names = dict(frames.take.names)
        self._looks.colors.see_all(frames.meetings())
        if self._looks.chosen not in frames.take.ids:
            self._looks.chosen = 0
        self._looks.hidden = self._hidden()

    def _after_edit(self) -> None:
        assert self.editor is not None
        before = self.playback
        frames = TakeFrames(self.editor.take)
        self._take_in(frames)
        playback = Playback(frames.t_s)
        if before is not None and len(before) == len(playback):
            playback.mark_in, playback.mark_out, playback.frame = before.mark_in, before.mark_out, before.frame
            playback.loop, playback.speed = before.loop, before.speed
        elif before is not None:  # trimmed, or a trim taken back: the film is read by other frames now
            playback.frame = playback.frame_at(before.t_s)
            self._open_film(self.film)
        self.playback = playback
        self._run_timer()
        self.changed.emit()
        self.show()

    def _hidden(self) -> set[int]:
        return self._hidden_by_hand | (self.others if self._only_main else set())

    def _hide(self) -> None:
        self._looks.hidden = self._hidden()
        self.show()
        self.changed.emit()

    def _open_film(self, film: Film) -> None:
        if self._pictures is not None:
            self._pictures.close()
        self.film = film
        self._pictures = None
        self._views.view2d.burnt = film.is_drawn
        if film.path is not None and self.frames is not None:
            self._pictures = PictureReader(film.open_at, self.frames.t_s - film.start_s, self._picture_ready.emit)
