"""The window: it wires parts together; what they do is in their own files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import QEvent, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QResizeEvent
from PyQt6.QtWidgets import QApplication, QDockWidget, QMainWindow, QVBoxLayout, QWidget

from xnect_lite.config import PipelineConfig
from xnect_lite.errors import XnectError
from xnect_lite.gui import theme
from xnect_lite.gui.banner import Banner
from xnect_lite.gui.controls import Controls, SpaceFilter
from xnect_lite.gui.demo import demo_clip
from xnect_lite.gui.files import Files
from xnect_lite.gui.handlers import fills, handlers
from xnect_lite.gui.live import Live
from xnect_lite.gui.looks import Looks
from xnect_lite.gui.people_list import PeopleList
from xnect_lite.gui.player.controller import Player
from xnect_lite.gui.player.mending import Mending
from xnect_lite.gui.player.panel import PlayerPanel
from xnect_lite.gui.processing import ProcessingPanel
from xnect_lite.gui.run_buttons import RunButtons
from xnect_lite.gui.settings.store import SettingsKeeper
from xnect_lite.gui.status_line import StatusLine
from xnect_lite.gui.takes_list import TakesList
from xnect_lite.gui.views import Views
from xnect_lite.gui.window_state import keep, restore
from xnect_lite.gui.worker import InferenceWorker
from xnect_lite.runners.session import RecordingState, Session, take_opener

_TICK_MS = 200
_BLOCKED = "A take is being recorded: end it first (R)"


class MainWindow(QMainWindow):
    """Shows what the worker finds in ``source``, and takes.

    source:    played by `start`; "" = nothing, the first screen is shown.
    settings:  kept between runs; of this run alone without it.
    cache:     folder for pictures of takes; None = none are kept.

    result_shown  a result, or a take, has reached the views
    """

    result_shown = pyqtSignal()

    def __init__(
        self,
        source: str,
        session: Session,
        worker: InferenceWorker,
        settings: SettingsKeeper | None = None,
        *,
        use_opengl: bool | None = None,
        cache: Path | None = None,
    ) -> None:
        super().__init__()
        self.session, self.worker = session, worker
        self.settings = settings or SettingsKeeper()
        self.given_config = PipelineConfig()  # what the command line sets, which goes before the settings
        self.looks = Looks(mirrored=self.settings.now.mirror)
        self.setAcceptDrops(True)
        self.banner, self.views = Banner(), Views(self.looks, use_opengl=use_opengl)
        self.processing, self.panel = ProcessingPanel(), PlayerPanel(self.looks)
        self.takes_list, self.people = TakesList(self.takes, cache), PeopleList(self.looks)
        self.live = Live(session, worker, self.views, self.banner, self.looks)
        self.live.source = source
        self.player = Player(self.views, self.looks, self)
        self.files = Files(worker, self.processing, self.banner, self.settings, self)
        self.mending = Mending(self.player, self.people, self.banner, self)
        self._place_parts()
        self.controls = Controls(self, handlers(self), fills(self))
        self.actions_by_name = self.controls.actions
        self.views.add_actions(self.actions_by_name)
        self.panel.add_actions(self.actions_by_name)
        self._buttons, self.status = RunButtons(self.controls), StatusLine(self.statusBar())
        self._timer = QTimer(self)
        self._connect()
        self._timer.start(_TICK_MS)
        self.views.show_welcome(True)
        self.space = SpaceFilter(self)
        self.setFocus()  # of nothing that Space would press
        restore(self)
        self.takes_list.refresh()
        self._show_mode()

    # --- what the user does

    @property
    def takes(self) -> Path:
        """The folder takes are put in."""
        return Path(self.settings.now.takes).expanduser()

    def open_source(self, spec: str) -> None:
        """Play this file, camera or stream from its start, instead of what is shown now."""
        if self._may_leave():
            self.close_take()
            self.people.forget()
            self.live.play(spec)

    def open_camera(self, spec: str) -> None:
        """Play a camera, and remember it."""
        self.settings.change(camera=spec)
        self.open_source(spec)

    def open_take(self, folder: Path) -> None:
        """Show a take instead of what is shown now."""
        if self.player.editor is not None and self.player.editor.folder == folder:
            return
        if not self._may_leave():
            return
        self.mending.write_files()
        self.player.open(folder)
        if self.player.is_working and not self.player.is_open:
            self.views.show_welcome(False)
            self.views.view2d.show_message("Opening the take…")

    def _show_take(self) -> None:
        self.worker.stop()
        self.mending.take_up()
        self._show_mode()
        self.mending.tell_state()

    def close_take(self) -> None:
        """Back to the camera."""
        if self.player.is_open:
            self.mending.write_files()
            self.player.close()
            self.people.forget()
            self.views.clear()
            self.views.name()
            self.views.show_welcome(True)
            self._show_mode()

    def begin(self, files: Sequence[str] = (), *, demo: bool = False) -> None:
        """What the app was started for: files, the demo, a source, else the last camera if the settings say so."""
        self.live.offer_unfinished(self.takes)
        now = self.settings.now
        if files:
            self.open_files(list(files))
        elif demo:
            self.play_demo()
        elif self.live.source:
            self.start()
        elif now.start_camera and now.camera:
            self.open_source(now.camera)

    def start(self) -> None:
        """Play the source from its start, if there is one."""
        if self.live.source:
            self.live.play(self.live.source)

    def toggle_running(self) -> None:
        """Space: play or pause what is shown."""
        if self.player.is_open:
            self.player.toggle()
        elif not self.files.is_busy:
            if self.live.source:
                self.live.toggle()
            else:
                self.controls.pop_up("camera", self.mapToGlobal(self.rect().center()))
        self._tick()

    def toggle_recording(self) -> None:
        """Start a take with the next result, or finish the one that runs."""
        if self.player.is_open and self.session.recording is RecordingState.OFF:
            self.close_take()
        self.session.ignore(self.people.left_out)
        self.live.toggle_recording(float(self.settings.now.countdown_s))
        self._tick()

    def open_files(self, paths: list[str]) -> None:
        """Takes are shown, videos are asked about."""
        if paths and self._may_leave():
            self.files.open(paths)

    def play_demo(self) -> None:
        """The built-in clip, as a camera would see it."""
        try:
            self.open_source(str(demo_clip()))
        except XnectError as error:
            self.banner.show_error(str(error))

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Qt's. Files and folders are welcome."""
        urls = event.mimeData().urls() if event else []
        if urls and all(url.isLocalFile() for url in urls):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Qt's."""
        if event:
            event.acceptProposedAction()
            self.open_files([url.toLocalFile() for url in event.mimeData().urls()])

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Qt's. A running take is finished first, a file in work is kept as far as it is."""
        self._timer.stop()
        keep(self)
        self.mending.write_files()
        self.hide()
        self.player.end()
        self.takes_list.close_threads()
        self.worker.shutdown(60.0 if self.files.is_busy else 5.0)
        self.session.close()
        super().closeEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Qt's."""
        if hasattr(self, "controls"):
            self.controls.make_room(self.width())
        super().resizeEvent(event)

    def changeEvent(self, event: QEvent | None) -> None:
        """Qt's: the system turned dark or light."""
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_buttons"):
            self.controls.recolor()
            self._buttons.forget()
        super().changeEvent(event)

    # --- what is shown

    def _may_leave(self) -> bool:
        """Whether something else may be shown; a take that is being recorded is never ended by that."""
        is_free = self.session.recording is not RecordingState.RECORDING
        if not is_free:
            self.banner.show_info(_BLOCKED)
        return is_free and not self._is_processing()

    def _is_processing(self) -> bool:
        if self.files.is_busy:
            self.banner.show_info("A file is being processed: cancel it first (Esc), or wait for it")
        return self.files.is_busy

    def _tick(self) -> None:
        """Whatever changes without an event of its own."""
        if self.live.show_notices():
            self.takes_list.refresh()
        self.live.show_recording()
        self._show_buttons()
        report = self.session.latency()
        if self.views.latency.isVisible():
            self.views.latency.show_report(report, self.worker.pipeline_name)
        if not self.player.is_open:
            self.people.show_people(self.live.people_rows())
        self.status.show("" if self.player.is_open else self.live.status_words(), report, self.worker)

    def _show_buttons(self) -> None:
        if self.player.playback is not None:
            words = "Pause" if self.player.playback.is_playing else "Play"
        else:
            words = self.live.run_words
        can = not self.files.is_busy
        self._buttons.show(words, self.session.recording, can_run=can, can_record=can, palette=self.palette())

    def _show_mode(self) -> None:
        """Parts that belong to a take, a file in work, or a camera."""
        is_take = self.player.is_open
        self.panel.setVisible(is_take)
        self.people.only_main.setVisible(is_take)
        self.controls.enable(self._there())
        if is_take:
            assert self.player.playback is not None and self.player.editor is not None
            self.panel.show_take(self.player.playback, self.player.lanes)
            self.mending.name_edits(self.actions_by_name)
            self.views.show_welcome(False)
            self.setWindowTitle(f"{self.player.title} – xnect_lite")
        else:
            self.setWindowTitle("xnect_lite")
        self.takes_list.mark_open(self.player.editor.folder if self.player.editor else None)
        self.mending.show_picture_names(self.views)
        self._show_position()
        self._tick()

    def _there(self) -> set[str]:
        """What actions may need, and is there."""
        there = {"file"} if self.files.is_busy else set()
        return there | self.mending.there if self.player.is_open else there

    def _show_position(self) -> None:
        """The take stands at another frame."""
        if self.player.playback is None:
            return
        self.panel.show_position(self.player.playback)
        self.panel.show_speed(self.player.playback.speed)
        self.people.show_people(self.player.people_rows())
        self.controls.enable(self._there())
        self._show_buttons()

    def show_layers(self) -> None:
        """What is ticked in the "View" menu."""
        on = {name: action.isChecked() for name, action in self.actions_by_name.items()}
        self.views.view2d.set_layers(skeletons=on["overlay"], ids=on["ids"], ponder=on["ponder"])
        self.views.view3d.set_ids(on["ids"])
        self.views.latency.setVisible(on["latency"])
        for dock in self.docks:
            dock.setVisible(on["side_panels"])
        self._tick()

    def toggle_mirror(self) -> None:
        """The picture as in a mirror, or not."""
        self.looks.mirrored = self.actions_by_name["mirror"].isChecked()
        self.settings.change(mirror=self.looks.mirrored)
        self.views.view2d.refresh()

    def toggle_fullscreen(self) -> None:
        """The views alone on the whole screen, or the window again."""
        is_full = self.actions_by_name["fullscreen"].isChecked()
        for widget in (self.menuBar(), self.controls.toolbar, self.statusBar()):
            widget.setVisible(not is_full)
        self.views.set_headers(not is_full)
        for dock in self.docks:
            dock.setVisible(not is_full and self.actions_by_name["side_panels"].isChecked())
        if is_full:
            self.showFullScreen()
        else:
            self.showNormal()

    # --- construction

    def _place_parts(self) -> None:
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part in (self.banner, self.views, self.processing, self.panel):
            column.addWidget(part, 1 if part is self.views else 0)
        self.setCentralWidget(middle)
        self.docks: list[QDockWidget] = []
        lists: tuple[tuple[str, QWidget], ...] = (("Takes", self.takes_list), ("People", self.people))
        for title, shown in lists:
            dock = QDockWidget(title, self)
            dock.setObjectName(title.lower())
            dock.setFeatures(QDockWidget.DockWidgetFeature.DockWidgetMovable)
            dock.setWidget(shown)
            shown.setMinimumWidth(200)
            self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, dock)
            self.docks.append(dock)
        self.resizeDocks(self.docks, [260, 260], Qt.Orientation.Horizontal)
        self.resizeDocks(self.docks, [360, 260], Qt.Orientation.Vertical)

    def _connect(self) -> None:
        self._timer.timeout.connect(self._tick)
        self.live.result_shown.connect(self.result_shown)
        self.live.changed.connect(self._tick)
        self.files.opened.connect(self.open_take)
        self.files.opened.connect(lambda _: self.takes_list.refresh())
        self.files.previewed.connect(self.open_source)
        self.files.left.connect(self.close_take)
        self.files.changed.connect(self._show_mode)
        self.takes_list.opened.connect(self.open_take)
        self.player.opened.connect(self._show_take)
        self.player.opened.connect(self.result_shown)
        self.player.moved.connect(self._show_position)
        self.player.changed.connect(self._show_mode)
        self.panel.speed_wished.connect(self.player.set_speed)
        self.panel.timeline.sought.connect(self.player.seek)
        self.panel.timeline.asked.connect(self.mending.ask)
        self.people.asked.connect(self.mending.ask)
        for part in (self.panel.timeline, self.people):
            part.chosen.connect(self.choose)
        for view in (self.views.view2d, self.views.view3d):
            view.clicked.connect(self.choose)
        self.people.left_out_changed.connect(lambda: self.session.ignore(self.people.left_out))
        self.people.only_main.toggled.connect(self.actions_by_name["main_only"].setChecked)
        self.people.only_main.toggled.connect(self.mending.only_main)

    def choose(self, identity: int) -> None:
        """Outline somebody everywhere; 0 = nobody."""
        if self.player.is_open:
            self.player.choose(identity)
        elif identity != self.looks.chosen:
            self.looks.chosen = identity
            self.views.refresh()

    def use_settings(self, config: PipelineConfig) -> None:
        """Settings have changed; ``config`` is what they mean to the pipeline."""
        self.worker.configure(config)
        self.session.record_into(take_opener(self.takes, config, video=self.settings.now.keep_video), self.takes)
        self.takes_list.show_folder(self.takes)
        self.looks.mirrored = self.settings.now.mirror
        self.actions_by_name["mirror"].setChecked(self.looks.mirrored)
        self.views.view2d.refresh()
        self.use_theme()

    def use_theme(self) -> None:
        """The looks that the settings ask for."""
        application = QApplication.instance()
        wanted = self.settings.now.appearance
        if isinstance(application, QApplication) and theme.is_another(application, wanted):
            theme.apply(application, wanted)
            self.controls.recolor()
            self._buttons.forget()
