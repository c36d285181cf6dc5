"""A folder is shown by the file manager, or else its path is where the user can paste it."""

from __future__ import annotations

from PyQt6.QtGui import QGuiApplication

from xnect_lite.gui import folders


def test_without_a_launcher_the_path_is_on_the_clipboard(qapp, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(folders.QStandardPaths, "findExecutable", lambda name: "")
    monkeypatch.setattr(folders.QDesktopServices, "openUrl", asked.append)
    assert not folders.open_folder(tmp_path) and not asked
    assert QGuiApplication.clipboard().text() == str(tmp_path)


def test_with_one_the_file_manager_is_asked(qapp, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(folders.QStandardPaths, "findExecutable", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(folders.QDesktopServices, "openUrl", lambda url: asked.append(url.toLocalFile()) or True)
    assert folders.open_folder(tmp_path) and asked == [str(tmp_path)]
