"""The lanes of a take under a ruler: who is there when, where it stands, and where the marks are."""

from __future__ import annotations

import math

from PyQt6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QBrush, QColor, QFont, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QSizePolicy, QToolTip, QWidget

from xnect_lite.gui import theme
from xnect_lite.gui.looks import Looks
from xnect_lite.gui.player.lanes import SEEN_WORDS, Lane
from xnect_lite.gui.player.playback import Playback
from xnect_lite.record.presence import Presence

_RULER, _LANE, _BAR = 26, 26, 12
_NAMES = 132
_RIGHT = 14
_TICKS_S = (0.04, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
_TICK_PX = 76
_LEAST_PX = 2.0  # of a span, or it could not be seen


class Timeline(QWidget):
    """Shows a `Playback` and its `Lane`s.

    sought  (frame)  the user points at a frame; it is shown at once.
    chosen  (identity)  a lane was clicked; 0 = none.
    asked   (identity, place on the screen)  the menu of a lane is wanted.
    """

    sought = pyqtSignal(int)
    chosen = pyqtSignal(int)
    asked = pyqtSignal(int, QPoint)

    def __init__(self, looks: Looks, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("timeline")
        self.setAccessibleName("Lanes of the take")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._looks = looks
        self._playback: Playback | None = None
        self._lanes: list[Lane] = []
        self._is_scrubbing = False

    def show_take(self, playback: Playback, lanes: list[Lane]) -> None:
        """Another take, or the same after an edit."""
        self._playback, self._lanes = playback, lanes
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Qt's."""
        return QSize(640, _RULER + _LANE * max(1, len(self._lanes)) + 6)

    def minimumSizeHint(self) -> QSize:
        """Qt's."""
        return QSize(320, self.sizeHint().height())

    # --- where things are

    def x_at(self, t_s: float) -> float:
        """Pixel of a second of the take: frames that were dropped while recording leave room."""
        if self._playback is None:
            return float(_NAMES)
        share = (t_s - self._playback.t_s_of(0)) / max(self._playback.duration_s, 1e-6)
        return _NAMES + (self.width() - _NAMES - _RIGHT) * min(1.0, max(0.0, share))

    def x_of(self, frame: int) -> float:
        """Pixel of a frame."""
        return self.x_at(self._playback.t_s_of(frame)) if self._playback is not None else float(_NAMES)

    def frame_of(self, x: float) -> int:
        """The frame nearest to a pixel."""
        if self._playback is None:
            return 0
        share = min(1.0, max(0.0, (x - _NAMES) / max(1, self.width() - _NAMES - _RIGHT)))
        return self._playback.nearest(self._playback.t_s_of(0) + share * self._playback.duration_s)

    def _edge(self, frame: int) -> float:
        """Pixel half way between a frame and the one before it."""
        playback = self._playback
        if playback is None or not 0 < frame < len(playback):
            return self.x_of(0 if frame <= 0 else frame - 1)
        return self.x_at(0.5 * (playback.t_s_of(frame - 1) + playback.t_s_of(frame)))

    def lane_at(self, y: float) -> Lane | None:
        """The lane at a pixel."""
        row = math.floor((y - _RULER) / _LANE)
        return self._lanes[row] if 0 <= row < len(self._lanes) else None

    # --- the mouse

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Qt's."""
        if self._playback is None:
            return
        place = event.position()
        lane = self.lane_at(place.y())
        if lane is not None:
            self.chosen.emit(lane.id)
        if event.button() == Qt.MouseButton.RightButton:
            if lane is not None:
                self.asked.emit(lane.id, event.globalPosition().toPoint())
        elif event.button() == Qt.MouseButton.LeftButton and place.x() >= _NAMES - 6:
            self._is_scrubbing = True
            self.sought.emit(self.frame_of(place.x()))

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Qt's."""
        if self._is_scrubbing:
            self.sought.emit(self.frame_of(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Qt's."""
        self._is_scrubbing = False

    def event(self, event: QEvent | None) -> bool:
        """Qt's: tooltips that tell of the place."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            lane = self.lane_at(event.pos().y())
            if lane is not None and event.pos().x() < _NAMES:
                QToolTip.showText(event.globalPos(), f"{self._looks.title_of(lane.id)}: {lane.words}", self)
            elif lane is not None:
                frame = self.frame_of(event.pos().x())
                words = SEEN_WORDS[lane.presence_at(frame)]
                QToolTip.showText(event.globalPos(), f"{self._looks.title_of(lane.id)}, frame {frame + 1}: {words}", self)
            return True
        return super().event(event)

    # --- painting

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Qt's."""
        painter, colors = QPainter(self), theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(colors.panel))
        if self._playback is None:
            return
        self._paint_ruler(painter, self._playback, colors)
        for row, lane in enumerate(self._lanes):
            self._paint_lane(painter, lane, _RULER + row * _LANE, colors)
        if not self._lanes:
            painter.setPen(QColor(colors.dim))
            room = QRectF(_NAMES, _RULER, self.width() - _NAMES, _LANE)
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, "Nobody was found in this take")
        self._paint_marks(painter, self._playback, colors)
        self._paint_head(painter, self._playback, colors)
        painter.end()

    def _paint_ruler(self, painter: QPainter, playback: Playback, colors: theme.Theme) -> None:
        painter.fillRect(QRectF(0, 0, self.width(), _RULER), QColor(colors.window))
        painter.setPen(QColor(colors.border))
        painter.drawLine(QPointF(0, _RULER - 0.5), QPointF(self.width(), _RULER - 0.5))
        width = max(1.0, self.width() - _NAMES - _RIGHT)
        wanted_s = playback.duration_s * _TICK_PX / width
        step_s = next((tick for tick in _TICKS_S if tick >= wanted_s), _TICKS_S[-1])
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 0.85)
        painter.setFont(font)
        start_s = playback.t_s_of(0)
        for n in range(math.floor(playback.duration_s / step_s) + 1):
            t_s = n * step_s
            x = self.x_at(start_s + t_s)
            painter.setPen(QColor(colors.border))
            painter.drawLine(QPointF(x, _RULER - 7), QPointF(x, _RULER - 1))
            painter.setPen(QColor(colors.dim))
            painter.drawText(QRectF(x + 4, 2, _TICK_PX, _RULER - 8), Qt.AlignmentFlag.AlignVCenter, tick_words(t_s, step_s))

    def _paint_lane(self, painter: QPainter, lane: Lane, top: float, colors: theme.Theme) -> None:
        is_chosen, is_hidden = lane.id == self._looks.chosen, lane.id in self._looks.hidden
        color = QColor(*self._looks.color_of(lane.id))
        if is_chosen:
            painter.fillRect(QRectF(0, top, self.width(), _LANE), QColor(colors.raised))
        painter.setFont(self.font())
        if is_hidden:
            color.setAlpha(70)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawRoundedRect(QRectF(12, top + 8, 10, 10), 3, 3)
        painter.setPen(QColor(colors.dim if is_hidden else colors.text))
        name = painter.fontMetrics().elidedText(self._looks.title_of(lane.id), Qt.TextElideMode.ElideRight, _NAMES - 44)
        painter.drawText(QRectF(30, top, _NAMES - 36, _LANE), Qt.AlignmentFlag.AlignVCenter, name)
        track = QRectF(_NAMES, top + _LANE / 2 - 0.5, self.width() - _NAMES - _RIGHT, 1)
        painter.fillRect(track, QColor(colors.border))
        for span in lane.spans:
            left, right = self._edge(span.first), self._edge(span.last + 1)
            bar = QRectF(left, top + (_LANE - _BAR) / 2, max(_LEAST_PX, right - left), _BAR)
            paint_span(painter, bar, color, span.presence)

    def _paint_marks(self, painter: QPainter, playback: Playback, colors: theme.Theme) -> None:
        if not playback.has_marks:
            return
        left, right = self.x_of(playback.mark_in), self.x_of(playback.mark_out)
        shade = QColor(colors.window)
        shade.setAlpha(170)
        painter.fillRect(QRectF(_NAMES, _RULER, left - _NAMES, self.height()), shade)
        painter.fillRect(QRectF(right, _RULER, self.width() - right, self.height()), shade)
        painter.fillRect(QRectF(left, _RULER - 3, right - left, 3), QColor(colors.accent))
        painter.setPen(QPen(QColor(colors.accent), 1.5))
        for x in (left, right):
            painter.drawLine(QPointF(x, _RULER - 10), QPointF(x, self.height()))

    def _paint_head(self, painter: QPainter, playback: Playback, colors: theme.Theme) -> None:
        x = self.x_of(playback.frame)
        painter.setPen(QPen(QColor(colors.text), 1.5))
        painter.drawLine(QPointF(x, 10), QPointF(x, self.height()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colors.text))
        painter.drawPolygon(
            QPolygonF([QPointF(x - 6, 4), QPointF(x + 6, 4), QPointF(x + 6, 10), QPointF(x, 17), QPointF(x - 6, 10)])
        )


def paint_span(painter: QPainter, bar: QRectF, color: QColor, presence: Presence) -> None:
    """Measured: solid. Bridged: hatched. Held: an outline."""
    painter.setPen(Qt.PenStyle.NoPen)
    if presence is Presence.MEASURED:
        painter.setBrush(color)
        painter.drawRoundedRect(bar, 2.5, 2.5)
    elif presence is Presence.BRIDGED:
        pale = QColor(color)
        pale.setAlpha(60)
        painter.setBrush(pale)
        painter.drawRect(bar)
        painter.setBrush(QBrush(color, Qt.BrushStyle.BDiagPattern))
        painter.drawRect(bar)
    else:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(color, 1, Qt.PenStyle.DashLine))
        painter.drawRect(bar.adjusted(0.5, 0.5, -0.5, -0.5))


def tick_words(t_s: float, step_s: float) -> str:
    """Of the ruler: 65 s as 1:05, with as many digits after it as the step has."""
    minutes, seconds = divmod(t_s, 60)
    digits = 0 if step_s >= 1 else 1 if step_s >= 0.1 else 2
    width = 2 if digits == 0 else 3 + digits
    return f"{int(minutes)}:{seconds:0{width}.{digits}f}"
