"""A take in the window: seen again, mended by eye, closed; and what is wrong with it is told."""

from __future__ import annotations

import json
import shutil

import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtWidgets import QApplication, QLineEdit, QMenu
from take_fakes import SIZE, make_film, make_take, picture_number

from xnect_lite.gui.player.editor import TakeEditor
from xnect_lite.gui.settings.store import MemoryStore
from xnect_lite.record.take_folder import INFO_FILE, POSES_FILE, load_take
from xnect_lite.runners.session import RecordingState

ALL = set(range(40))


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("takes")
    film = make_film(folder / "film.mp4")
    return make_take(folder / "2026-11-21_14-03-22_dance", {1: ALL, 2: set(range(20)), 3: set(range(25, 40))}, film=film)


@pytest.fixture
def folder(original, tmp_path):
    (tmp_path / "takes").mkdir()
    return shutil.copytree(original, tmp_path / "takes" / original.name)


@pytest.fixture
def window(player_window, folder):
    window = player_window()
    window.open_take(folder)
    assert not window.banner.text
    return window


def _press(window, *names):
    for name in names:
        assert window.actions_by_name[name].isEnabled(), name
        window.actions_by_name[name].trigger()


def _frame(window):
    return window.player.playback.frame


def _entries(window, name):
    menu = QMenu()
    {"swap": window.mending.fill_swap, "merge": window.mending.fill_merge}[name](menu)
    return {action.text(): action for action in menu.actions()}, menu


def _picture(window) -> int | None:
    """The number of the film's picture that is shown; None before the first is read."""
    result = window.views.view2d.result
    return None if result is None else picture_number(result.frame.image)


def test_a_take_is_shown_with_its_film_its_people_and_its_lanes(qtbot, window):
    assert window.panel.isVisible() and "dance" in window.windowTitle()
    assert [row.id for row in window.people.rows] == [1, 2, 3] and [lane.id for lane in window.player.lanes] == [1, 2, 3]
    window.player.seek(7)
    qtbot.waitUntil(lambda: _picture(window) == 7, timeout=20000)
    assert window.views.view2d.result.people.ids.tolist() == [1, 2] == [int(label[1]) for label in
                                                                          window.views.view3d.stage.scene.labels]  # fmt: skip


def test_keys_move_through_it(window):
    _press(window, "step_forward", "step_forward", "step_back")
    assert _frame(window) == 1
    _press(window, "jump_forward")
    assert _frame(window) == 26
    _press(window, "mark_out", "first", "mark_in", "last")
    assert _frame(window) == 26
    _press(window, "last")
    assert _frame(window) == 39 and window.panel._frame.text() == "frame 40 of 40"
    _press(window, "slower", "slower", "faster")
    assert window.player.playback.speed == 0.5 and window.panel.speed.currentText() == "0.5×"
    _press(window, "run")
    assert window.player.playback.is_playing and window.actions_by_name["run"].text() == "Pause"
    _press(window, "run", "clear_marks")
    assert not window.player.playback.is_playing and not window.player.playback.has_marks


def test_it_plays_to_its_end_and_stops(qtbot, window):
    window.player.seek(34)
    _press(window, "run")
    qtbot.waitUntil(lambda: _frame(window) == 39 and not window.player.playback.is_playing, timeout=20000)
    assert window.actions_by_name["run"].text() == "Play"


def test_dragging_on_the_lanes_scrubs_and_chooses(qtbot, window):
    timeline = window.panel.timeline
    place = QPoint(round(timeline.x_of(30)), 26 + 26 + 13)  # the second lane
    qtbot.mousePress(timeline, Qt.MouseButton.LeftButton, pos=place)
    assert _frame(window) == 30 and window.looks.chosen == 2
    qtbot.mouseMove(timeline, QPoint(round(timeline.x_of(12)), 5))
    assert _frame(window) == 12
    qtbot.mouseRelease(timeline, Qt.MouseButton.LeftButton)
    assert window.people._table.currentIndex().row() == 1, "the list follows"


def test_a_click_at_somebody_chooses_them_in_picture_and_space(window):
    window.player.seek(5)
    view = window.views.view2d
    box, joint = view._box(), window.player.frames.people(5).joints_px[1, 0]
    place = QPointF(
        box.left() + (joint[0] + 0.5) * box.width() / SIZE[0], box.top() + (joint[1] + 0.5) * box.height() / SIZE[1]
    )
    assert view.person_at(place) == 2
    view.clicked.emit(view.person_at(place))
    assert window.looks.chosen == 2 and window.views.view3d.stage.scene.chosen == "2"
    scene = window.views.view3d.stage.scene
    x, y, _ = window.views.view3d.stage.framing.view.project(
        scene.joints_m[:1], window.views.view3d.width(), window.views.view3d.height()
    )[0]
    window.views.view3d.stage.on_click(x, y)
    assert window.looks.chosen == 1
    _press(window, "next_person", "next_person", "next_person")
    assert window.looks.chosen == 0 and not window.actions_by_name["cut"].isEnabled()


def test_swap_merge_cut_rename_delete_are_kept_and_undone(qtbot, window, folder):
    window.player.seek(10)
    window.choose(1)
    entries, _menu = _entries(window, "swap")
    assert set(entries) == {"Person 2", "Person 3"}
    entries["Person 2"].trigger()
    assert load_take(folder).frame_index[load_take(folder).id == 1].max() == 19
    assert "swapped 1 and 2" in window.actions_by_name["undo"].text()
    _press(window, "undo")
    window.choose(3)
    entries, _menu = _entries(window, "merge")
    entries["Person 2"].trigger()
    assert load_take(folder).ids == [1, 2] and window.looks.chosen == 2
    window.people.renamed.emit(2, "Anna")
    assert window.looks.label_of(2) == "Anna" and load_take(folder).names == {2: "Anna"}
    window.player.seek(30)
    _press(window, "cut")
    assert load_take(folder).ids == [1, 2, 4]
    window.choose(4)
    _press(window, "delete")
    assert [row.id for row in window.people.rows] == [1, 2] and window.looks.chosen == 0
    for _ in range(4):
        _press(window, "undo")
    assert load_take(folder).ids == [1, 2, 3] and not window.actions_by_name["undo"].isEnabled()
    _press(window, "redo")
    assert load_take(folder).ids == [1, 2]


def test_a_name_can_be_typed_while_the_take_plays(qtbot, window, folder):
    _press(window, "next_person", "run")
    assert window.player.playback.is_playing
    _press(window, "rename")
    editor = QApplication.focusWidget() or window.people.findChild(QLineEdit)
    editor.insert("Zoë ")
    for frame in (5, 9):
        window.player.seek(frame)  # as playing would
    qtbot.keyClicks(editor, "& <b>")
    assert editor.text() == "Zoë & <b>"
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: load_take(folder).names == {1: "Zoë & <b>"}, timeout=20000)
    assert window.player.playback.is_playing  # an edit stops nothing


@pytest.mark.parametrize("edit", ["cut", "trim"])
def test_playing_goes_on_after_an_edit_with_its_speed_and_loop(window, edit):
    _press(window, "next_person")
    window.player.seek(20)
    _press(window, "mark_in", "slower", "loop", "run", edit)
    playback = window.player.playback
    assert (playback.is_playing, playback.speed, playback.loop) == (True, 0.5, True)
    _press(window, "undo")
    assert window.player.playback.is_playing and window.player.playback.loop


def test_what_is_ticked_is_true_of_the_take_opened_next(window, folder):
    other = shutil.copytree(folder, folder.with_name("2026-11-22_10-00-00_other"))
    _press(window, "loop", "main_only")
    window.open_take(other)
    ticked = {name: window.actions_by_name[name].isChecked() for name in ("loop", "main_only")}
    assert ticked == {"loop": True, "main_only": False} and window.player.playback.loop and not window.looks.hidden


def test_a_take_whose_folder_is_deleted_while_it_is_open_says_so(window, folder):
    window.choose(1)
    window.people.renamed.emit(1, "Anna")
    shutil.rmtree(folder)
    for name in ("cut", "undo"):
        window.banner.clear()
        _press(window, name)
        assert "is not there any more" in window.banner.text and "Open it again" not in window.banner.text
    window.player.seek(10)  # and can still be looked at
    _press(window, "close_take")
    window.session.close()
    assert not window.session.notices() and not folder.exists()


def test_a_long_name_does_not_cover_the_picture(window):
    window.people.renamed.emit(1, "a name that would go on and on over the whole picture")
    assert window.looks.label_of(1) == "a name that would go on…"
    assert window.looks.title_of(1).endswith("picture")


def test_an_edit_that_cannot_be_is_told(window, folder):
    window.choose(1)
    entries, _menu = _entries(window, "merge")
    entries["Person 2"].trigger()
    assert "both in view" in window.banner.text and load_take(folder).ids == [1, 2, 3]


def test_hiding_changes_the_views_and_not_the_take(window, folder):
    window.choose(2)
    _press(window, "hide")
    assert window.views.view3d.stage.scene.owners.tolist().count(2) == 0 and load_take(folder).ids == [1, 2, 3]
    _press(window, "hide")
    assert window.views.view3d.stage.scene.owners.tolist().count(2) > 0


def test_main_people_only(player_window, tmp_path):
    window = player_window()
    window.open_take(make_take(tmp_path / "t", {1: ALL, 2: set(range(5))}))
    window.people.only_main.setChecked(True)
    assert window.views.view3d.stage.scene.owners.tolist().count(2) == 0 and window.people.left_out == {2}
    window.people.only_main.setChecked(False)
    assert not window.people.left_out and window.views.view3d.stage.scene.owners.tolist().count(2) > 0


def test_trimming_needs_marks_and_can_be_undone(window):
    _press(window, "trim")
    assert "Set marks first" in window.banner.text
    window.player.seek(10)
    _press(window, "mark_in", "trim")
    assert len(window.player.playback) == 30 and _frame(window) == 0
    _press(window, "undo")
    assert len(window.player.playback) == 40


def test_an_edit_made_elsewhere_meanwhile_is_told_and_taken_in(window, folder):
    TakeEditor(folder).delete(3)
    window.choose(2)
    _press(window, "delete")
    assert "edited elsewhere meanwhile" in window.banner.text and len(window.people.rows) == 3
    window.banner.press("Open it again")
    assert [row.id for row in window.people.rows] == [1, 2]
    _press(window, "delete")
    assert load_take(folder).ids == [1]


def test_a_take_without_its_film_is_shown_and_the_film_can_be_found(qtbot, player_window, folder, tmp_path, monkeypatch):
    info = json.loads((folder / INFO_FILE).read_text())
    lost = info["job"]["source"]
    info["job"]["source"] = "/none/dance.mp4"
    (folder / INFO_FILE).write_text(json.dumps(info))
    window = player_window()
    window.open_take(folder)
    assert "without its film: /none/dance.mp4 is not there any more" in window.banner.text
    assert len(window.views.view3d.stage.scene.labels) == 2 and window.views.view2d.result.frame.size == SIZE
    monkeypatch.setattr("xnect_lite.gui.player.mending.QFileDialog.getOpenFileName", lambda *_: (lost, ""))
    window.banner.press("Find it…")
    qtbot.waitUntil(lambda: _picture(window) == 0, timeout=20000)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: (f / POSES_FILE).write_bytes(b"PK"), "cannot be read"),
        (lambda f: (f / INFO_FILE).write_text("{"), "cannot be read"),
        (lambda f: (f / POSES_FILE).unlink(), "is not a take"),
    ],
)
def test_a_take_that_cannot_be_read_is_told_and_what_was_shown_stays(window, folder, spoil, said):
    other = shutil.copytree(folder, folder.with_name("2026-11-22_14-03-22_other"))
    spoil(other)
    window.open_take(other)
    assert said in window.banner.text and window.player.editor.folder == folder


def test_closing_a_take_writes_its_files_anew_and_goes_back(qtbot, window, folder):
    before = (folder / "person01.bvh").stat().st_mtime_ns
    window.choose(2)
    _press(window, "delete", "close_take")
    assert not window.panel.isVisible() and window.views.is_welcoming and not window.actions_by_name["export"].isEnabled()
    qtbot.waitUntil(lambda: not window.session.is_saving, timeout=30000)
    assert (folder / "person01.bvh").stat().st_mtime_ns > before and not (folder / "person02.bvh").exists()


def test_a_take_that_is_being_recorded_is_not_left_for_another(qtbot, player_window, folder):
    window = player_window()
    window.session.start_recording()
    with qtbot.waitSignal(window.result_shown, timeout=20000):
        window.start()
    qtbot.waitUntil(lambda: window.session.recording is RecordingState.RECORDING, timeout=20000)
    window.open_take(folder)
    assert not window.player.is_open and "being recorded" in window.banner.text
    window.toggle_running()  # Space
    assert window.session.recording is RecordingState.RECORDING and window.worker.is_active
    window.toggle_recording()
    qtbot.waitUntil(lambda: not window.session.is_saving, timeout=20000)
    window.open_take(folder)
    assert window.player.is_open


def test_the_takes_of_the_folder_are_listed_and_opened(qtbot, player_window, folder):
    window = player_window()
    qtbot.waitUntil(lambda: len(window.takes_list.cards) == 1, timeout=20000)
    window.takes_list.opened.emit(window.takes_list.cards[0].folder)
    assert window.player.is_open and window.takes_list._model.open_folder == folder


def test_a_file_is_processed_cancelled_by_escape_and_played(qtbot, player_window, tmp_path):
    from gui_fakes import FakePipeline

    from xnect_lite.runners.file_run import FileJob

    window = player_window(FakePipeline(work_s=0.03))
    window.files.process([FileJob(str(make_film(tmp_path / "film.mp4")), tmp_path / "takes")])
    qtbot.waitUntil(lambda: "of 40 frames" in window.processing.text, timeout=20000)
    assert window.actions_by_name["cancel"].isEnabled() and not window.actions_by_name["run"].isEnabled()
    qtbot.waitUntil(lambda: window.session.latency().processed > 18, timeout=20000)
    _press(window, "cancel")
    qtbot.waitUntil(lambda: window.player.is_open, timeout=30000)
    assert "are kept as a take" in window.banner.text and window.processing.isHidden()
    assert 18 <= len(window.player.playback) < 40


def test_a_second_time_the_take_is_there_already(qtbot, player_window, tmp_path):
    from xnect_lite.runners.file_run import FileJob

    clip = make_film(tmp_path / "clip.mp4", frames=20)
    window = player_window()
    job = FileJob(str(clip), tmp_path / "takes")
    window.files.process([job])
    qtbot.waitUntil(lambda: window.player.is_open, timeout=30000)
    assert "20 frames, none left out" in window.banner.text
    window.close_take()
    window.files.process([job])
    qtbot.waitUntil(lambda: window.player.is_open, timeout=30000)
    assert "before" in window.banner.text and len(window.takes_list.cards) <= 1
    window.banner.press("Process again")
    qtbot.waitUntil(lambda: len(list((tmp_path / "takes").iterdir())) == 2, timeout=30000)
    qtbot.waitUntil(lambda: window.player.is_open and not window.files.is_busy, timeout=30000)


def test_the_window_comes_back_as_it_was_left(player_window):
    store = MemoryStore()
    window = player_window(store=store)
    _press(window, "latency", "overlay")
    window.resize(1010, 640)
    window.close()
    again = player_window(store=store)
    assert again.actions_by_name["latency"].isChecked() and not again.views.view2d.skeletons
    assert store.data("window/geometry") and again.views.latency.isVisible()
    spoilt = MemoryStore()
    spoilt.keep_data("window/geometry", b"rubbish")
    spoilt.keep_data("window/state", b"\xff" * 50)
    assert player_window(store=spoilt).isVisible()


def test_a_long_take_is_read_and_mended_aside(qtbot, player_window, folder, monkeypatch):
    """The window goes on meanwhile; what comes of it is the same."""
    monkeypatch.setattr("xnect_lite.gui.player.reading._SHORT_BYTES", 0)
    monkeypatch.setattr("xnect_lite.gui.player.reading._SHORT_ROWS", 0)
    window = player_window()
    window.open_take(folder)
    assert not window.player.is_open and window.player.is_working
    qtbot.waitUntil(lambda: window.player.is_open, timeout=20000)
    window.choose(2)
    window.mending.delete()
    assert window.player.is_working
    window.mending.delete()  # a second press while the first is at work is nothing
    qtbot.waitUntil(lambda: [row.id for row in window.people.rows] == [1, 3], timeout=20000)
    assert load_take(folder).ids == [1, 3] and not window.player.is_working
    shutil.rmtree(folder)
    window.close_take()
    window.open_take(folder)
    qtbot.waitUntil(lambda: "is not a take" in window.banner.text, timeout=20000)


@pytest.mark.parametrize("mode", ["welcome", "take"])
def test_the_window_fits_a_screen_of_800_by_450(qtbot, player_window, folder, mode):
    """That is 1600 x 900 at 200 %."""
    from xnect_lite.gui.window_state import make_room

    window = player_window()
    make_room(window, 800)
    if mode == "take":
        window.open_take(folder)
    qtbot.wait(50)  # for the parts to be laid out anew
    hint = window.minimumSizeHint()
    assert hint.width() <= 800 and hint.height() <= 450
    window.resize(800, 450)
    assert window.width() == 800 and window.height() == 450


def test_everything_that_the_keyboard_reaches_has_a_name_for_screen_readers(window):
    """Of the window, the export dialog and the settings."""
    from PyQt6.QtWidgets import QAbstractButton, QAbstractItemView, QComboBox, QWidget

    from xnect_lite.gui.export.dialog import show_export
    from xnect_lite.gui.settings.dialog import show_settings

    def nameless(root):
        return [
            f"{type(part).__name__} in {type(part.parent()).__name__}"
            for part in root.findChildren(QWidget)
            if isinstance(part, (QAbstractButton, QComboBox, QAbstractItemView))
            and part.focusPolicy() & Qt.FocusPolicy.TabFocus
            and not isinstance(part.parent().parent(), QComboBox)  # its list, in a frame
            and not (part.accessibleName() or (part.text() if isinstance(part, QAbstractButton) else ""))
        ]

    window.banner.show_info("A message", offer=("Do it", lambda: None))
    for root in (window, show_export(window), show_settings(window)):
        assert nameless(root) == []


def test_people_left_out_of_a_take_are_no_concern_of_the_next(window, folder):
    window.people.set_left_out(2, True)
    other = shutil.copytree(folder, folder.with_name("2026-11-22_14-03-22_other"))
    window.open_take(other)
    assert not window.people.left_out
