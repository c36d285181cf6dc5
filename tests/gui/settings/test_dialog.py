"""The settings dialog: what is changed is kept and used at once, also while a camera plays."""

from __future__ import annotations

import pytest

from xnect_lite.gui.settings.dialog import show_settings
from xnect_lite.gui.settings.values import Settings


@pytest.fixture
def dialog(player_window, monkeypatch):
    monkeypatch.setattr("xnect_lite.gui.settings.dialog.list_cameras", lambda: [])
    window = player_window()
    dialog = show_settings(window)
    dialog.window_ = window
    return dialog


def _choose(dialog, name, value):
    box = dialog.fields[name]
    box.setCurrentIndex(box.findData(value))
    box.activated.emit(box.currentIndex())


def test_changes_are_kept_and_reach_the_pipeline(qtbot, dialog):
    window = dialog.window_
    _choose(dialog, "backbone", "resnet50")
    dialog.fields["smoothing"].setValue(80)
    foot_lock = not window.settings.now.foot_lock
    dialog.fields["foot_lock"].setChecked(foot_lock)
    dialog.fields["max_people"].setValue(3)
    qtbot.waitUntil(lambda: window.worker.config.network.backbone == "resnet50", timeout=20000)
    config = window.worker.config
    assert (config.filtering.smoothing, config.fitting.foot_lock, config.grouping.max_people) == (0.8, foot_lock, 3)
    assert window.settings.now.smoothing == 0.8


def test_old_and_new_latency_stand_side_by_side(qtbot, dialog):
    window = dialog.window_
    window.start()
    qtbot.waitUntil(lambda: window.session.latency().total is not None, timeout=20000)
    _choose(dialog, "backbone", "selecsls42")
    qtbot.waitUntil(lambda: window.session.latency().total is None, timeout=20000)
    qtbot.waitUntil(lambda: window.session.latency().total is not None, timeout=20000)
    dialog.comparison.refresh()
    before, now = dialog.comparison.text.splitlines()
    assert all("fake engine" in line and " ms" in line for line in (before, now))


def test_fields_that_mean_nothing_now_cannot_be_changed(dialog):
    assert not dialog.fields["fov_deg"].isEnabled() and not dialog.fields["pitch_deg"].isEnabled()
    _choose(dialog, "lens", "fov")
    _choose(dialog, "floor", "given")
    assert dialog.fields["fov_deg"].isEnabled() and dialog.fields["pitch_deg"].isEnabled()


def test_a_mirror_reaches_the_picture_alone(qtbot, dialog):
    dialog.fields["mirror"].setChecked(True)
    qtbot.waitUntil(lambda: dialog.window_.looks.mirrored, timeout=20000)
    assert dialog.window_.actions_by_name["mirror"].isChecked()


def test_reset_is_the_first_day_again(qtbot, dialog):
    dialog.fields["smoothing"].setValue(10)
    window = dialog.window_
    dialog.reset()
    assert window.settings.now == Settings() and window.worker.config.filtering.smoothing == 0.5


def test_every_setting_has_a_field_or_is_kept_by_itself(dialog):
    elsewhere = {"recent", "export", "quality", "overlay"}
    assert set(dialog.fields) | elsewhere == {name for name in Settings.__dataclass_fields__}


def test_every_field_has_a_name_for_screen_readers(dialog):
    for name, field in dialog.fields.items():
        assert field.accessibleName() or field.text(), name


def test_live_motion_is_sent_where_the_settings_say(qtbot, dialog):
    """To a socket of our own: each person's bones come as messages of the VMC protocol."""
    import socket

    pytest.importorskip("pythonosc", reason="OSC needs python-osc")
    window = dialog.window_
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(0.05)
        dialog.fields["osc_address"].setText(f"127.0.0.1:{receiver.getsockname()[1]}")
        dialog.fields["osc_address"].editingFinished.emit()
        dialog.fields["osc"].setChecked(True)
        dialog.apply()
        window.start()

        def comes():
            try:
                return b"/VMC/Ext/Root/Pos" in receiver.recv(65536)
            except TimeoutError:
                return False

        qtbot.waitUntil(comes, timeout=20000)
    dialog.fields["osc_address"].setText("nowhere:99999999")
    dialog.fields["osc_address"].editingFinished.emit()
    dialog.apply()
    assert "port" in dialog._trouble.text().lower()
