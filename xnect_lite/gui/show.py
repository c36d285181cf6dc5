"""The window of the app: settings, session, worker and widgets put together, and shown until it is closed."""

from __future__ import annotations

import dataclasses
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import platformdirs
from PyQt6 import sip
from PyQt6.QtWidgets import QApplication

from xnect_lite.capture import Source, open_source
from xnect_lite.errors import XnectError
from xnect_lite.gui import theme
from xnect_lite.gui.main_window import MainWindow
from xnect_lite.gui.options import Options
from xnect_lite.gui.screenshot import ScreenshotTask
from xnect_lite.gui.settings.qt_store import QtStore
from xnect_lite.gui.settings.sending import open_sender
from xnect_lite.gui.settings.store import MemoryStore, SettingsKeeper
from xnect_lite.gui.settings.values import pipeline_config, wished_size
from xnect_lite.gui.window_state import make_room
from xnect_lite.gui.worker import InferenceWorker, MakePipeline, load_pipeline
from xnect_lite.runners.session import Session, take_opener
from xnect_lite.runners.worker import OpenSource
from xnect_lite.signals import ending_by

_DEFAULT_SIZE = (1280, 720)


def show(application: QApplication, options: Options, make_pipeline: MakePipeline | None) -> int:
    """The window, until it is closed; returns the exit code. See `application.start`."""
    settings = _settings(options)
    theme.apply(application, settings.now.appearance)
    try:
        config, trouble = pipeline_config(settings.now, options.config), ""
    except XnectError as error:  # settings that no longer go together must not keep the app from starting
        config, trouble = options.config, str(error)
    takes = Path(settings.now.takes).expanduser()
    session = Session(take_opener(takes, config, video=settings.now.keep_video), takes=takes)
    try:
        session.send_to(open_sender(settings.now))
    except XnectError as error:
        trouble = f"{trouble} {error}".strip()
    worker = InferenceWorker(session, config, make_pipeline or load_pipeline, source_opener(settings))
    cache = None if options.screenshot else Path(platformdirs.user_cache_dir("xnect-lite")) / "thumbnails"
    window = MainWindow(options.source, session, worker, settings, cache=cache)
    window.given_config = options.config
    if options.size or settings.store.data("window/geometry") is None:
        size = options.size or _fitting_size(application)
        make_room(window, size[0])
        window.resize(*size)
    application.styleHints().colorSchemeChanged.connect(lambda _: window.use_theme())
    if options.screenshot is not None:
        ScreenshotTask(window, options.screenshot, options.after_s)
    if options.record:
        session.start_recording()
    if trouble:
        window.banner.show_error(f"Some settings are left out. {trouble}")
    hook = sys.excepthook
    sys.excepthook = _reporter(window)
    try:
        with ending_by(lambda *_: window.close()):  # as if the user had closed it: a running take is finished first
            window.show()
            window.begin(options.open, demo=options.demo)
            return application.exec()
    finally:
        sys.excepthook = hook
        window.close()
        window.space.remove()
        sip.delete(window)  # before the application: Qt's parts must not outlive it, and Python's order is none


def _settings(options: Options) -> SettingsKeeper:
    """The user's; those of this run alone where a picture of the window is wanted, which should not depend on them."""
    is_own = options.settings is None and options.screenshot is not None
    keeper = SettingsKeeper(MemoryStore() if is_own else QtStore(options.settings))
    if options.takes is not None:  # for this run; the one that is kept stays
        keeper.now = dataclasses.replace(keeper.now, takes=str(options.takes))
    return keeper


def source_opener(settings: SettingsKeeper) -> OpenSource:
    """Opens sources, cameras with the size and the rate wished for."""

    def open_wished(spec: str) -> Source:
        is_camera = spec.isdecimal() or spec.startswith("camera:")
        size, fps = (wished_size(settings.now), settings.now.rate or None) if is_camera else (None, None)
        return open_source(spec, size=size, fps=fps)

    return open_wished


def _fitting_size(application: QApplication) -> tuple[int, int]:
    screen = application.primaryScreen()
    if screen is None:
        return _DEFAULT_SIZE
    room = screen.availableGeometry()
    return min(_DEFAULT_SIZE[0], int(0.95 * room.width())), min(_DEFAULT_SIZE[1], int(0.9 * room.height()))


def _reporter(window: MainWindow) -> Callable[..., None]:
    """An exception that leaves a slot would end the program; it becomes a banner, and a traceback on standard error."""

    def report(kind: type[BaseException], error: BaseException, trace: object) -> None:
        details = "".join(traceback.format_exception(error))
        print(details, file=sys.stderr, end="")
        window.banner.show_error(f"Unexpected error: {error!r}", details)

    return report
