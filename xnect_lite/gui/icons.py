"""Icons in the colours of the desktop, drawn here because no theme can be counted on. On a grid of 24 by 24."""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPalette, QPen, QPixmap, QPolygonF

from xnect_lite.gui.colors import RECORD

_PIXELS = 72
_RECORD = QColor(*RECORD)
_LINE = 1.7


def _polygon(p: QPainter, *points: tuple[float, float]) -> None:
    p.drawPolygon(QPolygonF([QPointF(x, y) for x, y in points]))


def _play(p: QPainter) -> None:
    _polygon(p, (7, 4.5), (19.5, 12), (7, 19.5))


def _pause(p: QPainter) -> None:
    p.drawRect(QRectF(6.5, 5, 4, 14))
    p.drawRect(QRectF(13.5, 5, 4, 14))


def _stop(p: QPainter) -> None:
    p.drawRoundedRect(QRectF(6, 6, 12, 12), 1, 1)


def _record(p: QPainter) -> None:
    p.setBrush(_RECORD)
    p.setPen(Qt.PenStyle.NoPen)
    p.drawEllipse(QRectF(5, 5, 14, 14))


def _next(p: QPainter) -> None:
    _polygon(p, (6, 6), (14, 12), (6, 18))
    p.drawRect(QRectF(15.5, 6, 2.5, 12))


def _previous(p: QPainter) -> None:
    _polygon(p, (18, 6), (10, 12), (18, 18))
    p.drawRect(QRectF(6, 6, 2.5, 12))


def _first(p: QPainter) -> None:
    _polygon(p, (20, 6), (13, 12), (20, 18))
    _polygon(p, (13, 6), (6, 12), (13, 18))
    p.drawRect(QRectF(3.5, 6, 2, 12))


def _last(p: QPainter) -> None:
    _polygon(p, (4, 6), (11, 12), (4, 18))
    _polygon(p, (11, 6), (18, 12), (11, 18))
    p.drawRect(QRectF(18.5, 6, 2, 12))


def _loop(p: QPainter) -> None:
    _strokes(p)
    upper, lower = QPainterPath(QPointF(4.5, 12)), QPainterPath(QPointF(19.5, 12))
    upper.lineTo(4.5, 10)
    upper.arcTo(QRectF(4.5, 6.5, 7, 7), 180, -90)
    upper.lineTo(18, 6.5)
    lower.lineTo(19.5, 14)
    lower.arcTo(QRectF(12.5, 10.5, 7, 7), 0, -90)
    lower.lineTo(6, 17.5)
    p.drawPath(upper)
    p.drawPath(lower)
    p.drawPolyline(QPolygonF([QPointF(15.5, 3.5), QPointF(18.5, 6.5), QPointF(15.5, 9.5)]))
    p.drawPolyline(QPolygonF([QPointF(8.5, 14.5), QPointF(5.5, 17.5), QPointF(8.5, 20.5)]))


def _open(p: QPainter) -> None:
    _strokes(p)
    path = QPainterPath(QPointF(3.5, 18.5))
    path.lineTo(3.5, 6)
    path.lineTo(9, 6)
    path.lineTo(11, 8.5)
    path.lineTo(20.5, 8.5)
    path.lineTo(20.5, 18.5)
    path.closeSubpath()
    p.drawPath(path)


def _camera(p: QPainter) -> None:
    _strokes(p)
    p.drawRoundedRect(QRectF(3, 7, 12, 10.5), 2, 2)
    p.drawPolyline(QPolygonF([QPointF(15, 11), QPointF(21, 7.5), QPointF(21, 17), QPointF(15, 13.5)]))


def _export(p: QPainter) -> None:
    _strokes(p)
    p.drawPolyline(QPolygonF([QPointF(4, 14), QPointF(4, 19.5), QPointF(20, 19.5), QPointF(20, 14)]))
    p.drawLine(QPointF(12, 15), QPointF(12, 4.5))
    p.drawPolyline(QPolygonF([QPointF(7.5, 8.5), QPointF(12, 4), QPointF(16.5, 8.5)]))


def _settings(p: QPainter) -> None:
    _strokes(p)
    for y, x in ((7, 15), (12, 8.5), (17, 14)):
        p.drawLine(QPointF(4, y), QPointF(20, y))
        p.save()
        p.setBrush(p.pen().color())
        p.drawEllipse(QPointF(x, y), 2.2, 2.2)
        p.restore()


def _latency(p: QPainter) -> None:
    for x, top in ((4, 13), (9, 8), (14, 11), (19, 4.5)):
        p.drawRect(QRectF(x - 1.2, top, 3, 19.5 - top))


def _undo(p: QPainter) -> None:
    _strokes(p)
    path = QPainterPath(QPointF(5.5, 9.5))
    path.lineTo(14, 9.5)
    path.arcTo(QRectF(9.5, 9.5, 9.5, 9.5), 90, -180)
    path.lineTo(8, 19)
    p.drawPath(path)
    p.drawPolyline(QPolygonF([QPointF(9.5, 5.5), QPointF(5, 9.5), QPointF(9.5, 13.5)]))


def _redo(p: QPainter) -> None:
    p.translate(24, 0)
    p.scale(-1, 1)
    _undo(p)


def _mark_in(p: QPainter) -> None:
    _strokes(p)
    p.drawPolyline(QPolygonF([QPointF(14, 5), QPointF(9, 5), QPointF(9, 19), QPointF(14, 19)]))


def _mark_out(p: QPainter) -> None:
    _strokes(p)
    p.drawPolyline(QPolygonF([QPointF(10, 5), QPointF(15, 5), QPointF(15, 19), QPointF(10, 19)]))


def _close(p: QPainter) -> None:
    _strokes(p)
    p.drawLine(QPointF(6.5, 6.5), QPointF(17.5, 17.5))
    p.drawLine(QPointF(17.5, 6.5), QPointF(6.5, 17.5))


def _strokes(p: QPainter) -> None:
    color = p.brush().color()
    p.setBrush(Qt.BrushStyle.NoBrush)
    p.setPen(QPen(color, _LINE, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))


def _fills(p: QPainter) -> None:
    color = p.pen().color()
    p.setPen(Qt.PenStyle.NoPen)
    p.setBrush(color)


_DRAWN: dict[str, Callable[[QPainter], None]] = {
    "play": _play, "pause": _pause, "stop": _stop, "recording": _stop, "record": _record, "next": _next, "previous": _previous,
    "first": _first, "last": _last, "loop": _loop, "open": _open, "camera": _camera, "export": _export, "settings": _settings,
    "latency": _latency, "undo": _undo, "redo": _redo, "in": _mark_in, "out": _mark_out, "close": _close,
}  # fmt: skip

ICONS = frozenset(_DRAWN)


def icon(name: str, palette: QPalette) -> QIcon:
    """One of `ICONS`, in the palette's colour for text on buttons, paler while disabled."""
    found = QIcon()
    white = QColor(255, 255, 255)
    for mode, group in ((QIcon.Mode.Normal, QPalette.ColorGroup.Active), (QIcon.Mode.Disabled, QPalette.ColorGroup.Disabled)):
        ink = white if name == "recording" else palette.color(group, QPalette.ColorRole.ButtonText)
        found.addPixmap(_drawn(name, ink), mode)
    return found


def _drawn(name: str, ink: QColor) -> QPixmap:
    pixmap = QPixmap(_PIXELS, _PIXELS)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(_PIXELS / 24, _PIXELS / 24)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    _DRAWN[name](painter)
    painter.end()
    return pixmap
