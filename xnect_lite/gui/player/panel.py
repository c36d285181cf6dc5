"""The strip under the views while a take is open: buttons, time, speed, and the lanes below."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QColor, QPainter, QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from xnect_lite.gui import theme
from xnect_lite.gui.looks import Looks
from xnect_lite.gui.player.lanes import Lane
from xnect_lite.gui.player.playback import SPEEDS, Playback
from xnect_lite.gui.player.timeline import Timeline, paint_span
from xnect_lite.record.presence import Presence

_MOST_LANES = 6  # in sight at once; more are scrolled to
_LEAST_PX, _ROOMY_PX, _WIDE_PX = 560, 760, 960  # of width: buttons, the frame's number, what the bars mean
_ROW = ("first", "step_back", "run", "step_forward", "last")
_MARKS = ("loop", "mark_in", "mark_out")
_EDITS = ("undo", "redo")


class PlayerPanel(QFrame):
    """Transport and lanes.

    speed_wished (float)
    """

    speed_wished = pyqtSignal(float)

    def __init__(self, looks: Looks, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("strip")
        self.timeline = Timeline(looks)
        self._row = QHBoxLayout()
        self._row.setContentsMargins(10, 4, 10, 4)
        self._row.setSpacing(2)
        self._time, self._frame = QLabel(), QLabel()
        theme.mark(self._frame, dim=True)
        self._time.setAccessibleName("Time in the take")
        self._frame.setAccessibleName("Frame of the take")
        self.speed = QComboBox()
        self.speed.setAccessibleName("Speed")
        self.speed.setToolTip("Speed (- and +)")
        self.speed.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        for value in SPEEDS:
            self.speed.addItem(f"{value:g}×", value)
        self.speed.setCurrentIndex(SPEEDS.index(1.0))
        self.speed.activated.connect(lambda index: self.speed_wished.emit(SPEEDS[index]))
        self._scroll = QScrollArea()
        self._scroll.setWidget(self.timeline)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._row)
        column.addWidget(self._scroll)

    def add_actions(self, actions: dict[str, QAction]) -> None:
        """Buttons of the actions that belong here."""
        for name in _ROW:
            self._row.addWidget(self._button(actions[name]))
        self._row.addSpacing(12)
        self._row.addWidget(self._time)
        self._row.addSpacing(8)
        self._row.addWidget(self._frame)
        self._row.addStretch(1)
        self._legend = Legend()
        self._row.addWidget(self._legend)
        self._row.addSpacing(12)
        for name in _EDITS:
            self._row.addWidget(self._button(actions[name]))
        self._row.addSpacing(12)
        for name in _MARKS:
            self._row.addWidget(self._button(actions[name]))
        self._row.addSpacing(6)
        self._row.addWidget(self.speed)

    def show_take(self, playback: Playback, lanes: list[Lane]) -> None:
        """Another take, or the same after an edit."""
        self.timeline.show_take(playback, lanes)
        height = self.timeline.sizeHint().height()
        lane_px = (height - 32) // max(1, len(lanes) or 1)
        self._scroll.setFixedHeight(min(height, 32 + lane_px * _MOST_LANES))
        self.show_position(playback)

    def show_position(self, playback: Playback) -> None:
        """It stands at another frame."""
        self._time.setText(f"{clock(playback.t_s - playback.t_s_of(0))} / {clock(playback.duration_s)}")
        self._frame.setText(f"frame {playback.frame + 1} of {len(playback)}")
        self.timeline.update()

    def show_speed(self, speed: float) -> None:
        """It plays at another speed."""
        self.speed.setCurrentIndex(SPEEDS.index(speed))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Qt's. A narrow strip keeps what can be pressed."""
        self._legend.setVisible(self.width() > _WIDE_PX)
        self._frame.setVisible(self.width() > _ROOMY_PX)
        super().resizeEvent(event)

    def minimumSizeHint(self) -> QSize:
        """Qt's: the words may go, the buttons stay."""
        return QSize(_LEAST_PX, super().minimumSizeHint().height())

    def _button(self, action: QAction) -> QToolButton:
        button = QToolButton()
        button.setDefaultAction(action)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setAccessibleName(action.text())
        return button


class Legend(QWidget):
    """What solid, hatched and dashed bars mean."""

    _KINDS = ((Presence.MEASURED, "measured"), (Presence.BRIDGED, "bridged"), (Presence.HELD, "held"))

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(0)
        self.setAccessibleName("Solid bars: measured. Hatched: bridged. Dashed: held.")

    def sizeHint(self) -> QSize:
        """Qt's."""
        metrics = self.fontMetrics()
        return QSize(sum(metrics.horizontalAdvance(word) + 38 for _, word in self._KINDS), metrics.height() + 4)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Qt's."""
        painter, x, dim = QPainter(self), 0.0, QColor(theme.current().dim)
        for presence, word in self._KINDS:
            width = self.fontMetrics().horizontalAdvance(word)
            if x + width + 24 > self.width():
                break
            paint_span(painter, QRectF(x, self.height() / 2 - 5, 18, 10), dim, presence)
            painter.setPen(dim)
            painter.drawText(QRectF(x + 23, 0, width + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, word)
            x += width + 38
        painter.end()


def clock(seconds: float) -> str:
    """65.24 -> "1:05.24"."""
    minutes, rest = divmod(max(0.0, seconds), 60)
    return f"{int(minutes)}:{rest:05.2f}"
