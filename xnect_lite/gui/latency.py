"""The latency panel: where the milliseconds go, stage by stage."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFont, QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from xnect_lite.gui.colors import CANVAS_DIM, CANVAS_TEXT, PANEL
from xnect_lite.runners.statistics import WINDOW_FRAMES, LatencyReport
from xnect_lite.timer import StageStatistics

_WIDTH, _PAD = 300, 10
_NAME_SHARE, _FIGURE_SHARE = 0.26, 0.30  # of the width; bars take what is between
_MEDIAN, _TAIL = QColor(86, 180, 233), QColor(86, 180, 233, 90)
_STAGES_EXPECTED = 6  # room kept while there are no figures, so that nothing jumps when they come


class LatencyPanel(QWidget):
    """A table with one bar per stage: solid up to the median, pale up to the 95th percentile."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("latency")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._report = LatencyReport()
        self._pipeline_name = ""

    def show_report(self, report: LatencyReport, pipeline_name: str) -> None:
        """New figures. ``pipeline_name``: device, back end, precision and backbone that they are of."""
        self._report, self._pipeline_name = report, pipeline_name
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Qt's."""
        lines = 7 + (len(self._report.stages) or _STAGES_EXPECTED)
        return QSize(_WIDTH, lines * self._line_px + 2 * _PAD)

    def lines(self) -> list[str]:
        """The table as text, as it is painted."""
        rows = [f"{name}  {_figures(row)}" for name, row in self._rows()]
        return [self._pipeline_name, *rows, self._rates()]

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Qt's."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(*PANEL))
        line = QRectF(_PAD, _PAD, self.width() - 2 * _PAD, self._line_px)
        bold = QFont(self.font())
        bold.setBold(True)
        painter.setFont(bold)
        self._text(painter, line, self._pipeline_name or "no network yet")
        painter.setFont(self.font())
        line.translate(0, self._line_px)
        self._text(painter, line, f"median / 95 % of {WINDOW_FRAMES} frames, ms", CANVAS_DIM)
        longest = max([row.p95_ms for _, row in self._rows() if row] or [1.0])
        if not self._report.stages:
            line.translate(0, self._line_px)
            self._text(painter, line, "measuring…", CANVAS_DIM)
        for name, row in self._rows():
            line.translate(0, self._line_px)
            self._paint_row(painter, line, name, row, longest)
        line.translate(0, self._line_px)
        self._text(painter, line, self._rates())
        painter.end()

    @property
    def _line_px(self) -> int:
        return self.fontMetrics().height() + 3

    def _rows(self) -> list[tuple[str, StageStatistics | None]]:
        report = self._report
        sums = [("total", report.total), ("wait", report.wait), ("draw", report.draw), ("end to end", report.end_to_end)]
        return [*report.stages.items(), *sums]

    def _rates(self) -> str:
        report = self._report
        dropped = f"{report.dropped} of {report.received} dropped"
        return f"{report.fps_in:.1f} fps in, {report.fps_out:.1f} fps out, {dropped}"

    def _paint_row(self, painter: QPainter, line: QRectF, name: str, row: StageStatistics | None, longest_ms: float) -> None:
        is_sum = name in ("total", "end to end")
        self._text(painter, line, name, CANVAS_TEXT if is_sum else CANVAS_DIM)
        self._text(painter, line, _figures(row), flags=Qt.AlignmentFlag.AlignRight)
        if row is None:
            return
        left, width = line.left() + _NAME_SHARE * line.width(), (1 - _NAME_SHARE - _FIGURE_SHARE) * line.width()
        bar = QRectF(left, line.top() + 0.25 * line.height(), width, 0.5 * line.height())
        for milliseconds, color in ((row.p95_ms, _TAIL), (row.p50_ms, _MEDIAN)):
            bar.setWidth(max(1.0, width * milliseconds / max(longest_ms, 1e-6)))
            painter.fillRect(bar, color)

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


def _figures(row: StageStatistics | None) -> str:
    return f"{row.p50_ms:.1f} / {row.p95_ms:.1f}" if row else "–"
