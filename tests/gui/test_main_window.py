"""The window, with a pipeline and a source that are not real."""

from __future__ import annotations

import numpy as np
import pytest
from gui_fakes import FakePipeline, FakeRecorder, FakeSource, make_people
from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import QMenu

from xnect_lite.capture import CameraInfo
from xnect_lite.config import PipelineConfig
from xnect_lite.errors import XnectError
from xnect_lite.gui import controls
from xnect_lite.gui.actions import ACTIONS
from xnect_lite.gui.dialogs import shortcuts_html
from xnect_lite.gui.main_window import MainWindow
from xnect_lite.gui.screenshot import ScreenshotTask
from xnect_lite.gui.settings.store import SettingsKeeper
from xnect_lite.gui.view2d import View2D, compose
from xnect_lite.gui.worker import InferenceWorker
from xnect_lite.runners.session import RecordingState, Session
from xnect_lite.types import Frame, PoseResult


@pytest.fixture
def make_window(keep, tmp_path):
    """Builds windows drawn without OpenGL; closing them ends their threads."""

    def make(source=None, pipeline=None):
        recorders, specs = [], []

        def open_source(spec):
            specs.append(spec)
            if isinstance(source, Exception):
                raise source
            return source() if source else FakeSource(live=True)

        def open_recorder(name, fps):
            recorders.append(FakeRecorder(name, fps))
            return recorders[-1]

        session = Session(open_recorder)
        worker = InferenceWorker(session, PipelineConfig(), lambda config: pipeline or FakePipeline(), open_source)
        settings = SettingsKeeper()
        settings.change(takes=str(tmp_path))
        window = keep(MainWindow("0", session, worker, settings, use_opengl=False))
        window.view2d, window.view3d, window.latency = window.views.view2d, window.views.view3d, window.views.latency
        window.recorders, window.specs = recorders, specs
        window.resize(900, 600)
        window.show()
        return window

    return make


def _run(qtbot, window):
    with qtbot.waitSignal(window.result_shown, timeout=20000):
        window.start()


def _press(window, name):
    window.actions_by_name[name].trigger()


def test_it_starts_with_an_invitation_and_loads_nothing(make_window):
    window = make_window()
    assert not window.specs and window.worker.pipeline_name == ""
    assert window.actions_by_name["run"].text() == "Start"


def test_results_are_shown_and_counted(qtbot, make_window):
    window = make_window()
    _run(qtbot, window)
    qtbot.waitUntil(lambda: window.session.latency().end_to_end is not None, timeout=20000)
    _press(window, "latency")
    window._tick()
    assert len(window.view2d.result.people) == 2
    assert len(window.view3d.stage.scene.labels) == 2
    assert window.actions_by_name["run"].text() == "Stop"
    lines = window.latency.lines()
    assert lines[0] == "fake device · fake engine · fp32 · fakenet"
    assert any(line.startswith("network  ") for line in lines) and any("end to end" in line for line in lines)
    assert "2 people" in window.status.state.text() and "fps" in window.status.figures.text()


def test_the_picture_is_the_frame_that_the_people_were_found_in(qtbot, make_window):
    window = make_window()
    _run(qtbot, window)
    result = window.view2d.result
    pixel = window.view2d.grab().toImage().pixelColor(QPoint(5, window.view2d.height() // 2))
    assert pixel.red() == result.frame.index % 256


def test_start_and_stop(qtbot, make_window):
    window = make_window()
    _run(qtbot, window)
    _press(window, "run")
    assert window.actions_by_name["run"].text() == "Start"
    qtbot.waitUntil(lambda: "Stopped" in window.status.state.text(), timeout=20000)
    with qtbot.waitSignal(window.result_shown, timeout=20000):
        _press(window, "run")
    assert window.specs == ["0", "0"]


def test_recording_is_a_toggle(qtbot, make_window):
    window = make_window()
    _run(qtbot, window)
    button = window.actions_by_name["record"]
    _press(window, "record")
    qtbot.waitUntil(lambda: window.session.recorded_frames > 3, timeout=20000)
    window._tick()
    assert button.isChecked() and button.text() == "End take" and window.controls.button("record").styleSheet()
    assert window.view2d.badge.is_on and "frames" in window.view2d.badge.text
    _press(window, "record")
    assert not button.isChecked() and button.text() == "Record" and not window.controls.button("record").styleSheet()
    qtbot.waitUntil(lambda: "Take saved" in window.banner.text, timeout=20000)
    (recorder,) = window.recorders
    indices = [r.frame.index for r in recorder.results]
    assert recorder.is_closed and indices == sorted(indices)


def test_closing_the_window_finishes_the_take(qtbot, make_window):
    window = make_window()
    window.session.start_recording()
    _run(qtbot, window)
    window.close()
    assert window.recorders[0].is_closed and window.session.recording is RecordingState.OFF


def test_the_end_of_a_clip_is_told_and_it_can_be_played_again(qtbot, make_window):
    window = make_window(lambda: FakeSource(5))
    _run(qtbot, window)
    qtbot.waitUntil(lambda: "End of clip" in window.status.state.text(), timeout=20000)
    with qtbot.waitSignal(window.result_shown, timeout=20000):
        _press(window, "run")


def test_an_error_is_a_banner(qtbot, make_window):
    window = make_window(XnectError("camera 0", "cannot be opened", "Plug it in"))
    window.start()
    qtbot.waitUntil(lambda: "Plug it in." in window.banner.text, timeout=20000)
    assert window.actions_by_name["run"].text() == "Start"
    window.banner.clear()
    assert window.banner.text == ""


def test_layers_and_panels(qtbot, make_window):
    window = make_window()
    for name in ("overlay", "ids", "latency"):
        _press(window, name)
    assert not (window.view2d.skeletons or window.view2d.ids or window.view3d.stage.show_ids)
    assert window.latency.isVisible()
    _press(window, "latency")
    assert window.latency.isHidden()


def test_views_from_front_side_and_top(qtbot, make_window):
    window = make_window()
    _run(qtbot, window)
    for name, angles in {"front": (0, 0), "side": (90, 0), "top": (0, 90), "home": (30, 12)}.items():
        _press(window, name)
        view = window.view3d.stage.framing.view
        assert (view.azimuth_deg, view.elevation_deg) == angles
        assert not window.view3d.canvas.grab().isNull()


def test_keys_work_wherever_the_mouse_was_last(qtbot, make_window):
    window = make_window()
    window.activateWindow()
    try:
        qtbot.waitUntil(window.isActiveWindow, timeout=2000)
    except qtbot.TimeoutError:
        pytest.skip("no window manager gives the window its focus")
    fired = []
    for name in ("run", "record", "overlay", "latency", "side"):
        window.actions_by_name[name].triggered.connect(lambda _, n=name: fired.append(n))
    qtbot.mouseClick(window.controls.button("record"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(window.view3d.canvas, Qt.MouseButton.LeftButton)
    for key in (Qt.Key.Key_Space, Qt.Key.Key_R, Qt.Key.Key_1, Qt.Key.Key_L, Qt.Key.Key_S):
        qtbot.keyClick(window, key)
    assert fired == ["record", "run", "record", "overlay", "latency", "side"]


def test_full_screen_and_back(make_window):
    window = make_window()
    _press(window, "fullscreen")
    assert window.isFullScreen() and window.menuBar().isHidden()
    _press(window, "fullscreen")
    assert not window.isFullScreen() and not window.menuBar().isHidden()


def _drop(window, *paths):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, buttons, keys))


def test_what_is_dropped_and_cannot_be_opened_is_told(make_window, tmp_path):
    window = make_window()
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    text = tmp_path / "words.mp4"
    text.write_text("no video")
    for path, said in ((empty, "0 bytes"), (text, "not a video"), (tmp_path / "none.mp4", "no such file")):
        window.banner.clear()
        _drop(window, path)
        assert said in window.banner.text and not window.specs


@pytest.mark.parametrize(
    ("found", "names", "spec"),
    [
        ([CameraInfo(2, "Logi", "/dev/video2"), CameraInfo(0, "HD")], ["Logi", "HD"], "camera:/dev/video2"),
        ([], ["Camera 0", "Camera 1", "Camera 2", "Camera 3"], "0"),
    ],
)
def test_cameras_are_chosen_by_name_or_else_by_number(qtbot, monkeypatch, found, names, spec):
    monkeypatch.setattr("xnect_lite.gui.controls.list_cameras", lambda: found)
    menu, chosen = QMenu(), []
    controls.fill_camera_menu(menu, chosen.append)
    entries = [a for a in menu.actions() if a.isEnabled()]
    assert [a.text() for a in entries] == names
    entries[0].trigger()
    assert chosen == [spec]


def test_every_action_is_in_the_window_and_every_key_in_the_help(make_window):
    window = make_window()
    assert set(window.actions_by_name) == {a.name for a in ACTIONS}
    assert all(a.tip in shortcuts_html() for a in ACTIONS if a.shortcuts)
    _press(window, "shortcuts")
    _press(window, "about")


@pytest.mark.parametrize(
    ("source", "code", "is_saved"),
    [(None, 0, True), (XnectError("camera 0", "cannot be opened", "Plug it in"), 2, False)],
)
def test_screenshot(qtbot, make_window, tmp_path, monkeypatch, capsys, source, code, is_saved):
    codes = []
    monkeypatch.setattr("xnect_lite.gui.screenshot.QApplication.exit", codes.append)
    window = make_window(source)
    file = tmp_path / "window.png"
    ScreenshotTask(window, file, after_s=0.05)
    window.start()
    qtbot.waitUntil(lambda: bool(codes), timeout=20000)
    assert codes == [code] and file.exists() == is_saved
    assert ("Plug it in" in capsys.readouterr().err) != is_saved


def test_a_screenshot_of_nothing_gives_up(qtbot, make_window, tmp_path, monkeypatch, capsys):
    codes = []
    monkeypatch.setattr("xnect_lite.gui.screenshot.QApplication.exit", codes.append)
    window = make_window()
    ScreenshotTask(window, tmp_path / "window.png", after_s=0.0, timeout_s=0.1)  # nothing is played
    qtbot.waitUntil(lambda: bool(codes), timeout=20000)
    assert codes == [1] and "no result" in capsys.readouterr().err


@pytest.mark.parametrize("size", [(640, 360), (360, 640), (2000, 100), (37, 23)])
def test_the_picture_fits_without_distortion_and_joints_stay_on_it(size):
    frame = Frame(np.full((size[1], size[0], 3), 100, np.uint8), 0.0, 0)
    result = PoseResult(frame, make_people([(0, 0, 4000)], size), float(max(size)))
    image = compose(result, 500, 400)
    height, width = image.shape[:2]
    assert width <= 500 and height <= 400 and (width == 500 or height == 400)
    assert width / height == pytest.approx(size[0] / size[1], rel=0.05)
    assert (compose(result, 500, 400, skeletons=False) == 100).all()


def test_a_window_of_one_pixel_breaks_nothing(keep):
    view = keep(View2D())
    view.setMinimumSize(1, 1)
    view.resize(1, 1)
    people = make_people([(0, 0, 4000)], (64, 36))
    view.show_result(PoseResult(Frame(np.zeros((36, 64, 3), np.uint8), 0.0, 0), people, 64.0))
    view.show_message("words")
    assert not view.grab().isNull()


def test_takes_that_were_cut_off_are_offered_to_be_finished(make_window, qtbot, monkeypatch):
    window = make_window()
    window.live.offer_unfinished(window.takes)
    assert window.banner.text == "", "nothing to offer"
    monkeypatch.setattr("xnect_lite.gui.live.unfinished_takes", lambda takes: [takes / "a", takes / "b"])
    finished = []
    monkeypatch.setattr(window.session, "finish_takes", finished.extend)
    window.live.offer_unfinished(window.takes)
    assert window.banner.text == "2 takes were cut off while being recorded."
    window.banner.press("Finish")
    assert [folder.name for folder in finished] == ["a", "b"] and window.banner.text == ""


def test_space_presses_the_button_that_the_keyboard_has_reached(qtbot, make_window):
    window = make_window()
    pressed = []
    window.banner.show_info("A take was cut off", offer=("Finish", lambda: pressed.append("finish")))
    button = window.banner._messages[0].buttons["Finish"]
    button.setFocus(Qt.FocusReason.TabFocusReason)
    if not button.hasFocus():
        pytest.skip("no window manager gives the window its focus")
    qtbot.keyClick(button, Qt.Key.Key_Space)
    assert pressed == ["finish"] and not window.specs, "nothing was started"


def test_what_messages_offer_has_a_key(make_window):
    window = make_window()
    pressed = []
    window.banner.show_info("A take was cut off", offer=("Finish", lambda: pressed.append("finish")))
    window.banner.show_info("Something else")
    _press(window, "accept")
    assert pressed == ["finish"] and window.banner.text == "Something else"
    _press(window, "dismiss")
    assert not window.banner.text


def test_saved_is_never_overwritten_by_the_end_of_a_clip(qtbot, make_window):
    """Nor by two more messages; of four the oldest that is no error goes."""
    window = make_window(lambda: FakeSource(8))
    window.session.start_recording()
    _run(qtbot, window)
    qtbot.waitUntil(lambda: "End of clip" in window.status.state.text() and "Take saved" in window.banner.text, timeout=20000)
    window.banner.show_error("An error")
    window.banner.show_info("b")
    assert "Take saved" in window.banner.text
    for words in ("c", "d"):
        window.banner.show_info(words)
    assert "An error" in window.banner.text and len(window.banner.text.splitlines()) == 3
