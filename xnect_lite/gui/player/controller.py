"""Plays a take in the window: position, pictures, edits, and who is chosen. What is shown where belongs to the widgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from xnect_lite.errors import XnectError
from xnect_lite.gui.aside import Aside
from xnect_lite.gui.looks import Looks
from xnect_lite.gui.people_list import PersonRow
from xnect_lite.gui.player.editor import TakeEditor
from xnect_lite.gui.player.frames import TakeFrames
from xnect_lite.gui.player.lanes import Lane, main_people
from xnect_lite.gui.player.playback import SPEEDS, Playback
from xnect_lite.gui.player.reading import Reading, is_short, is_soon_worked_out, read_after, read_take
from xnect_lite.gui.views import Views
from xnect_lite.runners.pictures import PictureReader
from xnect_lite.runners.shelf import Film, film_of, title_of

_TICK_MS = 15


class Player(QObject):
    """One take at a time.

    opened ()           another take is shown
    moved ()            another frame is shown, or playing began or ended
    changed ()          the take itself, or who is in it, has changed
    failed (XnectError) something could not be done; nothing has changed
    """

    opened = pyqtSignal()
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
        self._aside = Aside("take", self)
        self.is_working = False
        """A long take is being read or changed aside."""
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
        """Show this take at its first frame: `opened` tells; or `failed`, and what is shown stays. Long ones are read aside."""
        self._work(lambda: read_take(folder), self._show_opened, at_once=is_short(folder))

    def _show_opened(self, reading: Reading) -> None:
        self.close()
        self.editor = reading.editor
        self._take_in(reading)
        self.playback = Playback(reading.frames.t_s)
        self._open_film(film_of(reading.editor.folder, reading.editor.take.info))
        self._views.view3d.fix_floor(reading.floor_m)
        self._views.clear()
        self.opened.emit()
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

    def edit(self, do: Callable[[TakeEditor], object], then: Callable[[], None] | None = None) -> None:
        """Change the take; `failed` tells where that cannot be. ``then`` is called once it is shown."""
        editor = self.editor
        if editor is None or self.is_working:
            return

        def shown(reading: Reading) -> None:
            if self.editor is editor:  # else another take was opened meanwhile
                self._after_edit(reading)
                if then is not None:
                    then()

        self._work(lambda: read_after(editor, do), shown, at_once=is_soon_worked_out(editor))

    def reload(self) -> None:
        """As it is in its folder by now."""
        self.edit(lambda editor: editor.reload())

    def end(self) -> None:
        """The window closes."""
        self.close()
        self._aside.close()

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

    def _work(self, work: Callable[[], Reading], then: Callable[[Reading], None], *, at_once: bool) -> None:
        """Read or change a take here and now, or aside if that takes long."""

        def take_up(found: Reading | Exception) -> None:
            self.is_working = False
            if isinstance(found, XnectError):
                self.failed.emit(found)
            elif isinstance(found, Exception):
                raise found
            else:
                then(found)
            self.moved.emit()

        if at_once:
            try:
                found: Reading | Exception = work()
            except XnectError as error:
                found = error
            take_up(found)
        else:
            self.is_working = True
            self.moved.emit()
            self._aside.run(work, take_up)

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

    def _take_in(self, reading: Reading) -> None:
        self.frames, self.lanes = reading.frames, reading.lanes
        self._looks.names = dict(reading.frames.take.names)
        self._looks.colors.see_all(reading.meets)
        if self._looks.chosen not in self.frames.take.ids:
            self._looks.chosen = 0
        self._looks.hidden = self._hidden()

    def _after_edit(self, reading: Reading) -> None:
        before = self.playback
        self._take_in(reading)
        playback = Playback(reading.frames.t_s)
        if before is not None and len(before) == len(playback):
            playback.mark_in, playback.mark_out, playback.frame = before.mark_in, before.mark_out, before.frame
        elif before is not None:  # trimmed, or a trim taken back: the film is read by other frames now
            playback.frame = playback.frame_at(before.t_s)
            self._open_film(self.film)
        if before is not None:
            playback.loop, playback.speed = before.loop, before.speed
            if before.is_playing:
                playback.play()
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
