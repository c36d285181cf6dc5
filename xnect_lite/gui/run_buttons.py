"""The two buttons that say what they would do now: the one that Space presses, and the red one."""

from __future__ import annotations

from PyQt6.QtGui import QPalette

from xnect_lite.gui.controls import Controls
from xnect_lite.gui.icons import icon
from xnect_lite.runners.session import RecordingState

_RECORDING_STYLE = "QToolButton { background: #d0343a; color: white; font-weight: 600; }"
_WORDS = {RecordingState.OFF: "Record", RecordingState.ARMED: "Waiting…", RecordingState.RECORDING: "End take"}
_ICONS = {"Start": "play", "Play": "play", "Pause": "pause"}


class RunButtons:
    """Sets words and icons only where they change."""

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._shown: tuple[str, RecordingState] | None = None

    def forget(self) -> None:
        """The colours of the window have changed: icons are drawn anew."""
        self._shown = None

    def show(self, run_words: str, state: RecordingState, *, can_run: bool, can_record: bool, palette: QPalette) -> None:
        """run_words: what Space does. can_run, can_record: whether they can be pressed."""
        actions = self._controls.actions
        run, record = actions["run"], actions["record"]
        run.setEnabled(can_run)
        record.setEnabled(can_record)
        is_on = state is not RecordingState.OFF
        record.setChecked(is_on)
        if self._shown == (run_words, state):
            return
        self._shown = (run_words, state)
        run.setText(run_words)
        run.setIcon(icon(_ICONS.get(run_words, "stop"), palette))
        record.setText(_WORDS[state])
        record.setIcon(icon("recording" if is_on else "record", palette))
        self._controls.button("record").setStyleSheet(_RECORDING_STYLE if is_on else "")
