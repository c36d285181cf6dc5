"""The latency panel: where the milliseconds go from a frame's capture to the screen, and how it has been lately."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen, QPolygonF
from PyQt6.QtWidgets import QSizePolicy, QWidget

from xnect_lite.gui.colors import CANVAS_DIM, CANVAS_TEXT, GRID, PANEL
from xnect_lite.runners.statistics import WINDOW_FRAMES, LatencyReport
from xnect_lite.timer import StageStatistics

_WIDTH, _PAD = 300, 12
_STACK, _PLOT = 14, 44  # heights of the stacked bar and the plot
_PARTS = tuple(
    QColor(*rgb)
    for rgb in (
        (120, 132, 148), (92, 104, 122), (74, 158, 234), (98, 190, 180), (226, 170, 76), (200, 120, 160), (150, 130, 220),
        (110, 170, 110), (215, 110, 90), (92, 104, 122), (120, 132, 148),
    )
)  # fmt: skip


class LatencyPanel(QWidget):
    """A stacked bar of end to end, its parts in figures, rates, and a plot of the last frames."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("latency")
        self.setAccessibleName("Latency")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._report = LatencyReport()
        self._pipeline_name = ""

    def show_report(self, report: LatencyReport, pipeline_name: str) -> None:
        """New figures. ``pipeline_name``: device, back end, precision and backbone that they are of."""
        grown = len(report.parts) != len(self._report.parts)
        self._report, self._pipeline_name = report, pipeline_name
        if grown:
            self.updateGeometry()
        self.setAccessibleDescription("; ".join(self.lines()))
        self.update()

    def sizeHint(self) -> QSize:
        """Qt's."""
        rows = (max(len(self._report.parts), 8) + 1) // 2
        return QSize(_WIDTH, (3 + rows + len(self._notes())) * self._line_px + _STACK + _PLOT + 2 * _PAD)

    def lines(self) -> list[str]:
        """What is painted, as text."""
        rows = [f"{name}  {_figures(row)}" for name, row in self._report.parts]
        return [self._pipeline_name, *rows, f"end to end  {_figures(self._report.end_to_end)}", *self._notes()]

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Qt's."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(*PANEL))
        line = QRectF(_PAD, _PAD, self.width() - 2 * _PAD, self._line_px)
        self._paint_head(painter, line)
        line.translate(0, self._line_px + 4)
        self._paint_stack(painter, QRectF(line.left(), line.top(), line.width(), _STACK))
        line.translate(0, _STACK + 6)
        self._paint_table(painter, line)
        for words in self._notes():
            self._text(painter, line, words, CANVAS_DIM)
            line.translate(0, self._line_px)
        self._paint_plot(painter, QRectF(line.left(), self.height() - _PAD - _PLOT, line.width(), _PLOT))
        painter.end()

    @property
    def _line_px(self) -> int:
        return self.fontMetrics().height() + 3

    def _paint_head(self, painter: QPainter, line: QRectF) -> None:
        total = self._report.end_to_end
        bold = QFont(self.font())
        bold.setBold(True)
        painter.setFont(bold)
        self._text(painter, line, f"End to end {total.p50_ms:.0f} ms" if total else "End to end")
        painter.setFont(self.font())
        words = f"95 %: {total.p95_ms:.0f} ms" if total else "measuring…"
        self._text(painter, line, f"{words}  ·  median of {WINDOW_FRAMES} frames", CANVAS_DIM, Qt.AlignmentFlag.AlignRight)

    def _paint_stack(self, painter: QPainter, bar: QRectF) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(*GRID).darker(160))
        painter.drawRoundedRect(bar, 3, 3)
        parts = self._report.parts
        total = self._report.end_to_end
        whole = max(sum(row.p50_ms for _, row in parts), total.p50_ms if total else 0.0, 1e-6)
        left = bar.left()
        for (_, row), color in zip(parts, _colors(len(parts)), strict=True):
            width = bar.width() * row.p50_ms / whole
            painter.fillRect(QRectF(left, bar.top(), max(0.0, width - 1), bar.height()), color)
            left += width

    def _paint_table(self, painter: QPainter, line: QRectF) -> None:
        """Two columns, filled one after the other. Leaves ``line`` below it."""
        parts = self._report.parts
        half, rows = line.width() / 2, (max(len(parts), 8) + 1) // 2
        for n, ((name, row), color) in enumerate(zip(parts, _colors(len(parts)), strict=True)):
            cell = QRectF(
                line.left() + (n // rows) * (half + 6), line.top() + n % rows * self._line_px, half - 6, self._line_px
            )
            painter.fillRect(QRectF(cell.left(), cell.center().y() - 4, 8, 8), color)
            self._text(painter, cell.adjusted(14, 0, 0, 0), name, CANVAS_DIM)
            self._text(painter, cell, f"{row.p50_ms:.1f}", flags=Qt.AlignmentFlag.AlignRight)
        line.translate(0, rows * self._line_px)

    def _notes(self) -> list[str]:
        report = self._report
        rates = f"{report.fps_in:.1f} fps in, {report.fps_out:.1f} out, {report.dropped} of {report.received} dropped"
        return [rates, *([" · ".join(report.notes)] if report.notes else [])]

    def _paint_plot(self, painter: QPainter, box: QRectF) -> None:
        painter.setPen(QPen(QColor(*GRID).darker(130), 1))
        painter.drawLine(box.bottomLeft(), box.bottomRight())
        values = np.array(self._report.history_ms)
        if len(values) < 2:
            return
        top = max(10.0, float(np.percentile(values, 98)) * 1.25)
        step = box.width() / (max(len(values), 120) - 1)
        right = box.right() - np.arange(len(values))[::-1] * step
        heights = box.bottom() - np.clip(values / top, 0, 1) * box.height()
        painter.setPen(QPen(QColor(74, 158, 234), 1.4))
        painter.drawPolyline(QPolygonF([QPointF(x, y) for x, y in zip(right, heights, strict=True)]))
        self._text(painter, QRectF(box.left(), box.top() - 2, box.width(), self._line_px), f"{top:.0f} ms", CANVAS_DIM)

    def _text(
        self,
        painter: QPainter,
        line: QRectF,
        text: str,
        color: tuple[int, int, int] = CANVAS_TEXT,
        flags: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
    ) -> None:
        painter.setPen(QColor(*color))
        painter.drawText(line, flags | Qt.AlignmentFlag.AlignVCenter, text)


def _colors(count: int) -> list[QColor]:
    return [_PARTS[n % len(_PARTS)] for n in range(count)]


def _figures(row: StageStatistics | None) -> str:
    return f"{row.p50_ms:.1f} / {row.p95_ms:.1f}" if row else "–"
