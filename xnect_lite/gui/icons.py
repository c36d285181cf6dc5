"""Transport icons in the colours of the desktop, drawn here because no theme can be counted on."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QIcon, QPainter, QPalette, QPixmap, QPolygonF

from xnect_lite.gui.colors import RECORD

_SIZE = 64


def icon(name: str, palette: QPalette) -> QIcon:
    """``name``: play, stop, record or recording."""
    pixmap = QPixmap(_SIZE, _SIZE)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    ink = palette.color(QPalette.ColorRole.ButtonText)
    painter.setBrush({"record": QColor(*RECORD), "recording": QColor(255, 255, 255)}.get(name, ink))
    if name == "play":
        painter.drawPolygon(QPolygonF([QPointF(14, 8), QPointF(56, 32), QPointF(14, 56)]))
    elif name == "record":
        painter.drawEllipse(QRectF(10, 10, 44, 44))
    else:
        painter.drawRect(QRectF(12, 12, 40, 40))
    painter.end()
    return QIcon(pixmap)
