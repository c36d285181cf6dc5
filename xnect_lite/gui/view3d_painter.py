"""The 3D view without OpenGL: lines drawn by Qt's painter, far ones first."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QLineF, QPointF, QSize, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PyQt6.QtWidgets import QWidget

from xnect_lite.gui.colors import CANVAS, FRUSTUM, GRID
from xnect_lite.gui.scene import grid_lines
from xnect_lite.gui.view3d_stage import OrbitMouse, Stage, paint_annotations

_BONE_WIDTH_M = 0.035
_JOINT_WIDTH_M = 0.05


class PainterView(OrbitMouse, QWidget):
    """Draws a `Stage`."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def sizeHint(self) -> QSize:
        """Qt's."""
        return QSize(480, 480)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Qt's."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(*CANVAS))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        stage, view = self.stage, self.stage.framing.view
        self._paint_lines(painter, grid_lines(stage.scene.floor_m, view.target_m), QPen(QColor(*GRID), 1))
        if (frustum := stage.frustum_m) is not None:
            self._paint_lines(painter, frustum, QPen(QColor(*FRUSTUM), 1.5))
        self._paint_people(painter)
        paint_annotations(painter, stage, self.width(), self.height())
        painter.end()

    def _paint_lines(self, painter: QPainter, segments_m: np.ndarray, pen: QPen) -> None:
        """segments_m (N, 2, 3)."""
        ends = self.stage.framing.view.project_segments(segments_m, self.width(), self.height())
        painter.setPen(pen)
        painter.drawLines([QLineF(*a, *b) for a, b in ends[np.isfinite(ends).all((1, 2)), :, :2]])  # type: ignore[call-overload]

    def _paint_people(self, painter: QPainter) -> None:
        scene, view = self.stage.scene, self.stage.framing.view
        bones = view.project_segments(scene.bones_m, self.width(), self.height())
        joints = view.project(scene.joints_m, self.width(), self.height())
        focal = view.focal_px(self.width())
        strokes = [(d, line, rgb) for d, line, rgb in zip(bones[:, :, 2].mean(1), bones, scene.bone_rgb, strict=True) if d == d]
        seen = self._is_near_window(joints)
        strokes += [(j[2] - 0.01, j, rgb) for j, rgb in zip(joints[seen], scene.joint_rgb[seen], strict=True)]
        for depth, shape, rgb in sorted(strokes, key=lambda s: -s[0]):
            color = QColor(*map(int, rgb))
            if shape.ndim == 2:
                width = min(max(1.5, _BONE_WIDTH_M * focal / depth), 0.5 * self.width())
                painter.setPen(QPen(color.darker(115), width, cap=Qt.PenCapStyle.RoundCap))
                painter.drawLine(QLineF(*shape[0, :2], *shape[1, :2]))
            else:
                radius = min(max(1.5, 0.5 * _JOINT_WIDTH_M * focal / depth), 0.5 * self.width())
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(color)
                painter.drawEllipse(QPointF(*shape[:2]), radius, radius)

    def _is_near_window(self, xy_depth: np.ndarray) -> np.ndarray:
        """(N,) bool of (N, 3) projected points; False where they are not known."""
        size = np.array([self.width(), self.height()])
        with np.errstate(invalid="ignore"):
            return np.all((xy_depth[:, :2] > -size) & (xy_depth[:, :2] < 2 * size), axis=1)
