"""Qt's Fusion with boxes and dots that are seen on dark ground, and fields of one height."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QPainter, QPalette, QPen, QPolygonF
from PyQt6.QtWidgets import QApplication, QProxyStyle, QStyle, QStyleHintReturn, QStyleOption, QWidget

_FIELDS = (QStyle.ContentsType.CT_ComboBox, QStyle.ContentsType.CT_LineEdit, QStyle.ContentsType.CT_SpinBox)
_BOXES = (QStyle.PrimitiveElement.PE_IndicatorCheckBox, QStyle.PrimitiveElement.PE_IndicatorItemViewItemCheck)
_DOT = QStyle.PrimitiveElement.PE_IndicatorRadioButton
_FIELD_PX = 12  # of height besides the letters


class Style(QProxyStyle):
    """Draws what Fusion draws too faintly."""

    def __init__(self) -> None:
        super().__init__("Fusion")

    def drawPrimitive(
        self,
        element: QStyle.PrimitiveElement,
        option: QStyleOption | None,
        painter: QPainter | None,
        widget: QWidget | None = None,
    ) -> None:
        """Qt's."""
        if (element in _BOXES or element is _DOT) and painter is not None and option is not None:
            _paint_mark(painter, option, is_round=element is _DOT)
        else:
            super().drawPrimitive(element, option, painter, widget)

    def sizeFromContents(
        self, kind: QStyle.ContentsType, option: QStyleOption | None, size: QSize, widget: QWidget | None = None
    ) -> QSize:
        """Qt's."""
        found = super().sizeFromContents(kind, option, size, widget)
        if kind in _FIELDS and widget is not None:
            found.setHeight(max(found.height(), widget.fontMetrics().height() + _FIELD_PX))
        return found

    def styleHint(
        self,
        hint: QStyle.StyleHint,
        option: QStyleOption | None = None,
        widget: QWidget | None = None,
        returnData: QStyleHintReturn | None = None,
    ) -> int:
        """Qt's."""
        if hint is QStyle.StyleHint.SH_DialogButtonBox_ButtonsHaveIcons:
            return 0
        return super().styleHint(hint, option, widget, returnData)


def _paint_mark(painter: QPainter, option: QStyleOption, *, is_round: bool) -> None:
    """A box with a tick, or a ring with a dot."""
    palette, state = QApplication.palette(), option.state  # not the option's: a row that is chosen has another
    is_on = bool(state & QStyle.StateFlag.State_On)
    is_enabled = bool(state & QStyle.StateFlag.State_Enabled)
    accent = palette.color(QPalette.ColorRole.Highlight)
    edge = palette.color(QPalette.ColorRole.PlaceholderText)
    if not is_enabled:
        accent, edge = palette.color(QPalette.ColorRole.Mid), palette.color(QPalette.ColorRole.Mid)
    elif state & (QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_HasFocus):
        edge = palette.color(QPalette.ColorRole.Highlight)
    side = min(option.rect.width(), option.rect.height(), 15)
    box = QRectF(0, 0, side, side)
    box.moveCenter(QRectF(option.rect).center())
    box.adjust(0.5, 0.5, -0.5, -0.5)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(accent if is_on else edge, 1.2))
    painter.setBrush(accent if is_on else palette.color(QPalette.ColorRole.Base))
    radius = box.width() / 2 if is_round else 3.5
    painter.drawRoundedRect(box, radius, radius)
    if is_on and is_round:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(255, 255, 255))
        painter.drawEllipse(box.center(), box.width() * 0.2, box.width() * 0.2)
    elif is_on:
        x, y, w = box.left(), box.top(), box.width()
        painter.setPen(
            QPen(QColor(255, 255, 255), 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
        )
        tick = [QPointF(x + 0.24 * w, y + 0.53 * w), QPointF(x + 0.43 * w, y + 0.71 * w), QPointF(x + 0.77 * w, y + 0.31 * w)]
        painter.drawPolyline(QPolygonF(tick))
    painter.restore()
