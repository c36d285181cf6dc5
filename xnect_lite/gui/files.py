"""Opening files and takes: what a path is, what is asked, what waits in line, and what comes of it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtWidgets import QWidget

from xnect_lite.capture import open_source
from xnect_lite.config import Quality
from xnect_lite.errors import XnectError
from xnect_lite.gui.banner import Banner
from xnect_lite.gui.open_dialog import OpenDialog
from xnect_lite.gui.processing import FileQueue, ProcessingPanel
from xnect_lite.gui.settings.store import SettingsKeeper
from xnect_lite.gui.worker import InferenceWorker
from xnect_lite.record.take_folder import INFO_FILE, JOURNAL_FILE, POSES_FILE
from xnect_lite.runners.events import FileOutcome, Progress
from xnect_lite.runners.file_run import FileJob


def is_take(path: str | Path) -> bool:
    """Whether a folder is a take's."""
    folder = Path(path)
    return folder.is_dir() and any((folder / name).exists() for name in (INFO_FILE, POSES_FILE, JOURNAL_FILE))


def file_problem(path: str) -> XnectError | None:
    """Why nothing can be done with this path, known before a network is loaded; None = try it."""
    try:
        if os.path.isfile(path) and os.path.getsize(path) == 0:
            return XnectError(path, "is empty: 0 bytes", "Copy or record it again")
        open_source(path).close()
    except XnectError as error:
        return error
    except OSError as error:
        return XnectError(path, f"cannot be read ({error.strerror})", "Check the file's permissions")
    return None


class Files(QObject):
    """Runs files through the worker, one after the other.

    opened (folder)   a take is to be shown
    previewed (path)  a file is to be played as a camera would
    left ()           what is shown makes room for a file
    changed ()        something began or ended
    """

    opened = pyqtSignal(object)
    previewed = pyqtSignal(str)
    left = pyqtSignal()
    changed = pyqtSignal()

    def __init__(
        self, worker: InferenceWorker, panel: ProcessingPanel, banner: Banner, settings: SettingsKeeper, window: QWidget
    ) -> None:
        super().__init__(window)
        self._worker, self._panel, self._banner, self._settings, self._window = worker, panel, banner, settings, window
        self.queue = FileQueue()
        worker.progressed.connect(self._show_progress)
        worker.file_done.connect(self._finish)
        worker.faulted.connect(lambda _: self._stop())
        panel.cancelled.connect(self.cancel)

    @property
    def is_busy(self) -> bool:
        """Whether a file is in work."""
        return self.queue.current is not None

    def open(self, paths: Sequence[str]) -> None:
        """Takes are shown, videos are asked about."""
        self._banner.clear_errors()
        takes = [path for path in paths if is_take(path)]
        if takes:
            self._settings.remember_file(takes[0])
            self.opened.emit(Path(takes[0]))
            return
        videos = []
        for path in paths:
            problem = file_problem(path)
            if problem is not None:
                self._banner.show_error(str(problem))
            else:
                videos.append(path)
        if videos:
            self.ask(videos)

    def ask(self, videos: Sequence[str]) -> None:
        """How to go about these; then begin."""
        dialog = OpenDialog(videos, self._settings.now, self._window)
        dialog.accepted.connect(lambda: self._begin(dialog, videos))
        dialog.open()  # the window goes on showing what it shows

    def process(self, jobs: Sequence[FileJob]) -> None:
        """Process these after whatever is in work."""
        for job in jobs:
            self._settings.remember_file(job.source)
        if first := self.queue.add(jobs):
            self._run(first)

    def cancel(self) -> None:
        """Stop; what is done of the file in work is kept."""
        if self.is_busy:
            current = self.queue.current
            self.queue.clear()
            self.queue.current = current
            self._panel.show_ending()
            self._worker.stop()

    def _begin(self, dialog: OpenDialog, videos: Sequence[str]) -> None:
        values: dict[str, object] = {"file_action": "preview" if dialog.is_preview else "process"}
        self._settings.change(**values, quality=dialog.quality, overlay=dialog.overlay)
        if dialog.is_preview:
            self._settings.remember_file(videos[0])
            self.previewed.emit(videos[0])
            return
        self.left.emit()
        self.process([self._job(path, dialog.quality, dialog.overlay) for path in videos])

    def _job(self, path: str, quality: Quality, overlay: bool) -> FileJob:
        return FileJob(path, Path(self._settings.now.takes).expanduser(), quality, overlay)

    def _again(self, job: FileJob | None) -> None:
        if job is not None and not self.is_busy:
            self.left.emit()
            self.process([dataclasses.replace(job, again=True)])

    def _run(self, job: FileJob) -> None:
        self._panel.begin(job, self.queue.done + 1, self.queue.count)
        self._worker.process(job)
        self.changed.emit()

    def _show_progress(self, progress: Progress) -> None:
        self._panel.show_progress(progress)

    def _stop(self) -> None:
        self.queue.clear()
        self._panel.hide()
        self.changed.emit()

    def _finish(self, outcome: FileOutcome) -> None:
        self._panel.hide()
        name = Path(outcome.source).name
        if outcome.problem:
            words = outcome.details or outcome.problem
            kept = ". What was done before is kept as a take" if outcome.folder else ""
            self._banner.show_error(outcome.problem.rstrip(".") + kept, words, outcome.folder)
        elif outcome.is_cancelled and outcome.folder is None:
            self._banner.show_info(f"{name}: cancelled before the first frame; nothing was kept")
        elif outcome.is_cancelled:
            of = f" of {outcome.total}" if outcome.total else ""
            self._banner.show_info(f"{name}: cancelled. {outcome.frames}{of} frames are kept as a take", outcome.folder)
        elif outcome.is_earlier:
            words = f"{name} was processed with these settings before: this is the take of it"
            again = partial(self._again, self.queue.current)
            self._banner.show_info(words, outcome.folder, offer=("Process again", again))
        else:
            self._banner.show_info(f"Take saved: {name}, {outcome.frames} frames, none left out", outcome.folder)
        if outcome.warning:
            self._banner.show_info(f"{name}: {outcome.warning}")
        following = self.queue.finished()
        if following:
            self._run(following)
        elif outcome.folder is not None:
            self.opened.emit(outcome.folder)
        self.changed.emit()
