"""The export dialog: what it is set to, what it says will be written, what it writes, what it tells then."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import Qt
from take_fakes import make_take

from xnect_lite.gui.export.choice import ExportChoice, recipe
from xnect_lite.gui.export.dialog import show_export

pybvh = pytest.importorskip("pybvh", reason="the reader that is not ours")
ALL = set(range(40))


@pytest.fixture
def opened(player_window, tmp_path):
    window = player_window()
    window.open_take(make_take(tmp_path / "takes" / "2026-11-21_14-03-22_dance", {1: ALL, 2: ALL - set(range(5))}))
    return window


def _preview(qtbot, dialog, *words):
    qtbot.waitUntil(lambda: all(word in dialog.preview.toPlainText() for word in words), timeout=20000)


def _write(qtbot, dialog):
    with qtbot.waitSignal(dialog.done_, timeout=60000):
        dialog.export.click()


def test_enter_exports(qtbot, opened, tmp_path):
    dialog = show_export(opened)
    dialog.folder.setText(str(tmp_path / "out"))
    dialog.tool.setFocus()
    with qtbot.waitSignal(dialog.done_, timeout=60000):
        qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert (tmp_path / "out" / "person01.bvh").exists()
    with qtbot.waitSignal(dialog.finished, timeout=20000):  # and once more: done
        qtbot.keyClick(dialog, Qt.Key.Key_Return)


def test_without_a_folder_nothing_is_exported(opened):
    dialog = show_export(opened)
    dialog.folder.setText("  ")
    assert not dialog.export.isEnabled()
    dialog.folder.setText("somewhere")
    assert dialog.export.isEnabled()


def test_files_are_named_before_and_written_after(qtbot, opened, tmp_path):
    dialog = show_export(opened)
    _preview(qtbot, dialog, "person01.bvh", "person02.bvh")
    dialog.formats["csv"].setChecked(True)
    _preview(qtbot, dialog, "joints.csv")
    planned = dialog.preview.toPlainText().split()
    dialog.folder.setText(str(tmp_path / "out"))
    _write(qtbot, dialog)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(planned)
    assert "Update Scene FPS" in dialog.recipe.text(), "the recipe of the tool chosen"
    motion = pybvh.read_bvh_file(str(tmp_path / "out" / "person01.bvh"))
    assert len(motion.root_pos) == 40


def test_people_range_rate_and_t_pose_reach_the_files(qtbot, opened, tmp_path):
    opened.people.set_left_out(2, True)
    opened.player.seek(10)
    opened.player.mark(lambda p: p.set_in())
    opened.player.seek(35)
    opened.player.mark(lambda p: p.set_out())
    dialog = show_export(opened)
    dialog.set_choice(ExportChoice(tool="motionbuilder", fps=50.0, t_pose=True))
    assert "0.40 to 1.40 s" in dialog.marks.text()
    dialog.folder.setText(str(tmp_path / "out"))
    _write(qtbot, dialog)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"person01.bvh", "export.json"}
    motion = pybvh.read_bvh_file(str(tmp_path / "out" / "person01.bvh"))
    assert len(motion.root_pos) == 51 + 1  # a second at 50, both ends, and the T-pose before them


def test_the_last_choice_is_remembered(qtbot, opened, tmp_path):
    chosen = ExportChoice(("json", "trc"), "unity", "main", 60.0, True, True, "hold")
    dialog = show_export(opened)
    dialog.set_choice(chosen)
    dialog.folder.setText(str(tmp_path / "out"))
    _write(qtbot, dialog)
    dialog.close()
    assert show_export(opened).choice == chosen


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"formats": ["exe"]}', '{"fps": 31}', '{"colour": 1}', '{"formats": 3}', '{"tool": []}']
)
def test_a_choice_that_cannot_be_understood_is_the_default(text):
    assert ExportChoice.from_text(text) == ExportChoice()


def test_a_tool_sets_what_it_asks_for(opened):
    dialog = show_export(opened)
    for tool, wants_t_pose in (("rokoko", True), ("blender", False)):
        dialog.tool.setCurrentIndex(dialog.tool.findData(tool))
        dialog.tool.activated.emit(dialog.tool.currentIndex())
        assert dialog.t_pose.isChecked() == wants_t_pose


def test_a_folder_that_refuses_is_told_and_nothing_is_lost(qtbot, opened, tmp_path):
    (tmp_path / "file").write_text("no folder")
    dialog = show_export(opened)
    dialog.folder.setText(str(tmp_path / "file"))
    _write(qtbot, dialog)
    assert "Choose a folder you may write to" in dialog._status.text() and dialog.export.isEnabled()


def test_every_tool_and_format_has_its_recipe():
    assert "leaf bones" in recipe(ExportChoice(tool="unreal")).lower()
    assert "OpenSim" in recipe(ExportChoice(formats=("trc",))) and "Blender" not in recipe(ExportChoice(formats=("trc",)))
