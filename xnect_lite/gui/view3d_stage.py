"""What the painters of the 3D view share: what is on stage, the mouse, names and axes over the picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QMouseEvent, QPainter, QPen, QWheelEvent

from xnect_lite.gui.colors import AXES, CANVAS_DIM
from xnect_lite.gui.framing import Framing
from xnect_lite.gui.orbit import PRESETS
from xnect_lite.gui.scene import Scene, frustum_lines

_GIZMO_PX = 30.0
_FRUSTUM_NEAR_M = 1.5
_CLICK_PX = 4  # the mouse may move so far in a click


@dataclasses.dataclass(slots=True)
class Stage:
    """What both painters read.

    scene:      who is where.
    framing:    from where it is seen.
    camera:     (width, height, focal length), pixels, of the film camera; None = not known yet.
    show_ids:   labels above heads.
    on_click:   is given the place of a click, pixels of the widget.
    """

    scene: Scene
    framing: Framing
    camera: tuple[int, int, float] | None = None
    show_ids: bool = True
    on_click: Callable[[float, float], None] | None = None

    @property
    def frustum_m(self) -> np.ndarray | None:
        """(N, 2, 3) lines of the film camera; None if it is unknown, or so near that it would stand in the way."""
        if self.camera is None or np.linalg.norm(self.framing.view.eye_m) < _FRUSTUM_NEAR_M:
            return None
        return frustum_lines(*self.camera)

    def look(self, preset: str, width: int, height: int) -> None:
        """From a direction of `orbit.PRESETS`, at whoever is there."""
        self.framing.preset(preset)
        self.framing.follow(self.scene.extent_m, width, height)


class OrbitMouse:
    """Mouse of a widget with a ``stage``: left turns, middle or Shift+left shifts, the wheel zooms, a double click resets."""

    stage: Stage
    _mouse: QPointF | None = None
    _pressed: QPointF | None = None

    def redraw(self) -> None:
        """Show the stage as it is now."""
        self.update()  # type: ignore[attr-defined]

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Qt's."""
        self._mouse = self._pressed = event.position()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Qt's."""
        if self._mouse is None:
            return
        moved, self._mouse = event.position() - self._mouse, event.position()
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.buttons() & Qt.MouseButton.MiddleButton or (event.buttons() & Qt.MouseButton.LeftButton and shift):
            self.stage.framing.pan(moved.x(), moved.y(), self.width())  # type: ignore[attr-defined]
        elif event.buttons() & Qt.MouseButton.LeftButton:
            self.stage.framing.orbit(moved.x(), moved.y())
        self.redraw()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Qt's."""
        pressed, self._mouse, self._pressed = self._pressed, None, None
        if pressed is None or event.button() != Qt.MouseButton.LeftButton or self.stage.on_click is None:
            return
        if (event.position() - pressed).manhattanLength() < _CLICK_PX:
            self.stage.on_click(pressed.x(), pressed.y())

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Qt's."""
        self.stage.look("home", self.width(), self.height())  # type: ignore[attr-defined]
        self.redraw()

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Qt's."""
        self.stage.framing.zoom(event.angleDelta().y() / 120)
        self.redraw()
        event.accept()


def paint_annotations(painter: QPainter, stage: Stage, width: int, height: int) -> None:
    """Identities, axes and the name of the view, over what either painter drew."""
    view = stage.framing.view
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if stage.show_ids:
        for where_m, text, color in stage.scene.labels:
            x, y, depth = view.project(where_m, width, height)
            if depth == depth and -width < x < 2 * width and -height < y < 2 * height:
                paint_label(painter, QPointF(x, y), text, QColor(*color), is_chosen=text == stage.scene.chosen)
    _paint_gizmo(painter, view.axes, QPointF(_GIZMO_PX + 20, height - _GIZMO_PX - 20))
    name = next((n for n, angles in PRESETS.items() if angles == (view.azimuth_deg, view.elevation_deg)), "")
    if name in ("front", "side", "top"):
        painter.setPen(QColor(*CANVAS_DIM))
        box = QRectF(0, height - 28, width - 12, 20)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{name} view")


def paint_label(painter: QPainter, where: QPointF, text: str, color: QColor, *, is_chosen: bool) -> None:
    """A name in a box of the person's colour, around ``where``; the same in the picture and in space."""
    font = QFont(painter.font())
    font.setBold(True)
    painter.setFont(font)
    size = painter.fontMetrics().boundingRect(text).size()
    box = QRectF(0, 0, max(18, size.width() + 10), size.height() + 2)
    box.moveCenter(where)
    painter.setPen(QPen(QColor(255, 255, 255), 2) if is_chosen else Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawRoundedRect(box, 3, 3)
    painter.setPen(QColor(0, 0, 0))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def _paint_gizmo(painter: QPainter, axes: np.ndarray, centre: QPointF) -> None:
    """The world's axes as they lie now; those that point away first."""
    for i in sorted(range(3), key=lambda k: axes[2, k]):
        name, rgb = AXES[i]
        tip = centre + QPointF(axes[0, i], -axes[1, i]) * _GIZMO_PX
        painter.setPen(QPen(QColor(*rgb), 2))
        painter.drawLine(centre, tip)
        if abs(axes[2, i]) < 0.95:  # seen end on, the letter would sit on the others
            letter = QRectF(0, 0, 20, 20)
            letter.moveCenter(tip + QPointF(axes[0, i], -axes[1, i]) * 9)
            painter.drawText(letter, Qt.AlignmentFlag.AlignCenter, name)
